"""Effects of the answers to a question about a tool call."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from textwrap import indent
from typing import Any

from termchat.config.keys.key_bindings import Action
from termchat.core.approval import ApprovalRequest, ApprovalScope, Approve, ChangeArguments, Decline
from termchat.core.sanitize import Safe, join, safe, safe_format
from termchat.ui.repl.external_programs import ExternalPrograms
from termchat.ui.repl.key_states import State
from termchat.ui.repl.panels.approval_answer import ALL
from termchat.ui.repl.panels.approval_panel import ApprovalPanel, Writing
from termchat.ui.repl.turns import TurnRunner
from termchat.ui.tools.approval_card import request_title

_SCOPES = {"y": ApprovalScope.ONCE, "s": ApprovalScope.CHAT, "a": ApprovalScope.SAVED}


class ApprovalAnswers:
    """Performs the answers of the panel. `say` shows a short message."""

    def __init__(
        self, panel: ApprovalPanel, turns: TurnRunner, programs: ExternalPrograms, say: Callable[[Safe], None]
    ) -> None:
        self.panel = panel
        self._turns = turns
        self._programs = programs
        self._say = say

    def holds(self, state: State) -> bool:
        """Return True if the question is in this state."""
        held = {
            State.QUESTION: self.panel.request is not None,
            State.APPROVAL: self.panel.takes_keys,
            State.LISTING: self.panel.is_listing,
            State.WRITING: self.panel.is_writing,
        }
        return held[state]

    def answer(self, letter: str) -> None:
        """Perform the answer of a letter, if the panel offers it."""
        request = self.panel.request
        if self.panel.is_listing and letter == ALL.lower():
            letter = ALL
        if request is None or letter not in [answer.letter for answer in self.panel.answers()]:
            return
        if self.panel.is_listing:
            self._answer_list(letter)
        elif letter == ALL:
            self.panel.open_list()
        elif scope := _SCOPES.get(letter):
            self._turns.answer(Approve(scope))
        elif letter == "n":
            self.panel.write(Writing.REASON)
        elif letter == "e":
            self._edit(request)
        else:
            words = safe_format("{title}\n\n{text}", title=request_title(request), text=safe(_whole(request)))
            self._programs.page(words, self.panel.viewing())

    def _answer_list(self, letter: str) -> None:
        """Approve exactly the listed calls, once; go back, or show the list in the pager."""
        if letter == ALL:
            approved = self.panel.take_list()
            for request in approved:
                self._turns.answer(Approve(), request)
            if not approved:
                self._say(safe_format("The list is new: read it, then answer again."))
        elif letter == "n":
            self.panel.leave_list()
        else:
            self._programs.page(_all_calls(self.panel.listed), self.panel.viewing())

    def accept(self) -> None:
        """Give the highlighted answer; without one, Enter answers nothing."""
        if letter := self.panel.highlighted():
            self.answer(letter)
        else:
            self._say(
                safe_format(
                    "{enter} answers nothing by itself: press a letter, or choose with {arrows}",
                    enter=self.panel.keys.label(Action.ENTER),
                    arrows=self.panel.keys.arrows,
                )
            )

    def previous(self) -> None:
        self.panel.move(-1)

    def next(self) -> None:
        self.panel.move(1)

    def focus(self) -> None:
        """Move the focus to the question, or back to the input."""
        self.panel.toggle_focus()

    def leave(self) -> None:
        """Go back to the answers; what was written is dropped."""
        self.panel.write(Writing.NOTHING)

    def leave_list(self) -> None:
        """Go back from the list to the question."""
        self.panel.leave_list()

    def view(self) -> None:
        self.answer("v")

    def submit(self) -> None:
        """Send the reason or the edited argument."""
        request, text = self.panel.request, self.panel.text.text
        if request is None:
            return
        if self.panel.writing is Writing.REASON:
            self._turns.answer(Decline(text.strip()))
        else:
            self._change(request, text)

    def _edit(self, request: ApprovalRequest) -> None:
        """Edit one line in the panel, anything longer in the editor."""
        text = _editable(request)
        if "\n" in text or not request.edit_argument:
            self._programs.edit_text(text, lambda edited: self._change(request, edited))
        else:
            self.panel.write(Writing.EDIT, text)

    def _change(self, request: ApprovalRequest, text: str) -> None:
        """Judge the call again with the edited text; an unchanged or invalid one changes nothing."""
        self.panel.write(Writing.NOTHING)
        if request is not self.panel.request:
            self._say(safe_format("That question is gone; nothing was changed."))
            return
        if text.strip() == _editable(request).strip():
            return
        if not text.strip():
            self._say(safe_format("The text is empty; nothing was changed. n declines the call."))
            return
        arguments = text
        if request.edit_argument:
            arguments = json.dumps({**_arguments(request), request.edit_argument: text}, ensure_ascii=False)
        elif not _is_object(text):
            self._say(safe_format("That is not a JSON object; nothing was changed."))
            return
        self._turns.answer(ChangeArguments(arguments))


def _arguments(request: ApprovalRequest) -> dict[str, Any]:
    parsed: Any = json.loads(request.call.arguments or "{}")
    return parsed


def _editable(request: ApprovalRequest) -> str:
    if request.edit_argument:
        return str(_arguments(request).get(request.edit_argument, ""))
    return json.dumps(_arguments(request), ensure_ascii=False, indent=2)


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _whole(request: ApprovalRequest, *, rules: bool = True) -> str:
    named = [f"rule: {rule}" for rule in request.rules] if rules else []
    facts = "\n".join([*request.facts, *([request.reason] if request.reason else []), *named])
    return f"{request.preview}\n\n{facts}".rstrip()


def _all_calls(requests: Sequence[ApprovalRequest]) -> Safe:
    """Return all of each call, indented, without the rules: the answer to the list gives none."""
    number = safe(str(len(requests)))
    calls = [
        safe_format(
            "{k} of {n}: {title}\n\n{text}",
            k=safe(str(place)),
            n=number,
            title=request_title(request),
            text=safe(indent(_whole(request, rules=False), "    ")),
        )
        for place, request in enumerate(requests, 1)
    ]
    return join("\n\n", calls)
