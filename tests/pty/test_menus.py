"""Test every menu by keyboard at three widths, beside 500 models and 50,000 chats: a draft survives each of them."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from termchat.core.chats import ChatState, Location
from termchat.core.conversation import Node
from termchat.core.messages import user_message
from termchat.core.models import ModelRef
from termchat.store import chats
from termchat.store.chats import PendingChat
from termchat.store.messages import encode_node
from termchat.store.sqlite import db
from tests.pty.harness import Terminal
from tests.store.helpers import reply

CHAT = (sys.executable, "-m", "termchat", "--no-tools", "--chat", "menus")
DRAFT = "a draft"
DOWN, PAGE_UP, PAGE_DOWN, FIRST, LAST = "\x1b[B", "\x1b[5~", "\x1b[6~", "\x1b[1;5H", "\x1b[1;5F"
MENUS = (  # what opens a menu, its title, what is typed to filter its rows, and the beginning of the row that is left
    ("/model", "Model", "m-499", "many/v19/m-499"),
    ("\x1bm", "Model", "m-77", "many/v17/m-77"),
    ("/chats", "Chats", "Chat number 31415", "Chat number 31"),
    ("/theme", "Theme", "gruvbox-light", "gruvbox-"),
    ("/tree", "Tree", "question", "*  1 ❯ a que"),
    ("/edit", "Edit", "question", "a question"),
    ("/label", "Labels", "part", "parting"),
    ("/role", "Role", "rev", "review"),
    ("/login", "Log in to", "ollama", "Ollama"),
    ("\x12", "History", "earlier", "an earlier"),
)
_MANY_CHATS = (
    """INSERT INTO chats (id, title, provider, model, directory, created, updated, turns)
    WITH RECURSIVE k(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM k WHERE n < 50000)
    SELECT printf('chat%05d', n), printf('Chat number %d', n), 'many', 'm', '/elsewhere', 1.7e9 + n, 1.7e9 + n, 1 FROM k
    """,
    """INSERT INTO nodes (id, chat, author, created, message)
    SELECT 'node' || id, n, 'user', created, (SELECT message FROM nodes WHERE id = 'n1') FROM chats WHERE id != 'menus'
    """,
    "UPDATE chats SET head = (SELECT n FROM nodes WHERE nodes.chat = chats.n) WHERE id != 'menus'",
    "INSERT INTO words (rowid, text) SELECT n, 'words ' || n FROM nodes WHERE id NOT IN ('n1', 'n2')",
    "INSERT INTO labels (node, text) SELECT n, 'parting' FROM nodes WHERE id = 'n2'",
    "INSERT INTO prompts (text, at) VALUES ('an earlier prompt', 1.7e9)",
    "DELETE FROM holders",
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a provider of 500 models, a role, and 50,000 chats beside the chat `menus`."""
    folder = tmp_path_factory.mktemp("home")
    config = folder / ".config" / "termchat"
    (config / "prompts").mkdir(parents=True)
    (config / "prompts" / "review.md").write_text("You review.\n")
    models = ", ".join(f'"v{n % 20}/m-{n}"' for n in range(500))
    file = config / "config.toml"
    file.write_text(f'[providers.many]\nkey = "not-a-key"\nopenai = "http://127.0.0.1:9/v1"\nmodels = [{models}]\n')
    file.chmod(0o600)
    database = folder / ".local" / "share" / "termchat" / "termchat.db"
    database.parent.mkdir(parents=True)
    state = ChatState(ModelRef("demo", "tour"))
    with closing(db.open_file(database).connection) as connection, db.transaction(connection):
        n = chats.create(connection, PendingChat("menus", Location("", "/")), state, None, 1.6e9)
        for node in (
            Node("n1", None, user_message("a question")),
            Node("n2", "n1", reply("an answer")),
        ):
            chats.add_message(connection, n, encode_node(node, 1.6e9), follow=True)
        chats.set_title(connection, n, "A chat with menus")
        for statement in _MANY_CHATS:
            connection.execute(statement)
    return folder


@pytest.mark.parametrize("columns", [80, 40, 20])
def test_menus_beside_many_rows_keep_draft_at_any_width(home: Path, tmp_path: Path, columns: int) -> None:
    shutil.copytree(home, tmp_path, dirs_exist_ok=True)
    with Terminal(CHAT, env={"HOME": str(tmp_path)}, columns=columns) as terminal:
        terminal.until(lambda: any(line.startswith("❯ Ask") for line in terminal.lines))
        for key, title, words, row in MENUS:
            _open(terminal, key, title)
            terminal.send(words + DOWN)
            terminal.until(lambda title=title, row=row: _is_only_row(terminal, title, row))
            terminal.send("\x1b")
            terminal.until(lambda: "/" in terminal.lines)  # the filter is cleared
            terminal.send("\x1b")
            terminal.until(lambda: f"❯ {DRAFT}" in terminal.lines)
            terminal.send("\x15")
            terminal.until(lambda: any(line.startswith("❯ Ask") for line in terminal.lines))
        _open(terminal, "/model", "Model")
        terminal.send("m-499")
        terminal.until(lambda: _is_only_row(terminal, "Model", "many/v19/m-499"))
        terminal.send("\r")
        terminal.until(lambda: "→many/v19/m-499" in "".join("".join(terminal.transcript).split()))
        terminal.until(lambda: f"❯ {DRAFT}" in terminal.lines)


def test_chat_list_goes_on_below_its_first_page(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home, tmp_path, dirs_exist_ok=True)
    with Terminal(CHAT, env={"HOME": str(tmp_path)}) as terminal:
        terminal.until(lambda: any(line.startswith("❯ Ask") for line in terminal.lines))
        terminal.send("/chats\r")
        terminal.shows("  1/49+")
        for number in (49_952, 49_902):
            terminal.send(DOWN * (48 if number == 49_952 else 50))
            terminal.shows(f"❯ Chat number {number} ")
            terminal.shows("/99+" if number == 49_952 else "/149+")


@pytest.mark.parametrize("columns", [80, 40])
def test_pages_of_long_lists_stop_at_the_ends_and_keep_the_draft(home: Path, tmp_path: Path, columns: int) -> None:
    shutil.copytree(home, tmp_path, dirs_exist_ok=True)
    with Terminal(CHAT, env={"HOME": str(tmp_path)}, columns=columns) as terminal:
        terminal.until(lambda: any(line.startswith("❯ Ask") for line in terminal.lines))
        _open(terminal, "\x1bm", "Model")
        terminal.shows("not reused")  # all is loaded; this leaves 8 rows for the models
        last = _place(terminal, "Model")[1]
        assert last >= 500
        moves = ((PAGE_DOWN, 9), (PAGE_DOWN, 17), (PAGE_UP * 4, 1), (PAGE_UP + PAGE_DOWN, 9), (LAST, last))
        for keys, row in (*moves, (PAGE_DOWN + PAGE_UP, last - 8), (FIRST, 1)):
            terminal.send(keys)
            terminal.until(lambda row=row: _place(terminal, "Model")[0] == row)
        terminal.send("\x1b")
        terminal.until(lambda: f"❯ {DRAFT}" in terminal.lines)
        terminal.send(f"{PAGE_UP}{PAGE_DOWN}{FIRST}not {LAST} yet")  # without a list, these are keys of the editor
        terminal.until(lambda: f"❯ not {DRAFT} yet" in terminal.lines)
        terminal.send("\x15")
        terminal.until(lambda: any(line.startswith("❯ Ask") for line in terminal.lines))
        _open(terminal, "/chats", "Chats")
        terminal.shows("1/49+")
        for loaded in (99, 149):  # the next chats are read near the end of the list
            while _place(terminal, "Chats")[1] < loaded:
                before = _place(terminal, "Chats")
                terminal.send(PAGE_DOWN)
                terminal.until(lambda before=before: _place(terminal, "Chats") != before)
        terminal.send(FIRST)
        terminal.until(lambda: _place(terminal, "Chats") == (1, 149))
        terminal.send("\x1b")
        terminal.until(lambda: f"❯ {DRAFT}" in terminal.lines)


def _place(terminal: Terminal, title: str) -> tuple[int, int]:
    """Return the marked row and the number of rows beside the title of a list; zeros while it is not drawn."""
    lines = [line for line in terminal.lines if line.startswith(title)]
    found = re.search(r"(\d+)/(\d+)\+?$", lines[-1]) if lines else None
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _open(terminal: Terminal, key: str, title: str) -> None:
    """Open a menu by a key, or by a command, while the draft is in the input."""
    is_command = key.startswith("/")
    terminal.send(f"{key}\n{DRAFT}" if is_command else DRAFT)
    terminal.until(lambda: any(line.endswith(DRAFT) for line in terminal.lines))
    terminal.send("\r" if is_command else key)
    terminal.until(lambda: bool(_rows(terminal, title)))


def _rows(terminal: Terminal, title: str) -> Sequence[str]:
    """Return the rows below the title of a menu; none while it is not open."""
    lines = terminal.lines
    at = next((n for n in range(len(lines) - 1, -1, -1) if lines[n].startswith(title)), len(lines))
    return lines[at + 1 :]


def _is_only_row(terminal: Terminal, title: str, row: str) -> bool:
    rows = _rows(terminal, title)
    return bool(rows) and rows[0].startswith(f"❯ {row}") and not rows[1].startswith("  " + row[:1])
