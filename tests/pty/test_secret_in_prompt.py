"""Test that a key in a message is sent only after a second Enter."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.pty.harness import Terminal

KEY = "sk-obviously-not-a-real-key-4f2a"
COMMAND = (sys.executable, "-m", "termchat", "-m", "demo/tour")


def _env(home: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(home), "TERMCHAT_DEMO_SPEED": "0", **more}


def test_enter_keeps_draft_with_key_until_second_enter(tmp_path: Path) -> None:
    with Terminal(COMMAND, env=_env(tmp_path)) as terminal:
        terminal.shows("Ask anything")
        terminal.send(f"why is {KEY} refused?\r")
        terminal.shows("This sends and saves an API key or a password (…4f2a). Enter sends it.")
        assert f"❯ why is {KEY} refused?" in terminal.text
        terminal.settled()
        assert "tour · " not in terminal.text.replace("demo/tour", "")
        terminal.send("!")
        terminal.until(lambda: "Enter sends it" not in terminal.text)
        terminal.send("\r")
        terminal.shows("Enter sends it.")
        terminal.send("\r")
        terminal.shows("tour · ~")


def test_plain_line_with_key_is_sent_by_empty_line(tmp_path: Path) -> None:
    with Terminal((*COMMAND, "--plain"), env=_env(tmp_path, OPENAI_API_KEY=KEY), rows=60) as terminal:
        terminal.until(lambda: terminal.output.endswith(b"> "))
        terminal.send(f"why is {KEY} refused?\n")
        terminal.shows("(…4f2a). An empty line sends it.")
        terminal.settled()
        assert "tour · " not in terminal.text
        terminal.send("\n")
        terminal.shows("tour · ~")


def test_system_prompt_with_key_is_confirmed(tmp_path: Path) -> None:
    with Terminal(COMMAND, env=_env(tmp_path)) as terminal:
        terminal.shows("Ask anything")
        terminal.send(f"/system You know {KEY}.\r")
        terminal.shows("API key or a password (…4f2a). Enter sends it.")
        terminal.send("\r")
        terminal.until(lambda: "❯ /system" not in terminal.text)


def test_plain_system_prompt_with_key_is_repeated(tmp_path: Path) -> None:
    with Terminal((*COMMAND, "--plain"), env=_env(tmp_path), rows=60) as terminal:
        terminal.until(lambda: terminal.output.endswith(b"> "))
        terminal.send(f"/system You know {KEY}.\n")
        terminal.shows("(…4f2a). Repeat it to confirm.")
        terminal.send("/system\n")
        terminal.shows("No system prompt is sent.")
        terminal.send(f"/system You know {KEY}.\n")
        terminal.shows("system = You know")
        terminal.until(lambda: terminal.output.endswith(b"> "))
        terminal.send("/system\n")
        terminal.until(lambda: terminal.text.count("You know") >= 4)


def test_side_question_with_key_is_confirmed(tmp_path: Path) -> None:
    with Terminal(COMMAND, env=_env(tmp_path)) as terminal:
        terminal.shows("Ask anything")
        terminal.send(f"/btw why is {KEY} refused?\r")
        terminal.shows("API key or a password (…4f2a). Enter sends it.")
        terminal.send("\r")
        terminal.shows("not in the chat")


def test_output_of_shell_with_password_is_confirmed_before_it_goes_along(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MAX_TOKENS=12000\nDB_PASSWORD=hunter2-Corr3ct-horse\n")
    with Terminal(COMMAND, env=_env(tmp_path)) as terminal:
        terminal.shows("Ask anything")
        terminal.send("!cat ~/.env\r")
        terminal.shows("goes with the next message")
        terminal.send("exit code 77\r")
        terminal.shows("API key or a password (…orse). Enter sends it.")
        assert "tour · ~" not in terminal.text
        terminal.send("\r")
        terminal.shows("tour · ~")
