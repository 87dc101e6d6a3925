"""Deferred import of the SDKs through the whole program: same requests, and a fall-back that loses nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cli.conftest import PROTOCOLS, Done, Program
from tests.gateway import Reply, fault

# Damages the deferred import, runs the command line, and prints the debug log to standard error.
SABOTAGE = """
import logging, sys
logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
for name in ("openai", "anthropic", "httpx2", "httpcore2", "asyncio"):
    logging.getLogger(name).setLevel(logging.ERROR)
from termchat.providers.sdk import deferred_packages as deferred
{damage}
from termchat.__main__ import main
main()
"""
DAMAGES = {
    "module renamed": "class Moved(dict):\n"
    "    def get(self, name, default=None):\n        return deferred._Export('openai.moved', name)\n"
    "deferred._works = lambda: True\ndeferred.find_exports = lambda *given: Moved()",
    "wrong object": "load = deferred._load; deferred._load = lambda package, export: "
    "None if export.name in ('AsyncOpenAI', 'AsyncAnthropic') else load(package, export)",
    "name missing": "deferred._load = lambda package, export: undefined",
    "error while sending": "from termchat.providers.protocols import openai_sdk\n"
    "def post(*args, **more):\n    raise NameError('late import')\n"
    "from termchat.providers.protocols.anthropic import client as anthropic\n"
    "from termchat.providers.protocols.openai_chat import client as chat\n"
    "from termchat.providers.protocols.openai_responses import client as responses\n"
    "chat.post = responses.post = post\n"
    "anthropic.AsyncAnthropic.post = post",
}
CASES = [(damage, protocol) for damage in DAMAGES for protocol in ("openai", "anthropic")]
CASES += [("error while sending", "responses")]  # the import is that of `openai`


@pytest.mark.parametrize(("damage", "protocol"), CASES)
def test_failed_deferred_import_falls_back_to_plain_import(program: Program, damage: str, protocol: str) -> None:
    program.gateway.reply(Reply.text("the answer"))
    code = SABOTAGE.format(damage=DAMAGES[damage].replace("openai.moved", f"{_sdk(protocol)}.moved"))
    if damage == "error while sending":
        code = code.replace(
            "from termchat.providers.protocols import",
            "deferred._install()\nfrom termchat.providers.protocols import",
            1,
        )
    done = _run(program, code, "-m", f"x{protocol}/any", "question")
    assert (done.code, done.out) == (0, b"the answer"), done.err
    assert "the SDKs are imported plainly" in done.err
    assert len(program.gateway.asked) == 1


@pytest.mark.parametrize(
    "damage",
    [
        "from termchat.providers.sdk import late_classes as late\nlate.created = lambda value: undefined",
        "from termchat.providers.sdk import late_classes as late\nlate._is_late = lambda value: True",
        "import builtins, types\nfrom termchat.providers.sdk import late_classes as late\n"
        "def build_class(*given, **more):\n    raise ValueError('late')\n"
        "late.builtins = types.SimpleNamespace(**{**vars(builtins), '__build_class__': build_class})",
    ],
    ids=["name missing", "plain values late", "error of another kind"],
)
def test_failed_late_class_falls_back_to_plain_import(program: Program, damage: str) -> None:
    program.gateway.reply(Reply.text("the answer"))
    damage = f"deferred._install()\n{damage}"
    done = _run(program, SABOTAGE.format(damage=damage), "-m", "xgemini/any", "question")
    assert (done.code, done.out) == (0, b"the answer"), done.err
    assert "the SDKs are imported plainly" in done.err
    assert len(program.gateway.asked) == 1


def test_failed_late_import_of_an_error_response_still_shows_the_error(program: Program) -> None:
    program.gateway.reply(fault.status(401), fault.status(401))
    damage = "def run(self):\n    raise ImportError('late')\ndeferred.DeferredPackage._run = run"
    done = _run(program, SABOTAGE.format(damage=damage), "-m", "xanthropic/any", "question")
    assert done.code == 77, done.err
    assert "the SDKs are imported plainly" in done.err
    assert "refused the key (401" in done.err
    assert len(program.gateway.asked) == 2


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_request_is_the_same_with_and_without_deferred_import(program: Program, protocol: str) -> None:
    program.gateway.reply(Reply.text("one"), Reply.text("two"))
    for value, text in (("", b"one"), ("1", b"two")):
        done = program.run("-m", f"x{protocol}/any", "question", env={"TERMCHAT_EAGER_SDK": value})
        assert (done.code, done.out) == (0, text), done.err
    first, second = program.gateway.asked
    assert first.body == second.body
    assert dict(first.headers) == dict(second.headers)


def _sdk(protocol: str) -> str:
    return "anthropic" if protocol == "anthropic" else "openai"


def _run(program: Program, code: str, *arguments: str) -> Done:
    env = {**program.env, "TERMCHAT_EAGER_SDK": ""}  # whatever the environment of the tests says
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, cwd=program.cwd, env=env, timeout=40, check=False,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr.decode())
