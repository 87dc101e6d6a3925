"""An internal error anywhere is a sentence that names a report; the chat goes on, and a script ends with code 1.

The report has the place of the error, and neither the key nor the sentence in the error's text.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import sys
import threading
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from termchat import __main__
from termchat.app.diagnosis.error_reports import LONGEST, MOST, ErrorReports, saved_reports
from termchat.core.errors import bug_reporting
from termchat.core.redact import Redactor
from termchat.ui.stderr import report_stray_errors
from tests.cli.conftest import Program, program  # noqa: F401 - a fixture
from tests.cli.scripts.test_serve import serving
from tests.faults.broken.sitecustomize import KEY, TEXT
from tests.fork_server import ROOT
from tests.gateway import Reply, Text
from tests.pty.harness import Terminal

BROKEN = Path(__file__).parent / "broken"
CHAT = (sys.executable, "-m", "termchat")
SENTENCE = "Internal error in termchat (ValueError)."


def broken(home: Path, function: str, passing: int = 0) -> dict[str, str]:
    """The environment of a process in which a function raises after some calls."""
    return {
        "HOME": str(home),
        "OPENAI_API_KEY": KEY,
        "TERMCHAT_DEMO_SPEED": "0",
        "PYTHONPATH": f"{BROKEN}:{ROOT}",
        "TESTFAULT": function,
        "TESTSKIP": str(passing),
    }


def check_report(env: Mapping[str, str], place: str) -> None:
    """Check that there is one report, readable by its owner, with the place and without secrets."""
    (report,) = saved_reports(env)
    text = report.read_text()
    assert place in text
    assert "ValueError (text of" in text
    assert KEY not in text
    assert TEXT not in text
    assert str(env["HOME"]) not in text
    assert report.stat().st_mode & 0o777 == 0o600
    assert report.parent.stat().st_mode & 0o777 == 0o700


def words(terminal: Terminal) -> str:
    """The text of the screen in one line, however it is wrapped."""
    return " ".join(terminal.text.split())


def check_screen(terminal: Terminal) -> None:
    shown = words(terminal)
    assert "Traceback" not in shown
    assert TEXT not in shown
    assert KEY not in shown


@pytest.mark.parametrize("columns", [80, 40])
def test_bug_in_turn_keeps_partial_reply_and_draft_and_chat(tmp_path: Path, columns: int) -> None:
    env = broken(tmp_path, "termchat.engine.turn:Turn._streamed", 1)
    with Terminal((*CHAT, "-m", "demo/tour"), columns=columns, env=env) as terminal:
        terminal.shows("❯")
        terminal.send("show markdown\r")
        terminal.until(lambda: f"{SENTENCE} Report: ~/.local/state/termchat" in words(terminal))
        terminal.send("/usage\r")
        terminal.shows("turns")
        terminal.send("half a draft")
        terminal.shows("❯ half a draft")
        check_screen(terminal)
        terminal.send("\x15\x04")
        assert terminal.leaves() == 0
    check_report(env, "termchat/engine/turn.py")
    with closing(sqlite3.connect(tmp_path / ".local/share/termchat/termchat.db")) as db:
        assert db.execute("SELECT count(*) FROM nodes").fetchone()[0] == 2


@pytest.mark.parametrize(
    ("function", "columns"),
    [("termchat.commands.registry:CommandRegistry.run", 40), ("termchat.ui.repl.turns:TurnRunner.send", 80)],
)
def test_bug_in_command_or_task_leaves_chat_usable(tmp_path: Path, function: str, columns: int) -> None:
    env = broken(tmp_path, function)
    with Terminal((*CHAT, "-m", "demo/tour"), columns=columns, env=env) as terminal:
        terminal.shows("❯")
        terminal.send("/usage\r" if "commands" in function else "hello\r")
        terminal.shows("Internal error in termchat")
        terminal.until(lambda: "please attach it to a bug report." in words(terminal))
        terminal.send("half a draft")
        terminal.shows("half a draft")
        check_screen(terminal)
        terminal.send("\x15\x04")
        assert terminal.leaves() == 0
    check_report(env, "termchat/ui/repl/")


def test_bug_at_exit_of_chat_restores_terminal(tmp_path: Path) -> None:
    env = broken(tmp_path, "termchat.ui.repl.turns:TurnRunner.close")
    with Terminal((*CHAT, "-m", "demo/tour"), columns=40, env=env) as terminal:
        terminal.shows("❯")
        terminal.send("hello\r")
        terminal.shows(" out · ")
        assert terminal.quits() == 1
        assert terminal.tty() == terminal.initial
        check_screen(terminal)
        assert SENTENCE in words(terminal)
    check_report(env, "termchat/__main__.py")


@pytest.mark.parametrize("columns", [80, 40])
def test_bug_at_start_of_chat_returns_typed_text(tmp_path: Path, columns: int) -> None:
    function = "termchat.app:configure" if columns == 80 else "termchat.ui.repl.app:Repl.run"
    env = broken(tmp_path, function)
    with Terminal((*CHAT, "-m", "demo/tour"), columns=columns, env=env, before="typed early") as terminal:
        assert terminal.leaves() == 1
        check_screen(terminal)
        assert words(terminal).startswith(f"termchat: {SENTENCE}")
        assert terminal.lines.count("termchat: Not sent: typed early") == 1
        assert terminal.tty() == terminal.initial
    check_report(env, "termchat/__main__.py")


def test_bug_in_thread_or_task_is_one_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error_logs: list[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    monkeypatch.setattr(bug_reporting, "write", ErrorReports({"HOME": str(tmp_path)}).write)
    monkeypatch.setattr(logging.getLogger("asyncio"), "handlers", [])
    __main__._report_threads()
    report_stray_errors()

    def fail() -> None:
        raise ValueError(TEXT)

    async def lose_task() -> None:
        asyncio.get_running_loop().call_soon(fail)
        await asyncio.sleep(0)

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    asyncio.run(lose_task())
    error_logs.clear()
    shown = capsys.readouterr().err
    assert shown.count(f"termchat: {SENTENCE}\n") == 2
    assert "Traceback" not in shown
    assert TEXT not in shown
    assert len(saved_reports({"HOME": str(tmp_path)})) == 2


@pytest.mark.parametrize(
    ("function", "place", "arguments", "stdin"),
    [
        ("termchat.app.oneshot:run_turn", "termchat/app/oneshot.py", ("-m", "demo/tour", "hello"), b""),
        ("termchat.engine.turn:Turn._streamed", "termchat/engine/turn.py", ("-m", "demo/tour", "hello"), b""),
        ("termchat.store.chat_store:SqliteChatStore.chats", "termchat/cli/chats.py", ("chats",), b""),
        (
            "termchat.engine.batch.workers:BatchWorkers._answer",
            "termchat/engine/batch/workers.py",
            ("batch", "-m", "demo/tour", "-"),
            b'"hi"\n',
        ),
    ],
)
def test_bug_in_script_is_one_sentence_and_code_1(
    program: Program,  # noqa: F811
    function: str,
    place: str,
    arguments: tuple[str, ...],
    stdin: bytes,
) -> None:
    env = {**program.env, **broken(program.home, function)}
    done = program.run(*arguments, stdin=stdin, env=env)
    first, second = done.err.splitlines()
    assert (done.code, first) == (1, f"termchat: {SENTENCE}")
    assert second.startswith("termchat: A report is in ~/.local/state/termchat/reports/")
    check_report(env, place)


def test_bug_in_served_request_is_error_of_its_dialect_and_server_goes_on(program: Program) -> None:  # noqa: F811
    program.gateway.reply(Reply(Text("fine")))
    program.env |= broken(program.home, "termchat.serve.web_app:decode_chat")
    body = {"model": "xopenai/m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    with serving(program) as (process, address, token):
        headers = {"authorization": f"Bearer {token}"}
        failed = httpx2.post(f"{address}/v1/chat/completions", json=body, headers=headers, trust_env=False, timeout=30)
        answered = httpx2.post(f"{address}/v1/messages", json=body, headers=headers, trust_env=False, timeout=30)
        process.kill()
        errors = process.communicate()[1].decode()
    assert failed.status_code == 500
    assert failed.json()["error"]["message"].startswith("Internal error in termchat")
    assert answered.json()["content"][0]["text"] == "fine"
    assert f"termchat: {SENTENCE}" in errors
    assert "Traceback" not in errors
    check_report(program.env, "termchat/serve/web_app.py")


def test_doctor_names_newest_report(program: Program) -> None:  # noqa: F811
    program.gateway.expect_problems()
    program.run(
        "-m", "demo/tour", "hello", env={**program.env, **broken(program.home, "termchat.app.oneshot:run_turn")}
    )
    (report,) = saved_reports(program.env)
    checks = json.loads(program.run("doctor", "--json").out)["checks"]
    (check,) = [check for check in checks if check["group"] == "reports"]
    assert check["subject"] == f"~/{report.relative_to(program.home)}"
    assert check["state"] == "warning"
    assert check["next"].startswith("Attach the file to a bug report")


def test_unwritable_state_directory_leaves_sentence_without_report(program: Program) -> None:  # noqa: F811
    (program.home / ".local").mkdir()
    (program.home / ".local" / "state").write_text("a file")
    env = {**program.env, **broken(program.home, "termchat.app.oneshot:run_turn")}
    done = program.run("-m", "demo/tour", "hello", env=env)
    assert done.code == 1
    assert "No report could be saved" in done.err
    assert "Traceback" not in done.err


def raised(error: Exception, depth: int = 0) -> Exception:
    try:
        if depth:
            raised(error, depth - 1)
        raise error
    except Exception as caught:
        return caught


def test_reports_are_bounded_in_number_and_size_and_follow_causes(tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path)}
    reports = ErrorReports(env, redact=lambda text: text.replace("top", "…"))
    for number in range(MOST + 3):
        assert reports.write(raised(type(f"Error{number}", (Exception,), {})("secret text"), number))
    assert len(saved_reports(env)) <= MOST
    deep = raised(AttributeError(f"'X' has no {KEY} top"), 200)
    deep.__cause__ = OSError(2, "No such file", "/private/name")
    name = reports.write(deep)
    assert reports.write(deep) == name
    text = Path(str(name).replace("~", str(tmp_path))).read_text()
    assert len(text) <= LONGEST
    assert "frames\n" in text
    assert "AttributeError: 'X' has no …" in text
    assert "OSError: No such file" in text or "FileNotFoundError: No such file" in text
    assert "/private/name" not in text
    assert KEY not in text


@pytest.mark.parametrize("length", [200, 300, 1000])
def test_report_has_no_part_of_a_key_wherever_a_line_is_cut(tmp_path: Path, length: int) -> None:
    key = "obviously-not-real-1a2b3c4d5e"
    for place in range(length - 2 * len(key), length, 3):
        env = {"HOME": str(tmp_path / str(place))}
        ErrorReports(env, redact=Redactor([key])).write(raised(TypeError(f"{'x' * place} {key} is no number")))
        (report,) = saved_reports(env)
        text = report.read_text()
        assert "TypeError: xxx" in text
        assert key[:8] not in text


def test_report_before_configuration_masks_keys_of_variables(tmp_path: Path) -> None:
    key = "obviously-not-real-1a2b3c4d5e"
    env = {"HOME": str(tmp_path), "ACME_API_KEY": key, "LANG": "C.UTF-8"}
    ErrorReports(env).write(raised(TypeError(f"{key} is no number")))
    (report,) = saved_reports(env)
    assert "TypeError: …4d5e is no number" in report.read_text()
    assert "LANG=C.UTF-8" in report.read_text()
