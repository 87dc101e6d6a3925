"""termchat in a home full of hostile texts, shared by the tests of one module."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import KEY, PROTOCOLS, Program, program
from tests.gateway import GatewayThread, Reasoning, Reply, Text
from tests.trust.escapes import PAYLOADS, all_payloads

__all__ = ["ALL", "ARGUMENT", "BAD_CONFIGS", "hostile", "program"]  # `program` is a fixture
ALL = all_payloads()
ARGUMENT = all_payloads("\0", "\ud83d", "\udc00")  # the rest of the surrogates stand for bytes
TOML = json.dumps(all_payloads("\n", "\ud83d", "\udc00", "\udc9b", "\udc9c", "\udc9d", "\x7f"), ensure_ascii=True)
FILE_TEXT = ALL.encode("utf-8", "replace").decode()

_CONFIG = f"""
system = {TOML}
[aliases]
{TOML} = {TOML}
[providers.other]
key = "k-other"
openai = "http://127.0.0.1:1/v1"
headers = {{ X-Note = {TOML} }}
[mcp.program]
command = {TOML}
args = [{TOML}]
"""
BAD_CONFIGS = {  # name of a folder -> what its config.toml begins with
    "bad-value": f"think = {TOML}",
    "bad-key": f"{TOML} = 1",
    "bad-rule": f"allow = [{TOML}]",
    "bad-provider": f"providers.{TOML}.key = {TOML}",
    "bad-server": f"mcp.{TOML}.command = {TOML}",
    "bad-binding": f"keys.{TOML} = {TOML}",
    "bad-text": f"model = {FILE_TEXT}",
}
_FUNCTIONS = f"""
def evil(x: int) -> str:
    {"Describe " + TOML!r}
    print({TOML})
    raise RuntimeError({TOML})
"""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """termchat whose configuration, files, names, model lists and roles have all payloads in them."""
    folder = tmp_path_factory.mktemp("hostile")
    home, cwd = folder / "home", folder / "work"
    with GatewayThread() as gateway:
        gateway.expect_problems()
        gateway.allow_plain()
        for protocol in gateway.models:
            gateway.models[protocol] = tuple(f"m{number}{text}" for number, text in enumerate(PAYLOADS.values()))
        env = {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TERMCHAT_MAX_RETRIES": "0"}
        house = Program(gateway, home, cwd, env)
        url = gateway.url
        bases = dict(zip(PROTOCOLS, (f"{url}/v1", f"{url}/v1", f"{url}/anthropic", url), strict=True))
        house.configure(
            "\n".join((_CONFIG, *(f'[providers.x{p}]\nkey = "{KEY}"\n{p} = "{u}"\n' for p, u in bases.items())))
        )
        _write_files(home / ".config" / "termchat", cwd)
        gateway.reply(Reply(Reasoning(ALL), Text(ALL)))
        assert house.run("-m", "xopenai/any", ARGUMENT).code == 0
        yield house


def _write_files(config: Path, cwd: Path) -> None:
    names = [text.replace("/", "").replace("\0", "")[:80] for text in PAYLOADS.values()]
    for folder, suffix in ((cwd / "names", ""), (config / "prompts", ".md"), (config / "themes", ".toml")):
        folder.mkdir(parents=True)
        for number, name in enumerate(names):
            raw = f"{number:02}{name}{suffix}".encode(
                "utf-8", "surrogatepass" if "\ud83d" in name else "surrogateescape"
            )
            (Path(os.fsdecode(os.path.join(os.fsencode(folder), raw)))).write_text(FILE_TEXT)
    (config / "prompts" / "evil.md").write_text(f"---\nmodel: {TOML}\n---\n{FILE_TEXT}")
    (config / "themes" / "evil.toml").write_text(f"kind = {TOML}\n")
    rows = ({"id": f"{n}{text}", "prompt": text} for n, text in enumerate(PAYLOADS.values()))
    for name, text in {
        "text": FILE_TEXT,
        "evil.py": _FUNCTIONS,
        "evil.json": json.dumps({"mcpServers": {ALL: {"command": ALL}}}),
        "rows.jsonl": "".join(f"{json.dumps(row)}\n" for row in rows),
    }.items():
        (cwd / name).write_text(text)
    for name, text in BAD_CONFIGS.items():
        file = cwd / name / "termchat" / "config.toml"
        file.parent.mkdir(parents=True)
        file.write_text(f"{text}\n")
        file.chmod(0o600)
    last = cwd / "last"
    last.write_text(f"1\n{FILE_TEXT}")
    last.chmod(0o600)
