"""`termchat serve` and programs of others: llm in all three dialects, Claude Code in Messages, Codex in Responses."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.gateway import Call, Cut, Reply, Stall, Text
from tests.interop.support import installed, venv
from tests.serve.served import MODELS, TOKEN, Served, running

pytestmark = [pytest.mark.interop, pytest.mark.xdist_group("serve_clients"), pytest.mark.timeout(900)]
NPM = ("npm", "install", "--prefix", "{}", "--no-audit", "--no-fund")
FACES = ("chat", "responses", "messages")
MANY = 50
ASK_ALL = """
import asyncio, sys
import llm
async def ask(name):
    return await llm.get_async_model(name).prompt("hello", stream=True).text()
async def ask_all():
    found = await asyncio.gather(*map(ask, sys.argv[1:]))
    print(len(found), *set(found))
asyncio.run(ask_all())
"""
PICTURE = b"\x89PNG\r\n\x1a\n0000"
every_face = pytest.mark.parametrize("face", FACES)
every_upstream = pytest.mark.parametrize("upstream", MODELS)


def answer(request: Any) -> Reply:
    """Answer by the words of the question."""
    text = request.raw.decode()
    if "cut me" in text:
        return Reply(Text("half of"), Cut("fin"))
    if "stall-here" in text:
        return Reply(Text("begin"), Stall())
    results = ('"tool_result"', '"role":"tool"', '"role": "tool"', "function_call_output", "functionResponse")
    if "which version" in text and not any(word in text for word in results):
        return Reply(Call("llm_version", {}))
    return Reply(Text("Hello, wörld"))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with running(tmp_path_factory.mktemp("home")) as found:
        found.gateway.always(answer)
        yield found


class Program:
    """A foreign program with a home of its own."""

    def __init__(self, home: Path, words: tuple[str, ...], **env: str) -> None:
        self._words = words
        self._env = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", **env}
        self._home = home

    async def python(self, *arguments: str) -> tuple[int, str]:
        """Run the interpreter of the program."""
        return await Program(self._home, (str(Path(self._words[0]).with_name("python")),), **self._env).run(*arguments)

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *self._words, *arguments, env=self._env, cwd=self._home, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip

    async def run(self, *arguments: str) -> tuple[int, str]:
        """Run it to its end; return its exit code and what it printed."""
        process = await self.start(*arguments)
        out, _ = await asyncio.wait_for(process.communicate(), 120)
        assert process.returncode is not None
        return process.returncode, out.decode()


@pytest.fixture(scope="module")
def llm(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Program:
    folder, home = installed("llm", *venv("llm", "llm-anthropic")), tmp_path_factory.mktemp("llm")
    rows = [
        {
            "model_id": f"{face}-{upstream}", "model_name": name, "api_base": f"{served.url}/v1", "api_key_name": "it",
            "vision": True, "supports_tools": True, "responses": face == "responses",
        }
        for face in FACES[:2] for upstream, name in MODELS.items()
    ]  # fmt: skip
    (home / "extra-openai-models.yaml").write_text(json.dumps(rows))  # JSON is YAML
    (home / "keys.json").write_text(json.dumps({"it": TOKEN}))
    env = {"LLM_USER_PATH": str(home), "ANTHROPIC_BASE_URL": served.url, "ANTHROPIC_API_KEY": TOKEN}
    program = Program(home, (str(folder / "bin" / "llm"),), **env)
    code, out = asyncio.run(program.run("anthropic", "refresh"))  # the models for Messages are those of /v1/models
    assert (code, MODELS["gemini"] in out) == (0, True), out
    return program


def name_of(face: str, upstream: str) -> str:
    return f"anthropic/{MODELS[upstream]}" if face == "messages" else f"{face}-{upstream}"


@every_upstream
@every_face
async def test_llm_gets_text_tool_picture_and_cut(
    served: Served, llm: Program, tmp_path: Path, face: str, upstream: str
) -> None:
    model, picture = name_of(face, upstream), tmp_path / "a.png"
    picture.write_bytes(PICTURE)
    assert await llm.run("-m", model, "hello") == (0, "Hello, wörld\n")
    code, out = await llm.run("-m", model, "-T", "llm_version", "which version")
    assert (code, out.strip()) == (0, "Hello, wörld")
    number = len(served.gateway.asked)
    code, out = await llm.run("-m", model, "-a", str(picture), "hello")
    assert (code, out.strip()) == (0, "Hello, wörld")
    assert "iVBORw0KGgo" in served.gateway.asked[number].raw.decode()
    code, out = await llm.run("-m", model, "cut me")
    assert code != 0
    assert "the reply is incomplete" in out


@every_face
async def test_llm_reads_many_streams_at_once(llm: Program, face: str) -> None:
    names = [name_of(face, list(MODELS)[n % 4]) for n in range(MANY)]
    code, out = await llm.python("-c", ASK_ALL, *names)
    assert (code, out) == (0, f"{MANY} Hello, wörld\n")


@every_face
async def test_killed_llm_stops_upstream(served: Served, llm: Program, face: str) -> None:
    number = len(served.gateway.requests) + 1
    process = await llm.start("-m", name_of(face, "anthropic"), "stall-here")
    request = await served.gateway.request(number)
    assert process.stdout
    await asyncio.wait_for(process.stdout.readexactly(5), 60)
    left = time.monotonic()
    process.kill()
    await request.wait_closed()
    assert request.closed_at is not None
    assert request.closed_at - left < 0.5  # 0.1 on a quiet machine
    await process.wait()


@every_upstream
async def test_claude_code_answers_and_reports_cut(served: Served, tmp_path: Path, upstream: str) -> None:
    folder = installed("claude-code", (*NPM, "@anthropic-ai/claude-code"))
    model = MODELS[upstream]
    env = {
        "ANTHROPIC_BASE_URL": served.url, "ANTHROPIC_AUTH_TOKEN": TOKEN, "ANTHROPIC_MODEL": model,
        "ANTHROPIC_SMALL_FAST_MODEL": model, "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1", "CLAUDE_CODE_MAX_RETRIES": "0",
    }  # fmt: skip
    program = Program(tmp_path, (str(folder / "node_modules" / ".bin" / "claude"), "-p"), **env)
    assert await program.run("hello") == (0, "Hello, wörld\n")
    code, out = await program.run("cut me")
    assert code != 0
    assert "the reply is incomplete" in out


@every_upstream
async def test_codex_answers_and_reports_cut(served: Served, tmp_path: Path, upstream: str) -> None:
    folder = installed("codex", (*NPM, "@openai/codex"))
    provider = (
        f'model_providers.it={{name="it",base_url="{served.url}/v1",env_key="IT_KEY",wire_api="responses",'
        "request_max_retries=0,stream_max_retries=0}"
    )
    words = (str(folder / "node_modules" / ".bin" / "codex"), "exec", "--json", "--skip-git-repo-check")
    settings = ("-c", "model_provider=it", "-c", f"model={MODELS[upstream]}", "-c", provider)
    program = Program(tmp_path, (*words, *settings), CODEX_HOME=str(tmp_path), IT_KEY=TOKEN)
    code, out = await program.run("hello")
    assert (code, '"text":"Hello, wörld"' in out) == (0, True), out
    code, out = await program.run("cut me")
    assert code != 0
    assert "the reply is incomplete" in out
