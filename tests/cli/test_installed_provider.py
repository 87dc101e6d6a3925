"""Providers of an installed package: a distribution whose metadata and module are on the module path."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path

import pytest

from tests.cli.conftest import KEY, Done, Program
from tests.gateway import Reply, Text

MODULE = '''
    import os
    from termchat.core.events import Finished, TextDelta
    from termchat.core.messages import Origin
    from termchat.core.models import ApiProtocol
    from termchat.core.outcomes import FinishReason

    open(os.environ["MARK"], "w").close()
    gate = {"title": "Gate", "key": "env:GATE_KEY", "openai": os.environ["GATE_URL"], "models": ["small"]}
    wrong = {"title": "Wrong", "openay": "http://localhost"}
    empty = {"title": "Empty"}

    class Echo:
        def __init__(self, name, model):
            self.origin = Origin(name, ApiProtocol.CHAT, model)

        async def stream(self, request, monitor):
            """Answer with the question."""
            if self.origin.model == "broken":
                raise ZeroDivisionError("nothing to divide")
            yield TextDelta(0, f"{self.origin.model}: {request.messages[-1].text}")
            yield Finished(FinishReason.STOP)

    one = Echo("one", "echo")

    def many(model):
        if model == "bad":
            raise KeyError(model)
        return Echo("many", model)

    neither = 5
'''
NAMES = ("gate", "wrong", "empty", "one", "many", "neither", "gone", "xopenai")


@pytest.fixture
def site(program: Program) -> Path:
    """A directory with the distribution `acme 0.3`, which brings the providers of NAMES."""
    site = program.home / "site"
    info = site / "acme-0.3.dist-info"
    info.mkdir(parents=True)
    (site / "acme_models.py").write_text(textwrap.dedent(MODULE))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 0.3\n")
    rows = "".join(f"{name} = acme_models:{name}\n" for name in NAMES)
    (info / "entry_points.txt").write_text(f"[termchat.providers]\n{rows}")
    program.env["PYTHONPATH"] = os.pathsep.join((str(site), os.environ.get("PYTHONPATH", "")))
    program.env["MARK"] = str(program.home / "imported")
    program.env["GATE_URL"] = f"{program.gateway.url}/v1"
    return site


def ask(program: Program, model: str, **env: str) -> Done:
    return program.run("-m", model, "hello", env=env)


def test_installed_settings_are_those_of_a_provider(program: Program, site: Path) -> None:
    program.gateway.always(Reply(Text("through the gate")))
    done = ask(program, "gate/small", GATE_KEY=KEY)
    assert (done.out, done.code, done.err) == (b"through the gate", 0, "")
    assert program.gateway.asked[0].body["model"] == "small"
    assert program.gateway.asked[0].headers["authorization"] == f"Bearer {KEY}"
    missing = ask(program, "gate/small")
    assert missing.code == 77
    assert "GATE_KEY" in missing.err


@pytest.mark.parametrize(
    ("model", "text"), [("one/echo", "echo: hello"), ("many/a", "a: hello"), ("many/b/c", "b/c: hello")]
)
def test_installed_code_answers_as_its_models(program: Program, site: Path, model: str, text: str) -> None:
    done = ask(program, model)
    assert (done.out.decode(), done.code, done.err) == (text, 0, "")


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("wrong/m", "package acme 0.3: providers.wrong.openay is not a known key."),
        ("empty/m", "package acme 0.3: providers.empty has no base URL."),
        ("one/other", "package acme 0.3 has the model one/echo, not one/other."),
        ("many/bad", "The provider of package acme 0.3 cannot be used: KeyError: 'bad'."),
        ("many/broken", "The provider of package acme 0.3 cannot be used: ZeroDivisionError: nothing to divide."),
        ("neither/m", "The provider of package acme 0.3 cannot be used: it needs `origin` and `stream`"),
        ("gone/m", "cannot be used: AttributeError: module 'acme_models' has no attribute 'gone'."),
        ("nobody/m", 'There is no provider "nobody".'),
    ],
)
def test_installed_provider_that_cannot_answer_is_explained(
    program: Program, site: Path, model: str, words: str
) -> None:
    done = ask(program, model)
    assert words in done.err.replace("\n", " ")
    assert "Traceback" not in done.err
    assert done.code not in (0, 130)


def test_installed_package_is_not_imported_for_other_models(program: Program, site: Path) -> None:
    program.gateway.always(Reply(Text("ok")))
    assert ask(program, "xopenai/any").out == b"ok"  # the configuration has this name, too
    assert "one/\n" in program.run("tools").out.decode()
    assert not Path(program.env["MARK"]).exists()
