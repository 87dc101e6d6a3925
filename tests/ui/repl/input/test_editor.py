"""The input: pastes, history, visual rows. Nothing typed is ever destroyed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from termchat.ui.repl.input.editor import InputEditor, visual_rows
from termchat.ui.repl.input.history import History
from termchat.ui.repl.input.pastes import Pastes, cleaned

BIG = "\n".join(f"line {n}" for n in range(132))


def draft(text: str = "") -> InputEditor:
    made = InputEditor(lambda: None)
    made.set_text(text)
    return made


def test_paste_small_is_inserted_and_large_folds_to_placeholder() -> None:
    made = draft("see ")
    made.paste("a\r\nb")
    assert made.text_with_marks == "see a\nb"
    made.paste(BIG)
    assert made.pastes.shown(made.text_with_marks) == "see a\nb[Pasted #1 · 132 lines · 1.1 kB]"
    assert made.text == f"see a\nb{BIG}"


def test_backspace_deletes_folded_paste_and_undo_restores_it() -> None:
    made = draft()
    made.paste(BIG)
    made.buffer.save_to_undo_stack()
    made.buffer.delete_before_cursor(1)
    assert made.empty
    made.buffer.undo()
    assert made.text == BIG


def test_unfold_replaces_placeholder_with_pasted_text() -> None:
    made = draft("a")
    made.paste(BIG)
    made.buffer.insert_text("z")
    made.buffer.cursor_position = 1
    assert made.unfold()
    assert made.text_with_marks == f"a{BIG}z"
    assert not made.unfold()


def test_pastes_refold_after_external_edit_restores_placeholder() -> None:
    pastes = Pastes()
    marked = f"look: {pastes.fold(BIG)} ok?"
    edited = pastes.expand(marked).replace("ok?", "fine?")
    assert pastes.shown(pastes.refold(edited, marked)) == "look: [Pasted #1 · 132 lines · 1.1 kB] fine?"


@given(st.text(alphabet=st.characters(), max_size=3000))
def test_paste_changes_only_line_ends_nul_and_surrogates(text: str) -> None:
    pastes = Pastes()
    assert pastes.expand(pastes.fold(text)) == cleaned(text)
    kept = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    assert cleaned(text) == "".join(c for c in kept if not "\ud800" <= c <= "\udfff")


def test_pastes_reordered_keep_their_numbers() -> None:
    pastes = Pastes()
    one, two = pastes.fold(BIG), pastes.fold(BIG + "\nmore")
    assert pastes.shown(two + one) == "[Pasted #2 · 133 lines · 1.1 kB][Pasted #1 · 132 lines · 1.1 kB]"


def test_expand_backslash_single_is_newline_double_is_backslash() -> None:
    made = draft("a\\")
    assert made.expand_backslash()
    assert made.text_with_marks == "a\n"
    made = draft("a\\\\")
    assert not made.expand_backslash()
    assert made.text_with_marks == "a\\"


def test_history_with_prefix_walks_matches_and_returns_to_prefix() -> None:
    history = History(["git status", "ls", "git log"])
    assert history.previous("git") == "git log"
    assert history.previous("git log") == "git status"
    assert history.previous("git status") is None
    assert history.next("git status") == "git log"
    assert history.next("git log") == "git"
    assert history.next("git") is None


def test_history_add_skips_repeats_blanks_and_leading_space() -> None:
    history = History()
    for text in ("a", "a", "  ", " secret", "b", "a"):
        history.add(text)
    assert history.entries == ["a", "b", "a"]


def test_history_suggest_returns_rest_of_newest_match() -> None:
    history = History(["explain this", "explain that"])
    assert history.suggest("expl") == "ain that"
    assert history.suggest("") == ""
    assert history.suggest("explain that") == ""


def test_restore_fills_empty_input_or_adds_to_history() -> None:
    made = draft()
    made.restore("lost?")
    assert made.text_with_marks == "lost?"
    made.restore("no")
    assert made.text_with_marks == "lost?"
    assert made.history.entries == ["no"]


def test_up_and_down_move_cursor_by_visual_rows() -> None:
    made = draft("abcdefghij")
    made.buffer.cursor_position = 9
    assert made.up(4)
    assert made.buffer.cursor_position == 5
    assert made.up(4)
    assert made.buffer.cursor_position == 1
    assert not made.up(4)
    assert made.down(4)
    assert made.buffer.cursor_position == 5


@given(st.text("ab你\n", max_size=60), st.integers(2, 12))
def test_visual_rows_cover_text_and_fit_width(text: str, columns: int) -> None:
    def width(c: str) -> int:
        return 2 if c == "你" else 1

    rows = visual_rows(text, columns, width)
    assert all(sum(width(c) for c in text[a:b]) <= columns for a, b in rows)
    assert rows[0][0] == 0
    assert rows[-1][1] == len(text)
    assert [a for a, _ in rows] == sorted({a for a, _ in rows})
