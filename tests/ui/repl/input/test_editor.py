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


def test_a_small_paste_is_text_and_a_large_one_is_its_size() -> None:
    made = draft("see ")
    made.paste("a\r\nb")
    assert made.text_with_marks == "see a\nb"
    made.paste(BIG)
    assert made.pastes.shown(made.text_with_marks) == "see a\nb[Pasted #1 · 132 lines · 1.1 kB]"
    assert made.text == f"see a\nb{BIG}"


def test_backspace_takes_a_folded_paste_whole_and_undo_brings_it_back() -> None:
    made = draft()
    made.paste(BIG)
    made.buffer.save_to_undo_stack()
    made.buffer.delete_before_cursor(1)
    assert made.empty
    made.buffer.undo()
    assert made.text == BIG


def test_a_paste_is_unfolded_where_it_stands() -> None:
    made = draft("a")
    made.paste(BIG)
    made.buffer.insert_text("z")
    made.buffer.cursor_position = 1
    assert made.unfold()
    assert made.text_with_marks == f"a{BIG}z"
    assert not made.unfold()


def test_an_editor_gets_the_text_and_gives_the_folds_back() -> None:
    pastes = Pastes()
    marked = f"look: {pastes.fold(BIG)} ok?"
    edited = pastes.expand(marked).replace("ok?", "fine?")
    assert pastes.shown(pastes.refold(edited, marked)) == "look: [Pasted #1 · 132 lines · 1.1 kB] fine?"


@given(st.text(alphabet=st.characters(), max_size=3000))
def test_a_paste_is_never_altered_but_for_line_ends_and_what_no_text_may_hold(text: str) -> None:
    pastes = Pastes()
    assert pastes.expand(pastes.fold(text)) == cleaned(text)
    kept = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    assert cleaned(text) == "".join(c for c in kept if not "\ud800" <= c <= "\udfff")


def test_two_pastes_keep_their_numbers() -> None:
    pastes = Pastes()
    one, two = pastes.fold(BIG), pastes.fold(BIG + "\nmore")
    assert pastes.shown(two + one) == "[Pasted #2 · 133 lines · 1.1 kB][Pasted #1 · 132 lines · 1.1 kB]"


def test_a_backslash_before_enter_is_a_new_line_and_two_are_one() -> None:
    made = draft("a\\")
    assert made.expand_backslash()
    assert made.text_with_marks == "a\n"
    made = draft("a\\\\")
    assert not made.expand_backslash()
    assert made.text_with_marks == "a\\"


def test_history_goes_back_by_what_was_typed_and_comes_back_to_it() -> None:
    history = History(["git status", "ls", "git log"])
    assert history.previous("git") == "git log"
    assert history.previous("git log") == "git status"
    assert history.previous("git status") is None
    assert history.next("git status") == "git log"
    assert history.next("git log") == "git"
    assert history.next("git") is None


def test_history_keeps_no_repeats_no_blanks_and_no_secrets() -> None:
    history = History()
    for text in ("a", "a", "  ", " secret", "b", "a"):
        history.add(text)
    assert history.entries == ["a", "b", "a"]


def test_the_suggestion_is_how_the_newest_match_goes_on() -> None:
    history = History(["explain this", "explain that"])
    assert history.suggest("expl") == "ain that"
    assert history.suggest("") == ""
    assert history.suggest("explain that") == ""


def test_what_is_given_back_is_in_the_input_or_in_the_history() -> None:
    made = draft()
    made.restore("lost?")
    assert made.text_with_marks == "lost?"
    made.restore("no")
    assert made.text_with_marks == "lost?"
    assert made.history.entries == ["no"]


def test_up_and_down_move_by_visual_rows_first() -> None:
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
def test_visual_rows_cover_the_text_and_fit(text: str, columns: int) -> None:
    def width(c: str) -> int:
        return 2 if c == "你" else 1

    rows = visual_rows(text, columns, width)
    assert all(sum(width(c) for c in text[a:b]) <= columns for a, b in rows)
    assert rows[0][0] == 0
    assert rows[-1][1] == len(text)
    assert [a for a, _ in rows] == sorted({a for a, _ in rows})
