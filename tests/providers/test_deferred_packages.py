"""Deferred packages compared with plain imports: the same names, classes and fields in a process of its own each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from termchat.providers.sdk.late_classes import LateModule, run_with_late_classes

# Prints a line for each public name of the packages that are deferred, most of them read before any `__init__` runs.
DESCRIBE = """
import enum, gc, importlib, json, re, sys
gc.disable()  # a third of the time
from termchat.providers.sdk import deferred_packages as deferred
sdk, way = sys.argv[1:]
packages, NAMES = json.loads(sys.stdin.read())
if way == "deferred":
    deferred._install()
    deferred.import_gemini_sdk()
root = importlib.import_module(sdk)
late = type(root.types) if sdk == "google.genai" else type(root)
assert (late.__name__ in ("DeferredPackage", "LateModule")) == (way == "deferred"), late

def in_order(literal):  # typing keeps one of two equal Literals, whatever the order of its values
    return "Literal[" + ", ".join(sorted(literal[1].split(", "))) + "]"

def describe(value):
    if isinstance(value, type):
        fields = getattr(value, "model_fields", None) or getattr(value, "__annotations__", {})
        fields = fields if isinstance(fields, dict) else {}
        names = [base.__qualname__ for base in value.__mro__]
        members = list(value.__members__.items()) if issubclass(value, enum.Enum) else []
        shown = " ".join(f"{k}: {v!r}" for k, v in fields.items())
        return f"class {value.__qualname__} {names} {members} " + re.sub(r"Literal\\[(.*?)\\]", in_order, shown)
    if callable(value) and hasattr(value, "__qualname__"):
        return f"function {value.__qualname__}"
    if type(value).__name__ in ("module", "DeferredPackage", "LateModule", "_Annotations"):
        return f"module {value.__name__}"
    return re.sub(" at 0x[0-9a-f]+", "", repr(value))

wanted = [sdk, *(f"{sdk}.{name}" for name in packages.split())]
for package in wanted:
    module = importlib.import_module(package)
    plain = {} if way == "deferred" else dict(vars(module))
    names = NAMES[package] if way == "deferred" else sorted(n for n in plain if not n.startswith("_"))
    for name in names:
        print(package, name, describe(getattr(module, name)).replace("\\n", " "))
"""
PACKAGES = {
    "google.genai": "types errors models client chats batches live",
    "openai": "types types.chat types.responses types.shared types.beta lib.streaming lib.streaming.chat",
    "anthropic": "types types.beta types.messages types.shared lib.streaming lib.tools lib.credentials lib._tracing "
    "_error_classes _exceptions",
}
# Functions and classes whose module runs when they are called; a class whose forward reference is resolved earlier.
LATE = {
    "anthropic.lib._tracing finish_api_call_span",
    "anthropic._error_classes make_status_error",
    "google.genai.client AsyncChats",
    "google.genai.client Chats",
    "google.genai.types EvaluationConfig",
}


@pytest.mark.parametrize("sdk", PACKAGES)
def test_deferred_sdk_has_same_names_classes_and_fields_as_plain(sdk: str) -> None:
    plain = _describe(sdk, "plain", {})
    names: dict[str, list[str]] = {}
    for key in plain:
        package, name = key.split(" ")
        names.setdefault(package, []).append(name)
    deferred = _describe(sdk, "deferred", names)
    assert len(plain) > 400
    assert {key: text for key, text in deferred.items() if text != plain[key] and key not in LATE} == {}
    assert deferred.keys() == plain.keys()


def test_late_classes_are_in_no_field_and_no_signature_that_is_read() -> None:
    code = (
        "import sys; from termchat.providers.sdk import deferred_packages as deferred, late_classes as late;"
        "deferred._install(); deferred.import_gemini_sdk(); import pydantic; from google.genai import types\n"
        "for name in dir(types): getattr(types, name)\n"
        "models = [c for c in pydantic.BaseModel.__subclasses__() for c in (c, *c.__subclasses__())]\n"
        "fields = [f for c in models for f in c.model_fields.values()]\n"
        "print(len(fields) > 500, [f for f in fields if late._is_late(f.annotation)])\n"
        "tool = types.Tool(google_search=types.GoogleSearch())\n"
        "config = types.GenerateContentConfig(tools=[tool], temperature=0.5)\n"
        "print(config.model_dump(exclude_none=True), isinstance(tool, types.Tool))"
    )
    printed = _run(code)
    first, second = printed.splitlines()
    assert first == "True []"
    assert second == "{'temperature': 0.5, 'tools': [{'google_search': {}}]} True"


def test_class_of_late_module_is_created_when_it_is_called() -> None:
    code = (
        "import sys; from termchat.providers.sdk import deferred_packages as deferred; deferred._install()\n"
        "deferred.import_gemini_sdk(); from google import genai\n"
        "client = genai.Client(vertexai=False, api_key='none')\n"
        "print(client.chats.create(model='m').get_history(), type(genai.chats.Chats), type(client.chats).__name__)"
    )
    printed = _run(code)
    assert printed == "[] <class 'type'> Chats\n"


def test_star_import_from_deferred_package_takes_all_names(tmp_path: Path) -> None:
    assert _fake_sdk(tmp_path, "from openai import *; print(Client, base)") == "client star"


def test_name_defined_by_init_runs_it(tmp_path: Path) -> None:
    assert _fake_sdk(tmp_path, "import openai; print(openai.own, openai.Client)") == "own client"


def test_name_of_deferred_package_imports_only_its_module(tmp_path: Path) -> None:
    code = "from openai import Client; print(Client, 'openai.lib' in sys.modules)"
    assert _fake_sdk(tmp_path, code) == "client False"


@pytest.mark.parametrize("protocol", ["CHAT", "RESPONSES", "ANTHROPIC"])
def test_client_factory_has_imported_what_a_client_needs(protocol: str) -> None:
    """Certificates load while the factory imports the SDK, and a client needs them: nothing may be left for it."""
    code = (
        "import sys; from termchat.core.models import ApiProtocol, ProviderConfig\n"
        "from termchat.providers import client_pool as pool; from termchat.providers.client import Endpoint\n"
        "protocol = ApiProtocol[sys.argv[1]]; http = pool.new_client(1.0)\n"
        "factory = pool.build_with_fallback(lambda: pool._client_factory(protocol)); found = set(sys.modules)\n"
        "config = ProviderConfig('x')\n"
        "endpoint = Endpoint(config, protocol, 'http://127.0.0.1:1', 'k', 'x', {}, http, pool.Redactor(), None)\n"
        "factory(endpoint, {}); print(sorted({*sys.modules} - found), len(found) > 300)"
    )
    assert _run(code, protocol) == "[] True\n"


def test_name_that_does_not_exist_is_import_error(tmp_path: Path) -> None:
    code = "\ntry:\n    from openai import nothing\nexcept ImportError as error:\n    print(error.name)"
    assert _fake_sdk(tmp_path, code) == "openai"


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ("from .moved import Client", "ModuleNotFoundError"),
        ("from .fails import Client", "AttributeError"),
        ("from ._client import Other as Client", "AttributeError"),
    ],
)
def test_broken_sdk_raises_same_error_as_plain(tmp_path: Path, broken: str, why: str) -> None:
    code = (
        "\ntry:\n    import openai; openai.Client\n"
        "except Exception as error:\n    print(isinstance(error, (ImportError, AttributeError)))"
    )
    assert _fake_sdk(tmp_path, code, init=broken) == "True", why


@pytest.mark.parametrize("init", ["from .fails import Client", "raise AttributeError('late')"])
def test_error_of_late_import_is_not_taken_for_missing_name(tmp_path: Path, init: str) -> None:
    code = (
        "\ntry:\n    import openai; getattr(openai, 'Client', None)\n"
        "except Exception as error:\n    print(type(error), repr(error.__cause__))"
    )
    assert _fake_sdk(tmp_path, code, init=init) == "<class 'ImportError'> AttributeError('late')"


def test_late_classes_that_name_each_other_are_completed(monkeypatch: pytest.MonkeyPatch) -> None:
    module = _late_module(
        monkeypatch,
        "import pydantic, typing\n"
        "class Ping(pydantic.BaseModel):\n    pong: typing.Optional['Pong'] = None\n"
        "class Pong(pydantic.BaseModel):\n    ping: typing.Optional['Ping'] = None\n",
    )
    ping = module.Ping.model_validate({"pong": {"ping": {}}})
    assert type(ping.pong) is module.Pong
    assert ping.model_dump() == {"pong": {"ping": {"pong": None}}}


@pytest.mark.parametrize("error", ["ValueError", "KeyError", "RuntimeError", "AttributeError"])
def test_error_of_late_class_is_import_error(monkeypatch: pytest.MonkeyPatch, error: str) -> None:
    module = _late_module(monkeypatch, f"class Broken:\n    raise {error}('late')")
    with pytest.raises(ImportError, match=r"Broken: .*late"):
        _ = module.Broken


def test_name_that_only_a_run_finds_is_found(tmp_path: Path) -> None:
    init = "from ._client import Client\nfor name in ('a', 'b'):\n    globals()[name] = Client.upper() + name"
    assert _fake_sdk(tmp_path, "import openai; print(openai.b, openai.a)", init=init) == "CLIENTb CLIENTa"


def test_opt_out_imports_plainly(tmp_path: Path) -> None:
    code = "import os; os.environ['TERMCHAT_EAGER_SDK'] = '1'; deferred._install(); import openai; print(type(openai))"
    assert _fake_sdk(tmp_path, code, install=False) == "<class 'module'>"


def test_import_plainly_after_failure_forgets_sdk_and_stays_plain(tmp_path: Path) -> None:
    code = (
        "import openai; print(deferred.import_plainly(NameError('x')), 'openai' in sys.modules);"
        "deferred._install(); import openai; print(type(openai), deferred.import_plainly(NameError('x')))"
    )
    assert _fake_sdk(tmp_path, code) == "True False\n<class 'module'> False"


def _late_module(monkeypatch: pytest.MonkeyPatch, source: str) -> LateModule:
    module = LateModule("late_sample")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    run_with_late_classes(compile(source, "<late_sample>", "exec"), module)
    return module


def _describe(sdk: str, way: str, names: dict[str, list[str]]) -> dict[str, str]:
    printed = _run(DESCRIBE, sdk, way, given=json.dumps([PACKAGES[sdk], names]))
    return {" ".join(line.split(" ")[:2]): line for line in printed.splitlines()}


def _run(code: str, *arguments: str, given: str = "") -> str:
    """Run code with the hook allowed, whatever the environment of the tests says, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *arguments],
        input=given, env=os.environ | {"TERMCHAT_EAGER_SDK": ""},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def _fake_sdk(folder: Path, code: str, *, init: str = "", install: bool = True) -> str:
    """Run code beside a small `openai` package and return what it prints."""
    files = {
        "__init__.py": init
        or "from ._client import Client\nfrom .lib import *\nown = 'own'\n__all__ = ['Client', 'base']",
        "_client.py": "Client = 'client'",
        "lib/__init__.py": "from .base import base",
        "lib/base.py": "base = 'star'",
        "fails.py": "raise AttributeError('late')",
    }
    for name, text in files.items():
        file = folder / "openai" / name
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_text(text)
    start = "import sys; from termchat.providers.sdk import deferred_packages as deferred; "
    begin = start + "sys.path.insert(0, sys.argv[1]); " + ("deferred._install(); " if install else "")
    return _run(begin + code, str(folder)).strip()
