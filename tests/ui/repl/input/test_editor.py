"""Test the input editor: pastes, history, visual rows. Typed text is never lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.core.messages import Image, attached_text, user_message
from termchat.ui.repl.input.editor import InputEditor, visual_rows
from termchat.ui.repl.input.history import History
from termchat.ui.repl.input.pastes import Pastes, cleaned

BIG = "\n".join(f"line {n}" for n in range(132))


def editor_with(text: str = "") -> InputEditor:
    editor = InputEditor(lambda: None)
    editor.set_text(text)
    return editor


def test_paste_small_is_inserted_and_large_folds_to_placeholder() -> None:
    editor = editor_with("see ")
    editor.paste("a\r\nb")
    assert editor.text_with_marks == "see a\nb"
    editor.paste(BIG)
    assert editor.pastes.shown(editor.text_with_marks) == "see a\nb[Pasted #1 · 132 lines · 1.1 kB]"
    assert editor.text == f"see a\nb{BIG}"


def test_backspace_deletes_folded_paste_and_undo_restores_it() -> None:
    editor = editor_with()
    editor.paste(BIG)
    editor.buffer.save_to_undo_stack()
    editor.buffer.delete_before_cursor(1)
    assert editor.empty
    editor.buffer.undo()
    assert editor.text == BIG


def test_unfold_replaces_placeholder_with_pasted_text() -> None:
    editor = editor_with("a")
    editor.paste(BIG)
    editor.buffer.insert_text("z")
    editor.buffer.cursor_position = 1
    assert editor.unfold()
    assert editor.text_with_marks == f"a{BIG}z"
    assert not editor.unfold()


@pytest.mark.parametrize(("cursor", "left"), [(0, 2), (1, 2), (2, 2), (3, 1), (4, 1), (5, 1), (9, 1)])
def test_unfold_expands_the_paste_nearest_to_the_cursor(cursor: int, left: int) -> None:
    editor = editor_with("a")
    editor.paste(BIG)
    editor.buffer.insert_text("bc")
    editor.paste(BIG)
    editor.buffer.insert_text("defg")
    editor.buffer.cursor_position = cursor
    assert editor.unfold()
    assert editor.pastes.shown(editor.text_with_marks).count(f"[Pasted #{left} ") == 1
    assert editor.unfold()
    assert not editor.unfold()


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
    editor = editor_with("a\\")
    assert editor.expand_backslash()
    assert editor.text_with_marks == "a\n"
    editor = editor_with("a\\\\")
    assert not editor.expand_backslash()
    assert editor.text_with_marks == "a\\"


def test_history_with_prefix_walks_matches_and_returns_to_prefix() -> None:
    history = History(["git status", "ls", "git log"])
    assert history.previous("git") == "git log"
    assert history.previous("git log") == "git status"
    assert history.previous("git status") is None
    assert history.next("git status") == "git log"
    assert history.next("git log") == "git"
    assert history.next("git") is None


def test_history_prepend_while_browsing_keeps_the_place() -> None:
    history = History(["one", "two"])
    assert history.previous("") == "two"
    history.prepend(["older"])
    assert [history.previous("two"), history.previous("one")] == ["one", "older"]


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
    editor = editor_with()
    editor.restore("lost?")
    assert editor.text_with_marks == "lost?"
    editor.restore("no")
    assert editor.text_with_marks == "lost?"
    assert editor.history.entries == ["no"]


def test_slash_on_refused_command_keeps_the_returned_message_aside() -> None:
    editor = editor_with()
    editor.restore("question")
    editor.begin_command("/")
    editor.set_text("/nosuch")
    assert not editor.holds_returned
    editor.keep_refused()
    assert editor.holds_returned
    editor.begin_command("/")
    assert editor.text_with_marks == "/"
    assert editor.history.entries == ["question", "/nosuch"]
    assert editor.take_aside() == "question"


def test_command_typed_again_after_a_refusal_is_only_text() -> None:
    editor = editor_with("/export notes")
    editor.keep_refused()
    editor.pop()
    editor.set_text("/export notes")
    assert not editor.holds_returned


def test_up_and_down_move_cursor_by_visual_rows() -> None:
    editor = editor_with("abcdefghij")
    editor.buffer.cursor_position = 9
    assert editor.up(4)
    assert editor.buffer.cursor_position == 5
    assert editor.up(4)
    assert editor.buffer.cursor_position == 1
    assert not editor.up(4)
    assert editor.down(4)
    assert editor.buffer.cursor_position == 5


@given(st.text("ab你\n", max_size=60), st.integers(2, 12))
def test_visual_rows_cover_text_and_fit_width(text: str, columns: int) -> None:
    def width(c: str) -> int:
        return 2 if c == "你" else 1

    rows = visual_rows(text, columns, width)
    assert all(sum(width(c) for c in text[a:b]) <= columns for a, b in rows)
    assert rows[0][0] == 0
    assert rows[-1][1] == len(text)
    assert [a for a, _ in rows] == sorted({a for a, _ in rows})


CAT, NOTES = Image("image/png", bytes(2000), name="cat.png"), attached_text("notes.txt", "a\nb")


def test_draft_of_message_sends_the_same_message_again() -> None:
    for message in (
        user_message("what is this?", CAT, NOTES),
        user_message("", CAT),
        user_message("/etc/hosts is broken"),
        user_message("two\nlines "),
    ):
        editor = editor_with()
        editor.restore(editor.draft_of(message))
        assert not editor.blank
        assert editor.message(editor.pop()) == message


def test_draft_shows_attachments_by_name_and_size() -> None:
    editor = editor_with()
    editor.set_text(editor.draft_of(user_message("what is this?", CAT, NOTES)))
    assert editor.pastes.shown(editor.text_with_marks) == "@cat.png (PNG, 2 kB) @notes.txt (3 B) what is this?"
    assert editor.text == "what is this?"
    assert not editor.unfold()


def test_messages_sent_as_one_keep_all_attachments_and_slashes() -> None:
    editor = editor_with()
    message = editor.message("//first", editor.draft_of(user_message("second", CAT)), "//third")
    assert message == user_message("/first\n\nsecond\n\n/third", CAT)


def test_refold_after_external_edit_keeps_attachments() -> None:
    editor = editor_with()
    draft = editor.draft_of(user_message("look", CAT))
    assert editor.message(editor.pastes.refold("look here", draft)) == user_message("look here", CAT)


@pytest.mark.parametrize("end", ["", "\n"])
def test_paste_label_counts_lines_with_or_without_line_end(end: str) -> None:
    pastes = Pastes()
    mark = pastes.fold("\n".join("x" for _ in range(300)) + end)
    assert "· 300 lines ·" in pastes.shown(mark)


MENTIONED = attached_text("src/my a.py", "x = 1")


def test_mentioned_attachment_stays_in_its_place_and_is_sent_once() -> None:
    editor = editor_with()
    mark = editor.pastes.attach(MENTIONED, words='@"src/my a.py"')
    editor.set_text(f"explain {mark} now")
    assert editor.text == 'explain @"src/my a.py" now'
    assert editor.pastes.shown(editor.text_with_marks) == 'explain @"src/my a.py" (5 B) now'
    sent = editor.message(editor.pop())
    assert sent == user_message('explain @"src/my a.py" now', MENTIONED)
    again = editor.draft_of(sent)
    assert editor.pastes.shown(again) == 'explain @"src/my a.py" (5 B) now'
    assert editor.message(again) == sent


def test_refold_after_external_edit_keeps_mention_that_is_still_there() -> None:
    editor = editor_with()
    marked = f"explain {editor.pastes.attach(MENTIONED, words='@a.py')} now"
    kept = editor.pastes.refold("please explain @a.py", marked)
    assert editor.message(kept) == user_message("please explain @a.py", MENTIONED)
    assert editor.message(editor.pastes.refold("explain now", marked)) == user_message("explain now")


def test_attachment_is_removed_by_name_or_number() -> None:
    pastes = Pastes()
    text = pastes.attach(CAT) + pastes.attach(NOTES) + "x"
    assert pastes.attachments(pastes.without_attachment(text, "notes.txt")) == (CAT,)
    assert pastes.attachments(pastes.without_attachment(text, "1")) == (NOTES,)
    assert pastes.without_attachment(text, "3") == text


def test_suggestion_is_none_for_command_behind_attachment() -> None:
    editor = editor_with()
    mark = editor.pastes.attach(Image(mime="image/png", data=b"x", name="a.png"))
    for text in (f"{mark}/attach remove 1", f"{mark}what is it?"):
        editor.set_text(text)
        editor.pop()
    editor.set_text(f"{mark}/att")
    assert editor.suggestion() == ""
    editor.set_text(f"{mark}what")
    assert editor.suggestion() == " is it?"
