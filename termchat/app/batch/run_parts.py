"""The parts of a run of a batch, and its output."""

from __future__ import annotations

import asyncio
import sys

from termchat.app.batch.batch_options import BatchOptions
from termchat.app.batch.input_file import STANDARD_INPUT, InputFile
from termchat.app.batch.item_builder import ItemBuilder
from termchat.app.build import App
from termchat.batch.handed_over import VendorJournal
from termchat.batch.items import BatchItem
from termchat.batch.journal import ItemState, JournalRow
from termchat.config.paths import user_path
from termchat.core.errors import Failure, FailureKind, error_reason
from termchat.core.sanitize import safe_format, safe_line
from termchat.ui.oneshot.batch.line_output import FileLines, LineOutput
from termchat.ui.stderr import Stderr


class RunParts:
    """The parts of a run."""

    def __init__(
        self,
        options: BatchOptions,
        source: InputFile,
        builder: ItemBuilder,
        journal: VendorJournal,
        app: App,
        stderr: Stderr,
    ) -> None:
        self.options = options
        self.journal = journal
        self.app = app
        self.stderr = stderr
        self._source = source
        self._builder = builder
        self._reading = asyncio.Lock()
        self._warned = False

    async def read(self, row: JournalRow) -> BatchItem | Failure:
        """Read the item of a row again from the input."""
        async with self._reading:
            item = await asyncio.to_thread(self._source.read, self._builder, row.line, row.offset, row.digest)
        if not isinstance(item, Failure) and row.state is not ItemState.DONE:
            self._warn_of_secret(item)
        return item

    def _warn_of_secret(self, item: BatchItem) -> None:
        """Note the first prompt that contains a key."""
        if not self._warned and any(map(self.app.find_secret, item.request.messages)):
            self._warned = True
            at, model = safe_line(f"{self._source.name}:{item.line}"), safe_line(str(item.model))
            words = safe_format("{at} contains an API key or a password. It is sent to {model}.", at=at, model=model)
            self.stderr.note(words)


def open_results(options: BatchOptions) -> LineOutput | Failure:
    """Open standard output, or the file of the results."""
    if not options.output:
        return LineOutput(sys.stdout.fileno())
    path = user_path(options.output)
    try:
        if path.exists() and options.input != STANDARD_INPUT and path.samefile(user_path(options.input)):
            raise OSError(0, "it is the input")
        return FileLines(path)
    except OSError as error:
        name, why = safe_line(options.output), error_reason(error)
        words = safe_format("Cannot write {name}: {why}.", name=name, why=why)
        return Failure(FailureKind.BAD_CONFIG, words, safe_format("Choose another file for -o."))
