"""The end of a batch: its exit code, and the sentences about it."""

from __future__ import annotations

from termchat.app.batch.batch_options import BatchOptions
from termchat.batch.batch_progress import BatchProgress
from termchat.core.errors import Failure, FailureKind, error_reason, exit_code, outcome_of
from termchat.core.outcomes import ExitCode, Outcome
from termchat.core.sanitize import safe, safe_format
from termchat.late_dataclass import dataclass
from termchat.ui.oneshot.batch.batch_bar import summary_line
from termchat.ui.stderr import Stderr

_AGAIN = safe_format("Run the same command again: what is answered is not sent again.")
_WORST_FIRST = (  # ends of lines without an answer
    ("failed", ExitCode.ERROR), ("invalid", ExitCode.ERROR), ("unsure", ExitCode.ERROR), ("cut", ExitCode.CUT),
    ("stalled", ExitCode.STALLED), ("limit", ExitCode.DENIED), ("length", ExitCode.LENGTH),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class BatchEnd:
    """The end of a run.

    stopped_by   why the rest was not sent, None if all was
    signal       the exit code of a signal, None without one
    """

    progress: BatchProgress
    stopped_by: Failure | None = None
    output_error: OSError | None = None
    signal: ExitCode | None = None

    def code(self, options: BatchOptions) -> ExitCode:
        """Return the exit code; 0 only if every prompt has an answer."""
        if self.signal is not None:
            return self.signal
        if isinstance(self.output_error, BrokenPipeError):
            return ExitCode.SIGPIPE
        if self.output_error:
            return ExitCode.ERROR
        if self.stopped_by:
            return exit_code(outcome_of(self.stopped_by), self.stopped_by)
        progress = self.progress
        ends = [name for name, n in progress.ends.items() if n and name not in options.accepted]
        if progress.failed or progress.left:
            return next((code for name, code in _WORST_FIRST if name in ends), ExitCode.ERROR)
        return ExitCode.REFUSED if {Outcome.REFUSED, Outcome.FILTERED}.intersection(ends) else ExitCode.COMPLETE


def report_end(end: BatchEnd, options: BatchOptions, stderr: Stderr, now: float) -> ExitCode:
    """Write the summary, and what is missing with the next step; return the exit code."""
    code, progress = end.code(options), end.progress
    if stderr.usage:
        stderr.note(summary_line(progress, now))
    if end.output_error and code is not ExitCode.SIGPIPE:
        words = safe_format("Cannot write the results: {why}.", why=error_reason(end.output_error))
        stderr.failure(Failure(FailureKind.STORAGE, words))
    for line, words in progress.samples:
        if end.stopped_by and words == end.stopped_by.message:  # follows, with the next step
            continue
        shown = safe_format("Line {n}: {words}", n=safe(str(line)), words=words)
        stderr.failure(Failure(FailureKind.BAD_RESPONSE, shown))
    if end.stopped_by:
        stderr.failure(end.stopped_by)
    missing = progress.total - progress.done
    if code is ExitCode.SIGPIPE or (not missing and code is not ExitCode.ERROR):
        return code
    total = safe(f"{progress.total:,}")
    have = safe("has" if missing == 1 else "have")
    words = safe_format("{n} of {total} prompts {have} no answer.", n=safe(f"{missing:,}"), total=total, have=have)
    stderr.failure(Failure(FailureKind.CUT, words, _AGAIN))
    return code
