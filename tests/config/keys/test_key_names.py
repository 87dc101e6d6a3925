"""Names of keys: what people write, the keys that terminals report, and the error for anything else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prompt_toolkit.input.ansi_escape_sequences import ANSI_SEQUENCES
from prompt_toolkit.input.vt100_parser import Vt100Parser
from prompt_toolkit.key_binding import KeyPress

from termchat.config.keys.key_bindings import KEYS
from termchat.config.keys.key_names import KeyNameError, parse_keys

MODIFIERS = ("ctrl", "alt", "shift", "control", "meta", "c", "m")
PLAIN = ("enter", "tab", "esc", "space", "bksp", "up", "home", "delete", "pageup", "f1", "f12", "f13", "f24")


@pytest.mark.parametrize(
    ("written", "keys", "label"),
    [
        ("ctrl-x ctrl-e", ("c-x", "c-e"), "Ctrl-X Ctrl-E"),
        ("alt-r", ("escape", "r"), "Alt-R"),
        ("Alt-R", ("escape", "r"), "Alt-R"),
        ("meta+r", ("escape", "r"), "Alt-R"),
        ("alt-shift-r", ("escape", "R"), "Alt-Shift-R"),
        ("ctrl-alt-r", ("escape", "c-r"), "Ctrl-Alt-R"),
        ("C-x e", ("c-x", "e"), "Ctrl-X e"),
        ("f2", ("f2",), "F2"),
        ("shift-f2", ("f14",), "Shift-F2"),
        ("shift-tab", ("s-tab",), "Shift-Tab"),
        ("backtab", ("s-tab",), "Shift-Tab"),
        ("ctrl-space", ("c-@",), "Ctrl-Space"),
        ("ctrl-@", ("c-@",), "Ctrl-Space"),
        ("alt-enter", ("escape", "c-m"), "Alt-Enter"),
        ("Return", ("c-m",), "Enter"),
        ("shift-enter", ("c-j",), "Ctrl-J"),
        ("ctrl-i", ("c-i",), "Tab"),
        ("ctrl-[", ("escape",), "Esc"),
        ("ctrl-/", ("c-_",), "Ctrl-_"),
        ("alt--", ("escape", "-"), "Alt--"),
        ("alt-+", ("escape", "+"), "Alt-+"),
        ("alt-backspace", ("escape", "c-h"), "Alt-Bksp"),
        ("ctrl-page-up", ("c-pageup",), "Ctrl-PgUp"),
        ("shift-ctrl-left", ("c-s-left",), "Ctrl-Shift-Left"),
        ("alt-é", ("escape", "é"), "Alt-É"),
    ],
)
def test_parse_keys_reads_names_as_people_write_them(written: str, keys: tuple[str, ...], label: str) -> None:
    parsed = parse_keys(written)
    assert (parsed.keys, parsed.label) == (keys, label)


@pytest.mark.parametrize(
    ("written", "problem", "hint"),
    [
        ("r", "cannot be R: a bare letter is always text", "Add ctrl or alt: ctrl-r or alt-r."),
        ("shift-r", "cannot be Shift-R: a bare letter is always text", "Add ctrl or alt: ctrl-r or alt-r."),
        ("space", "cannot be Space: a bare letter is always text", "Add ctrl or alt: ctrl-space or alt-space."),
        ("?", "cannot be ?: a bare letter is always text", "Add alt: alt-?."),
        ("ctr-r", "has the unknown key ctr-r", "Did you mean ctrl-r?"),
        ("alt-entre", "has the unknown key alt-entre", "Did you mean alt-enter?"),
        ("hyper-r", "has the unknown key hyper-r", ""),
        ("alt-", "has the unknown key alt-", ""),
        ("ctrl-shift-r", "cannot be Ctrl-Shift-R: terminals do not report this key", ""),
        ("ctrl-5", "cannot be Ctrl-5: terminals do not report this key", ""),
        ("ctrl-h", "cannot be Ctrl-H: terminals do not report this key", ""),
        ("alt-[", "cannot be Alt-[: terminals do not report this key", ""),
        ("esc r", "cannot begin with Esc, which acts at once", ""),
        (" ", "has an empty name of a key", ""),
    ],
)
def test_parse_keys_other_name_is_refused_with_the_way_on(written: str, problem: str, hint: str) -> None:
    with pytest.raises(KeyNameError) as found:
        parse_keys(written)
    assert found.value.problem == problem
    assert not hint or found.value.hint == hint


def test_parse_keys_letter_is_accepted_only_after_a_key_or_where_it_may_act() -> None:
    assert parse_keys("?", text_keys="?").keys == ("?",)
    assert parse_keys("ctrl-x r").keys == ("c-x", "r")


def pressed(text: str) -> tuple[str, ...]:
    """Return the keys that prompt_toolkit reads from the bytes of a terminal."""
    presses: list[KeyPress] = []
    parser = Vt100Parser(presses.append)
    parser.feed(text)
    parser.flush()
    return tuple(getattr(press.key, "value", press.key) for press in presses)


BYTES = {pressed(sequence): sequence for sequence in ANSI_SEQUENCES}


@settings(max_examples=150)
@given(
    st.lists(st.sampled_from(MODIFIERS), max_size=2, unique=True),
    st.one_of(st.sampled_from(PLAIN), st.characters(min_codepoint=33, max_codepoint=126)),
)
def test_parsed_key_is_one_that_terminals_report(modifiers: list[str], key: str) -> None:
    """Every accepted key is read from some bytes, and its label is a name of the same key."""
    try:
        parsed = parse_keys("-".join([*modifiers, key]))
    except KeyNameError:
        return
    typed = "".join(BYTES.get((name,), "\x1b" if name == "escape" else name) for name in parsed.keys)
    assert pressed(typed) == parsed.keys
    assert parse_keys(parsed.label) == parsed
    assert len(parsed.keys[0]) > 1


@settings(max_examples=100)
@given(st.text(max_size=12))
def test_parse_keys_of_any_text_is_a_sequence_or_a_problem(text: str) -> None:
    try:
        found: object = parse_keys(text)
    except KeyNameError as error:
        found = error.problem
    assert found


def test_default_keys_have_no_conflict() -> None:
    every = [keys for binding in KEYS for keys in binding.keys]
    assert [(a.label, b.label) for a in every for b in every if a is not b and a.begins(b)] == []
