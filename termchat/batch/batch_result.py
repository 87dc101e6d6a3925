"""The end of an item: what the journal keeps, and the line of the output."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import field
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from termchat.batch.items import BatchItem
from termchat.core.errors import Failure, failure_record
from termchat.core.models import ModelRef
from termchat.core.outcomes import FinishReason, Outcome
from termchat.core.usage import Usage, usage_record
from termchat.late_dataclass import dataclass

# A refusal and a filter are the answer of the model and its provider: to ask again costs the same and gives the same.
ANSWERS = frozenset((Outcome.COMPLETE, Outcome.REFUSED, Outcome.FILTERED))


# DEL, C1, line and paragraph separators, bidi controls, lone surrogates.
_ESCAPED = re.compile(r"[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class BatchResult:
    """The end of an item.

    model     the model that answered
    cost      US dollars, None when unknown
    seconds   from the first request to the end
    reply_id  the server's id of the reply, "" if it gave none
    failure   an error, or what is wrong with a complete reply
    """

    outcome: Outcome
    model: ModelRef
    text: str = ""
    reasoning: str = ""
    finish: FinishReason | None = None
    usage: Usage = field(default_factory=Usage)
    cost: Decimal | None = None
    seconds: float = 0.0
    reply_id: str = ""
    failure: Failure | None = None

    @property
    def is_answer(self) -> bool:
        """True for a result that is not asked for again."""
        return self.outcome in ANSWERS and self.failure is None

    def to_json(self) -> str:
        """Return what the journal keeps: the line of the output without the fields of the input."""
        shown: dict[str, Any] = {
            "model": str(self.model),
            "outcome": self.outcome.value,
            "text": self.text,
            **({"reasoning": self.reasoning} if self.reasoning else {}),
            "finish_reason": self.finish.value if self.finish else None,
            "usage": usage_record(self.usage),
            "cost": None if self.cost is None else float(self.cost),
            "seconds": round(self.seconds, 3),
            "reply_id": self.reply_id or None,
            "error": failure_record(self.failure),
        }
        return json.dumps(shown, ensure_ascii=False, separators=(",", ":"))


def result_schema() -> bytes:
    """Return the JSON Schema of a line, as text in UTF-8."""
    return Path(__file__).with_name("result.schema.json").read_bytes()


def result_line(item: BatchItem, kept: str, shard: str = "") -> bytes:
    """Return the line of the output for an item and what the journal keeps of its end, with its line end.

    shard   the part of the input that was asked for, as `1/4`; "" for all of it
    """
    head = {"v": 1, "id": item.id, "line": item.line, **({"shard": shard} if shard else {})}
    shown = {**head, **cast("dict[str, Any]", json.loads(kept)), "fields": item.fields}
    return as_line(shown)


def as_line(value: Mapping[str, Any]) -> bytes:
    """Return one line of JSON in UTF-8, with its line end.

    What a reader may take for a line end or a terminal for a command becomes an escape; so does a lone surrogate.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return f"{_ESCAPED.sub(_escape, text)}\n".encode()


def _escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
