"""`-x` and `--block`: the code blocks of the reply, without the text around them."""

from __future__ import annotations

from termchat.core.errors import Failure, FailureKind
from termchat.core.events import Event
from termchat.core.messages import Citation
from termchat.core.outcomes import ExitCode
from termchat.core.sanitize import EMPTY, Safe, safe, safe_format, safe_line
from termchat.ui.oneshot.formats import RunEnd
from termchat.ui.oneshot.formats.collected_reply import CollectedReply
from termchat.ui.oneshot.formats.output import write
from termchat.ui.oneshot.formats.text import encoded


class CodeBlockFormat:
    """Writes code blocks at the end of the run, each with its line end: a shell must not run half a block.

    number     the block, counted from 1; None for all of them
    terminal   the output is a terminal, so the code is made safe
    """

    def __init__(self, fd: int, number: int | None, *, terminal: bool = False) -> None:
        self._fd = fd
        self._number = number
        self._terminal = terminal
        self._reply = CollectedReply()

    async def show(self, event: Event) -> None:
        self._reply.add(event)

    async def inline_note(self, words: Safe) -> bool:
        return False

    async def withdraw(self) -> bool:
        return True  # nothing is written yet

    async def cite(self, sources: tuple[Citation, ...]) -> bool:
        return False

    async def close(self) -> None:
        pass

    async def finish(self, end: RunEnd) -> Failure | None:
        if end.ended is None:
            return None
        blocks = self._blocks(complete=end.code in (ExitCode.COMPLETE, ExitCode.DENIED))
        found = blocks if self._number is None else blocks[self._number - 1 : self._number]
        if not found:
            return _missing(len(blocks), self._number)
        code = "".join(f"{block}\n" for block in found)
        await write(self._fd, encoded(safe(code) if self._terminal else code))
        return None

    def _blocks(self, *, complete: bool) -> tuple[str, ...]:
        """Return the code blocks; of an incomplete reply only those that have their end."""
        from termchat.commands.answers.code_blocks import code_blocks

        text = self._reply.text
        blocks = code_blocks(text)
        if not complete and blocks and text.rstrip().endswith(blocks[-1].rstrip()):
            return blocks[:-1]
        return blocks


def _missing(count: int, number: int | None) -> Failure:
    if not count:
        return Failure(FailureKind.BAD_RESPONSE, safe_format("The reply has no code block."))
    have = safe_format("one code block") if count == 1 else safe_format("{n} code blocks", n=safe_line(str(count)))
    words = safe_format("The reply has {have}, but no block {n}.", have=have, n=safe_line(str(number or EMPTY)))
    return Failure(FailureKind.BAD_RESPONSE, words)
