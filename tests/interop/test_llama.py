"""llama-cpp-python's server with a random model: what it says is noise, how it says it is not."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from termchat.core.errors import FailureKind
from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.outcomes import ExitCode, Outcome
from termchat.core.provider import Params
from tests.engine.support import ask, ended, said
from tests.interop.support import free_port, installed, profile, script, serving, talk, venv

pytestmark = [pytest.mark.interop, pytest.mark.xdist_group("llama"), pytest.mark.timeout(2000)]
TINY = ModelRef("openai", "tiny")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    # There may be no wheel for this machine: then it is compiled, which takes some ten minutes.
    folder = installed("llama", *venv("numpy", "gguf", "llama-cpp-python[server]"), seconds=1800)
    python, work, port = str(folder / "bin" / "python"), tmp_path_factory.mktemp("llama"), free_port()
    subprocess.run([python, str(Path(__file__).with_name("tiny.py")), str(work / "tiny.gguf")], check=True)
    command = [python, "-m", "llama_cpp.server", "--model", str(work / "tiny.gguf"), "--n_ctx", "4096"]
    with serving([*command, "--host", "127.0.0.1", "--port", str(port)], port, "/v1/models", work / "log") as url:
        yield url


async def test_two_turns_each_with_a_true_end(server: str) -> None:
    """It stops by itself or at the limit, and knows no other name for the limit than the old one."""
    made = profile(server, ApiProtocol.CHAT, quirks=frozenset({"max_tokens", "think_tags"}))
    async with talk(TINY, made, params=Params(max_tokens=16)) as session:
        for question in ("hello", "and on?"):
            events = await ask(session, question)
            end = ended(events)
            if said(events):
                assert end.outcome in (Outcome.COMPLETE, Outcome.LENGTH), end.failure
            else:  # now and then noise begins with its end
                assert end.failure is not None
                assert end.failure.kind is FailureKind.EMPTY


async def test_more_than_fits_is_told(server: str) -> None:
    async with talk(TINY, profile(server, ApiProtocol.CHAT, quirks=frozenset({"max_tokens"}))) as session:
        end = ended(await ask(session, "word " * 5000))
    assert end.outcome is Outcome.FAILED
    assert end.failure is not None
    assert end.failure.hint


def test_a_script(server: str, tmp_path: Path) -> None:
    preset = f'[providers.llamacpp]\nopenai = "{server}/v1"\n'
    done = script(tmp_path, preset, "--max-tokens", "16", "-m", "llamacpp/tiny", "hi")
    if done.out:
        assert done.code in (ExitCode.COMPLETE, ExitCode.LENGTH), done.err
    else:
        assert (done.code, "empty reply" in done.err) == (ExitCode.ERROR, True)
