"""The manual page termchat(1), written from the same declarations as the reference."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from textwrap import wrap

from termchat import __version__
from termchat.commands.builtin import builtin
from termchat.config.keys.key_bindings import KEYS
from termchat.config.paths import paths
from termchat.config.settings import SETTINGS
from termchat.core.outcomes import ExitCode
from tests.reference.declared import (
    options,
    provider_cells,
    setting_cells,
    subcommands,
    usage,
)

_DESCRIPTION = """\
termchat talks to language models: OpenAI, Anthropic, Gemini, gateways and local servers, each in its own protocol. No
system prompt is sent unless you set one.

Without a prompt, on a terminal, it opens a chat: many turns, replies rendered while they stream, tools, tokens and cost
after each turn. Every chat is saved. With a prompt or a pipe, it prints one reply and exits. In a pipe, standard output
is the exact text of the reply; everything else goes to standard error.

A model is named PROVIDER/MODEL. Without a key, a chat starts with demo/tour, which answers questions about termchat
offline.

A subcommand is recognised only as the first argument; -p passes a prompt that begins with the name of one."""
_EXAMPLES = {
    "Start a chat, and go on with it later:": "termchat\ntermchat -c",
    "Ask about standard input, and about files:": (
        'git diff | termchat "review this"\ntermchat -f plan.pdf -f notes.md "compare these"'
    ),
    "Request JSON, and use the exit code:": (
        "termchat --schema 'name, age int' \"Who was Ada?\" | jq .age\n"
        'termchat -o report.md "..." || echo "incomplete: $?"'
    ),
    "Answer the prompts of a file, eight at once:": "termchat batch prompts.jsonl -j 8 > out.ndjson",
}
_OTHER_VARIABLES = {
    "OPENAI_BASE_URL, ANTHROPIC_BASE_URL, GOOGLE_GEMINI_BASE_URL": "The base URL of the provider.",
    "OLLAMA_HOST": "The address of Ollama, as host:port or URL, unless the configuration gives another.",
    "XDG_CONFIG_HOME, XDG_DATA_HOME, XDG_CACHE_HOME, XDG_STATE_HOME": "Used instead of ~/.config, ~/.local/share, "
    "~/.cache and ~/.local/state.",
    "VISUAL, EDITOR, PAGER": "The programs that edit the input and show long text.",
    "NO_COLOR, FORCE_COLOR": "No colours; 0 to 3 for none, 16, 256 and all.",
    "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY": "The proxy, and the hosts without one.",
    "SSL_CERT_FILE, SSL_CERT_DIR": "The certificates to trust.",
}


def man_page() -> str:
    """Return the manual page in the macros of man(7)."""
    lines = [
        '.\\" Written by `python -m tests.reference --write` from the declarations in the source.',
        f'.TH TERMCHAT 1 "{_release_date()}" "termchat {__version__}" "User Commands"',
        ".nh",  # no hyphens in words that are copied
        ".ad l",
        ".SH NAME",
        f"termchat {_MINUS} chat client for the terminal",
        ".SH SYNOPSIS",
        *_synopsis(),
        ".SH DESCRIPTION",
        *_paragraphs(_DESCRIPTION),
        ".SH OPTIONS",
        *_option_groups(),
        ".SH SUBCOMMANDS",
        *_subcommands(),
        ".SH COMMANDS OF THE CHAT",
        "A / opens a menu of them.",
        *_entries((c.usage, _sentence(c.help, [f"/{a}" for a in c.aliases])) for c in builtin().commands),
        ".SH KEYS",
        *_entries((key.names, _sentence(key.help)) for key in KEYS),
        ".SH SETTINGS",
        *_filled("In the configuration file, or with /set in the chat, or --set KEY=VALUE."),
        *_entries((_setting_name(key), setting.help) for key, setting in SETTINGS.items()),
        ".SH EXIT STATUS",
        "An incomplete reply never exits with 0.",
        *_entries((str(code.value), _sentence(code.description)) for code in ExitCode),
        ".SH ENVIRONMENT",
        *_entries(_variables()),
        ".SH FILES",
        *_entries(_files()),
        ".SH EXAMPLES",
        *(line for title, commands in _EXAMPLES.items() for line in (".TP", *_filled(title), *_verbatim(commands))),
        ".SH SEE ALSO",
        *_filled('The guide answers questions, offline: termchat -m demo/tour "how do I add a gateway?"'),
    ]
    return "\n".join(lines) + "\n"


_MINUS = "\\-"


def _release_date() -> str:
    """Return the date of this version's release, as the changes state it; "" before its release."""
    changes = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    found = re.search(rf"^### {re.escape(__version__)} - ([0-9-]+)$", changes, re.MULTILINE)
    return found[1] if found else ""


def _synopsis() -> Iterator[str]:
    """Yield the forms of the command line."""
    yield from (".B termchat", _text("[OPTIONS] [PROMPT]..."), ".br")
    yield from (".B termchat", _text("SUBCOMMAND [OPTIONS] [ARGUMENT]..."))


def _option_groups() -> Iterator[str]:
    """Yield the options of termchat by the groups of --help."""
    found = options()
    groups = list(dict.fromkeys(option.group for option in found))
    for group, members in groupby(sorted(found, key=lambda o: groups.index(o.group)), lambda option: option.group):
        if group != groups[0]:
            yield f".SS {_quoted(group)}"
        yield from _entries((option.usage, option.help) for option in members)


def _subcommands() -> Iterator[str]:
    for path, words in subcommands():
        yield f".SS {_quoted(usage(*path))}"
        yield from _paragraphs(words)
        yield from _entries((option.usage, option.help) for option in options(*path))


def _setting_name(key: str) -> str:
    _, default, variable, names = setting_cells(SETTINGS[key])
    return ", ".join(word for word in (f"{key} = {default}" if default else key, variable, names) if word)


def _variables() -> Iterator[tuple[str, str]]:
    yield from ((setting.env, setting.help) for setting in SETTINGS.values() if setting.env)
    for _, title, variables, _ in provider_cells():
        if variables:
            yield ", ".join(variables), f"The key of {title}."
    yield from _OTHER_VARIABLES.items()


def _files() -> Iterator[tuple[str, str]]:
    """Yield each file and its contents."""
    found = paths({"HOME": "/~"})
    words = {
        found.config_file: "The configuration. It may not exist; nothing in the current directory is read as one.",
        found.prompts: "Roles, one Markdown file each.",
        found.themes: "Themes of your own.",
        found.config / "tools": "Functions of your own, in Python files.",
        found.data / "termchat.db": "Chats, drafts, history and usage, readable by you alone.",
        found.cache: "Lists of models and tools; it may be removed at any time.",
    }
    yield from ((str(file).lstrip("/"), contents) for file, contents in words.items())


def _entries(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield a list of terms and their descriptions."""
    for term, words in rows:
        yield from (".TP", f".B {_quoted(term)}", *(_filled(words) or ["\\&"]))


def _paragraphs(text: str) -> Iterator[str]:
    """Yield the paragraphs of a text, which follows a heading."""
    for number, paragraph in enumerate(text.split("\n\n")):
        yield from ([".PP"] if number else [])
        yield from _filled(paragraph)


def _filled(text: str) -> list[str]:
    """Return text as lines of roff, each sentence on a line of its own, as long ones on several."""
    sentences = re.split(r"(?<=[.:;]) +", " ".join(text.split()))
    return [_text(line) for sentence in sentences for line in wrap(sentence, 70, break_on_hyphens=False)]


def _verbatim(text: str) -> Iterator[str]:
    yield from (".nf", *(_text(line) for line in text.splitlines()), ".fi")


def _sentence(text: str, aliases: Iterable[str] = ()) -> str:
    also = ", ".join(aliases)
    return f"{text[:1].upper()}{text[1:]}".rstrip(".") + "." + (f" Also {also}." if also else "")


def _quoted(text: str) -> str:
    """Return text as one argument of a macro."""
    return f'"{_text(text)}"'


def _text(text: str) -> str:
    """Return text in which nothing is an instruction of roff."""
    text = (
        text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq").replace("~", "\\(ti").replace("^", "\\(ha")
    )
    text = text.replace("`", "\\(ga").replace("…", "...")
    return re.sub(r"^(?=[.'])", r"\\&", text)
