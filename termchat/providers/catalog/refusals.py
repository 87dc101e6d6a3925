"""Find the part of a request that an error response refuses. The parts are data: `refusals.toml`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from termchat.core.provider import Effort
from termchat.late_dataclass import dataclass
from termchat.providers.decoder import as_list, as_object, as_text
from termchat.providers.http.error_body import ErrorBody, snake_case

_FILE = Path(__file__).with_name("refusals.toml")
# Codes with which servers reject a field, and the words of a rejection.
_CODES = re.compile(
    r"unsupported|unknown|unrecogni[sz]ed|extra|not_(allowed|permitted|supported|implemented|available)"
    r"|\A(string_type|type_error\.str|union_tag)"
)
_WORDS = re.compile(
    r"unsupported|\b(not?|never)\b.{0,40}\b(support|accept|allow|permit|enabl|available|implement|recogni|expect)"
    r"|n't\b|\b(does|do|is|are|can|could|must|should|may) not\b|cannot|unknown|unrecogni[sz]ed|unexpected|forbidden"
    r"|deprecated|extra (input|field)|requires?\b|only (be )?(supported|available|works?|accept|allow|support)"
    r"|must be (false|null|none|empty|omitted|a (valid )?string)|(expected|valid) (a )?string|remove|disabled|without"
    r"|not (a )?valid (parameter|field)|invalid (parameter|argument|field|role)|input should be|不支持|不允许|未知|无法"
    r"|不能|不可用|未启用",
    re.IGNORECASE | re.DOTALL,
)
# Complaints about a value that the user gave. Leaving the part out would hide them.
_VALUE = re.compile(
    r"(not|n't|unable to|failed to) (process|read|decode|parse|open|load)\b|exceed|too (large|long|high|small|low|many)"
    r"|too (big|short)|between|greater|less than|at (least|most)|maximum|minimum"
    r"|\brange\b|larger|smaller|shorter|longer|[<>]=|[≤≥]|out of bounds|decod|corrupt|download|fetch|dimension|\bsize\b"
    r"|(image|file|document|media)s?[ _](format|type|data)|media_?type|mime|schema for function|input_?schema"
    r"|过(大|长|高)|超(过|出)",
    re.IGNORECASE,
)
# A path to one tool's own declaration: a mistake in it, not a refusal of tools.
_INSIDE_TOOL = re.compile(r"\btools\.\d+\..*\b(input_schema|parameters|properties|name|description)\b")
_LEVEL = re.compile(r"\b(none|off|minimal|low|medium|high|xhigh|max)\b", re.IGNORECASE)
_LISTS = re.compile(
    r"support(ed|s)? (values|levels|efforts)|one of|should be|must be|expected|allowed|available|choose"
)


@dataclass(frozen=True, slots=True)
class RefusablePart:
    """One row of `refusals.toml`, whose head documents the fields."""

    name: str
    fields: frozenset[str]
    words: re.Pattern[str]
    learns: str
    any: bool


@cache
def refusable_parts() -> tuple[RefusablePart, ...]:
    """Return the rows of `refusals.toml`."""
    table = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return tuple(_part(as_object(row)) for row in as_list(table.get("part")))


def _part(row: Mapping[str, Any]) -> RefusablePart:
    name = as_text(row.get("name"))
    fields = frozenset(str(field) for field in as_list(row.get("fields")))
    words = re.compile(as_text(row.get("words")), re.IGNORECASE | re.DOTALL)
    return RefusablePart(name, fields, words, as_text(row.get("learns")) or name, row.get("any") is True)


def refused_part(body: ErrorBody, present: frozenset[str]) -> RefusablePart | None:
    """Return the part that an error body refuses, None when it names none of the parts that are present.

    present   names of the parts that the request contains
    """
    if any(_INSIDE_TOOL.search(field) for field in body.fields):
        present -= {"tools"}
    candidates = [part for part in refusable_parts() if part.name in present]
    named = [part for part in candidates if _is_named(part, body.fields)]
    words = f"{body.message}\n{snake_case(body.message)}"
    named = named or [part for part in candidates if part.words.search(words)]
    refuses = any(map(_CODES.search, body.codes)) or (_WORDS.search(words) and not _VALUE.search(words))
    return next((part for part in named if part.any or refuses), None)


def _is_named(part: RefusablePart, fields: tuple[str, ...]) -> bool:
    """Return True if the last known name in a path belongs to the part."""
    known = {name for row in refusable_parts() for name in row.fields}
    last = (next((name for name in reversed(path.split(".")) if name in known), "") for path in fields)
    return any(name in part.fields for name in last)


def accepted_efforts(body: ErrorBody, sent: Effort) -> tuple[Effort, ...]:
    """Return the reasoning efforts that an error message lists as accepted, () when it lists none."""
    if not _LISTS.search(body.message.lower()):
        return ()
    efforts = {Effort(found[0].lower()) for found in _LEVEL.finditer(body.message)} - {sent}
    return tuple(effort for effort in Effort if effort in efforts)
