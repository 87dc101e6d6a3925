"""One name means one thing, and the name of a test says unit, condition and result."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import pytest

from tests.architecture.source import PACKAGE, check, files, repeated, sources

pytestmark = pytest.mark.xdist_group("architecture")

# Public names that several modules may define; the values are glob patterns of files below termchat/.
REPEATED_NAMES: dict[str, tuple[str, ...]] = {
    # the port and its implementation
    "Turn": ("core/session.py", "engine/turn.py"),
    # one function for each protocol
    "encode": ("providers/protocols/*/encode.py",),
    "valid_id": ("providers/protocols/*/encode.py",),
    # the entry of each subcommand
    "run": ("cli/*.py",),
}

# File names that several folders may have; the folder says the rest.
REPEATED_FILES: dict[str, tuple[str, ...]] = {
    # a part of every front end
    "app.py": ("ui/plain/*", "ui/repl/*"),
    "effects.py": ("core/*", "ui/plain/*", "ui/repl/*"),
    # a part of every protocol; providers/client.py has what all clients share
    "client.py": ("providers/*", "providers/protocols/*/*"),
    "decode.py": ("providers/protocols/*/*",),
    "encode.py": ("providers/protocols/*/*",),
    # shared by the modules of one folder
    "common.py": ("store/export/*", "store/importers/*"),
    # the subcommand and the slash command
    "tools.py": ("cli/*", "commands/*"),
    # formats of output and of export
    "markdown.py": ("store/export/*", "ui/oneshot/formats/*"),
    "text.py": ("store/export/*", "ui/oneshot/formats/*"),
    # ports or values in core, and what implements or keeps them
    "chat_store.py": ("core/*", "store/*"),
    "credentials.py": ("config/*", "providers/*"),
    "messages.py": ("core/*", "store/*"),
    "provider.py": ("core/*", "providers/demo/*"),
    "reply_schema.py": ("app/*", "providers/*"),
    "session.py": ("commands/*", "core/*", "engine/*"),
    # a subcommand or slash command and what it shows or changes
    "chats.py": ("cli/*", "core/*", "store/*"),
    "models.py": ("cli/*", "core/*"),
    "prompts.py": ("cli/*", "tools/mcp/*"),
    "replay.py": ("cli/scripts/*", "providers/*"),
    "settings.py": ("commands/*", "config/*"),
    "themes.py": ("cli/*", "config/*"),
    "turns.py": ("commands/*", "ui/repl/*"),
    "usage.py": ("cli/*", "commands/*", "core/*"),
    # the same kind of thing for another subject
    "capabilities.py": ("providers/catalog/*", "ui/terminal/*"),
    "history.py": ("core/*", "ui/repl/input/*"),
    "layout.py": ("ui/markdown/*", "ui/repl/panels/*"),
    "output.py": ("ui/oneshot/formats/*", "ui/terminal/*"),
    "registry.py": ("commands/*", "providers/*", "tools/*"),
    "schema.py": ("cli/scripts/*", "store/sqlite/*", "tools/*"),
    "search.py": ("providers/demo/*", "store/*"),
    "style.py": ("core/*", "ui/repl/panels/*"),
}

TEST_NAME = re.compile(r"test_(?!the_|a_|an_|what_|nor_|it_)[a-z0-9_]{1,67}")  # 72 characters in all


def test_public_name_is_defined_in_one_module() -> None:
    places = [
        (definition.name, f"{source.path}:{definition.line}")
        for source in sources(PACKAGE)
        for definition in source.definitions
        if definition.public
    ]
    check(repeated(places, REPEATED_NAMES), "rename one, or add a row to REPEATED_NAMES if both are the same thing.")


def test_file_name_is_used_in_one_folder() -> None:
    places = [(name, path) for path in files(PACKAGE) if (name := PurePosixPath(path).name).endswith(".py")]
    places = [(name, path) for name, path in places if name != "__init__.py"]
    check(repeated(places, REPEATED_FILES), "rename one, or add a row to REPEATED_FILES if both are the same thing.")


def test_test_name_is_short_and_begins_with_its_unit() -> None:
    odd = [
        f"{source.path}:{definition.line}: {definition.name}"
        for source in sources("tests")
        for definition in source.definitions
        if definition.name.startswith("test_")
        and "." not in definition.name
        and not TEST_NAME.fullmatch(definition.name)
    ]
    check(odd, "name the test test_<unit>_<condition>_<result>: at most 72 characters, no article first.")
