"""llama-cpp-python's server with a random model: noise as text, real wire format."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from termchat.core.errors import FailureKind
from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.outcomes import ExitCode, Outcome
from termchat.core.provider import Params
from tests.engine.support import ask, ended, streamed_text
from tests.interop.support import free_port, installed, provider_config, script, serving, session, venv

pytestmark = [pytest.mark.interop, pytest.mark.xdist_group("llama"), pytest.mark.timeout(2000)]
TINY = ModelRef("openai", "tiny")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    # Without a wheel for this machine, pip compiles the package, which takes about ten minutes.
    folder = installed("llama", *venv("numpy", "gguf", "llama-cpp-python[server]"), seconds=1800)
    python, work, port = str(folder / "bin" / "python"), tmp_path_factory.mktemp("llama"), free_port()
    subprocess.run([python, str(Path(__file__).with_name("tiny_model.py")), str(work / "tiny.gguf")], check=True)
    command = [python, "-m", "llama_cpp.server", "--model", str(work / "tiny.gguf"), "--n_ctx", "4096"]
    with serving([*command, "--host", "127.0.0.1", "--port", str(port)], port, "/v1/models", work / "log") as url:
        yield url


async def test_llama_two_turns_end_with_valid_outcome(server: str) -> None:
    """The server knows only the older field, `max_tokens`."""
    made = provider_config(server, ApiProtocol.CHAT, quirks=frozenset({"max_tokens", "think_tags"}))
    async with session(TINY, made, params=Params(max_tokens=16)) as chat:
        for question in ("hello", "and on?"):
            events = await ask(chat, question)
            end = ended(events)
            if streamed_text(events):
                assert end.outcome in (Outcome.COMPLETE, Outcome.LENGTH), end.failure
            else:  # noise sometimes starts with the end token
                assert end.failure is not None
                assert end.failure.kind is FailureKind.EMPTY


async def test_llama_prompt_beyond_context_fails_with_hint(server: str) -> None:
    async with session(TINY, provider_config(server, ApiProtocol.CHAT, quirks=frozenset({"max_tokens"}))) as chat:
        end = ended(await ask(chat, "word " * 5000))
    assert end.outcome is Outcome.FAILED
    assert end.failure is not None
    assert end.failure.hint


def test_oneshot_prints_reply_and_exits_with_its_code(server: str, tmp_path: Path) -> None:
    preset = f'[providers.llamacpp]\nopenai = "{server}/v1"\n'
    done = script(tmp_path, preset, "--max-tokens", "16", "-m", "llamacpp/tiny", "hi")
    if done.out:
        assert done.code in (ExitCode.COMPLETE, ExitCode.LENGTH), done.err
    else:
        assert (done.code, "empty reply" in done.err) == (ExitCode.ERROR, True)
