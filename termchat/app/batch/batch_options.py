"""Options of a batch."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum

from termchat.app.batch.input_file import Shard
from termchat.app.options import Options
from termchat.late_dataclass import dataclass


class ResultFormat(StrEnum):
    """The format of the results."""

    NDJSON = "ndjson"
    OPENAI = "openai"


class VendorTask(StrEnum):
    """A task with the batches of vendors: submit and wait, submit and return, list, cancel."""

    WAIT = "wait"
    DETACH = "detach"
    STATUS = "status"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """Options of `termchat batch`.

    input         the file of the prompts, `-` for standard input
    run           the options that a batch shares with a single question
    output        the file of the results, "" for standard output
    jobs          most requests at once
    in_order      write the results in the order of the input; `window` bounds how far it goes ahead of the first one
    journal       the file of the journal, "" to choose one
    restart       forget the journal, and pay for all again
    skip_unsure   do not send prompts again that were in flight when the last run was killed
    accepted      outcomes that need not be sent again, by name
    vendor        hand the prompts to the batches of vendors; None to send them one by one
    """

    input: str
    run: Options = field(default_factory=Options)
    output: str = ""
    format: ResultFormat = ResultFormat.NDJSON
    jobs: int = 8
    in_order: bool = False
    window: int = 0
    journal: str = ""
    restart: bool = False
    skip_unsure: bool = False
    accepted: tuple[str, ...] = ()
    shard: Shard = field(default_factory=Shard)
    vendor: VendorTask | None = None
