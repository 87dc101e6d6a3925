"""Invalid input: one plain sentence, the next step, the exit code, no traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from termchat.cli import run_command_line
from termchat.config.setting_types import BooleanType
from termchat.config.settings import SETTINGS
from tests.cli.conftest import Program
from tests.gateway import Gateway, fault

FLAGS_OF_SETTINGS = [s.flag for s in SETTINGS.values() if s.flag and not isinstance(s.kind, BooleanType)]
FLAGS = ["--prompt", "--file", "--set", "--chat", "--schema", "--record", "--stdin-timeout", "--continue-cut"]
FLAGS += ["--messages", "--base-url", "--protocol", "--key", "--block", "--schema-retries", "--output", "--timeout"]


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "words"),
    [
        (["-m", "nobody/any", "hi"], None, 2, 'no provider "nobody"'),
        (["-m", "nonsense", "hi"], None, 2, '"nonsense"'),
        (["-m", "openai/gpt-5.2", "hi"], None, 77, "OPENAI_API_KEY"),
        ([], b"", 2, "No prompt given"),
        (["-m", "xopenai/any"], b"", 2, "No prompt given"),
        (["-m", "xopenai/any", "-f", "missing.txt", "hi"], None, 2, "missing.txt"),
        (["-m", "xopenai/any", "-f", ".", "hi"], None, 2, "directory"),
        (["-m", "xopenai/any", "-s", "@missing", "hi"], None, 2, "missing"),
        (["-m", "xopenai/any", "hi"], b"caf\xe9", 2, "not UTF-8"),
        (["--think", "hard", "hi"], None, 2, "off, minimal, low"),
        (["--nonsense", "hi"], None, 2, "--nonsense"),
        (["--schema", "/dev/zero", "hi"], None, 2, "larger than 4 MB"),
        (["--timeout", "nan", "hi"], None, 2, "--timeout"),
        (["--timeout", "-1", "hi"], None, 2, "--timeout"),
        (["--schema-retries", "2", "hi"], None, 2, "requires --schema"),
        (["--protocol", "gemini", "hi"], None, 2, "requires --base-url"),
        (["--base-url", "ftp://x", "-m", "y", "hi"], None, 2, "not an http or https address"),
        (["--base-url", "http://x", "--protocol", "gemni", "-m", "y", "hi"], None, 2, "Did you mean gemini?"),
        (["--base-url", "http://127.0.0.1:9", "--key", "file:none", "-m", "y", "hi"], None, 77, "Cannot read the key"),
        (["--base-url", "http://127.0.0.1:9", "--key", "env:NONE", "-m", "y", "hi"], None, 77, "NONE is not set"),
        (["-x", "--json", "hi"], None, 2, "exclude each other"),
        (["--messages", "/dev/zero", "hi"], None, 2, "larger than 32 MB"),
        (["-o", "/", "hi"], None, 2, "directory"),
        (["chats", "export", "-o", ""], None, 2, "--output is empty"),
        (["serve", "--host", "0.0.0.0", "--port", "0"], None, 2, "--insecure"),
        (["usage", "--by", "foo"], None, 2, "'--by': 'foo' is not one of"),
        (["-m", "demo/nope", "hi"], None, 2, "demo/nope"),
        (["--theme", "nope", "-m", "xopenai/any", "hi"], None, 2, "nope"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_invalid_input_exits_with_one_sentence(
    program: Program, arguments: list[str], stdin: bytes | None, code: int, words: str
) -> None:
    done = program.run(*arguments, stdin=stdin)
    assert (done.code, done.out) == (code, b"")
    assert words in done.err
    assert "Traceback" not in done.err
    assert program.gateway.requests == []


@pytest.mark.parametrize("flag", [*FLAGS, *FLAGS_OF_SETTINGS])
def test_empty_value_of_option_is_named_and_nothing_is_sent(
    flag: str, gateway_thread: Gateway, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "termchat/config.toml"
    file.parent.mkdir()
    file.write_text(f'[providers.x]\nkey = "k-0123456789"\nopenai = "{gateway_thread.url}/v1"\nmodel = "any"\n')
    file.chmod(0o600)
    env = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "TERMCHAT_MODEL": "x/any"}
    assert run_command_line([flag, "", "hello"], env) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert flag in shown.err
    assert gateway_thread.requests == []


@pytest.mark.parametrize("name", ["~nosuch/x", "a" * 300, "p.jsonl/x", "loop"], ids=["user", "long", "file", "loop"])
@pytest.mark.parametrize(
    "command",
    [
        "-n -o {} hi", "-n -f {} hi", "-n -f {}/ hi", "-n -f {}#2-3 hi", "-n -s @{} hi", "-n --schema {}/.json hi",
        "-n --messages {}", "-n --record {} hi", "-n --functions {} hi", "-n --set system=@{} hi",
        "-n --base-url http://127.0.0.1:9 --key file:{} -m m hi", "batch {}", "batch p.jsonl -o {}",
        "batch p.jsonl --journal {}", "batch p.jsonl --schema {}/.json", "batch merge {}", "replay {}",
        "chats export last -o {}", "chats import {}", "serve --port 0 --token-file {}",
        "serve --port 0 --tls-cert {} --tls-key {}", "mcp import {}",
    ],
)  # fmt: skip
def test_path_that_cannot_be_used_is_named(
    command: str, name: str, program: Program, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(program.cwd)
    (program.cwd / "p.jsonl").write_text('"hi"')
    (program.cwd / "loop").symlink_to("loop")
    env = {**program.env, "TERMCHAT_MODEL": "xopenai/any"}
    code = run_command_line(command.format(name, name).split(), env)
    shown = capfd.readouterr()
    assert (code, shown.out) == (77 if "file:" in command else 2, "")
    assert name[:20] in shown.err
    assert program.gateway.requests == []


def test_path_with_tilde_is_in_the_home_directory(
    program: Program, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(program.home))
    (program.home / "cert.pem").write_text("no certificate")
    assert run_command_line(["serve", "--port", "0", "--tls-cert=~/cert.pem", "--tls-key=~/cert.pem"], program.env) == 2
    assert "no such file" not in capsys.readouterr().err


def test_missing_key_and_model_names_variables_to_set(program: Program) -> None:
    program.configure("")
    done = program.run("hello")
    assert (done.code, done.out) == (77, b"")
    assert all(name in done.err for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"))


def test_invalid_config_line_is_named(program: Program) -> None:
    program.configure('model = "xopenai/any"\nthink = "hard"\n')
    done = program.run("hello")
    assert done.code == 2
    assert "config.toml" in done.err
    assert "2" in done.err
    assert "think" in done.err
    assert "medium" in done.err


@pytest.mark.parametrize("protocol", ["openai", "responses", "anthropic", "gemini"])
def test_web_page_instead_of_reply_hints_at_base_url(program: Program, protocol: str) -> None:
    program.gateway.always(fault.html_200())
    done = program.run("-m", f"x{protocol}/any", "hello")
    assert (done.code, done.out, len(program.gateway.asked)) == (1, b"", 1)
    assert "web page" in done.err
    assert "base URL" in done.err
    assert "<" not in done.err


def test_current_directory_is_not_configuration(program: Program) -> None:
    (program.cwd / ".env").write_text("OPENAI_API_KEY=sk-stolen-not-a-real-key\n")
    (program.cwd / "config.toml").write_text("nonsense = 1\n")
    (program.cwd / "openai.py").write_text("raise SystemExit('hijacked')\n")
    program.configure("")
    done = program.run("hello")
    assert done.code == 77
    assert "hijacked" not in done.err
