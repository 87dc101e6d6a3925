"""Turn rows of the input into items: their model, parameters, schema and attachments as a request."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from termchat.app.reply_schema import is_there, names_file, reply_schema, schema_mistake
from termchat.batch.items import BatchItem, identified
from termchat.batch.rows import BatchRow, RowError, RowFormat, parse_row
from termchat.config.settings import SETTINGS
from termchat.core.errors import Failure
from termchat.core.messages import Message, Part, user_message
from termchat.core.models import ModelRef
from termchat.core.provider import Params, Providers, Request
from termchat.core.sanitize import EMPTY, Safe, safe_format, safe_line
from termchat.ui.oneshot.input import load_attachment

_SETTINGS = ("max_tokens", "temperature", "top_p", "stop", "seed", "think", "speed", "search")  # of one request
_REMOTE = ("http://", "https://")
_MOST_SCHEMAS = 100  # kept, so that a schema of all rows is checked once


class ItemBuilder:
    """Builds items. The same line gives the same item as long as the attached files stay the same.

    model, system   of rows without them
    params          the parameters of the run; a row overrides them
    folder          the directory that names of files in rows are relative to, "" for the working directory
    note            tells about a file that is not the one in the working directory
    """

    def __init__(
        self,
        providers: Providers,
        model: ModelRef,
        system: str,
        params: Params,
        folder: str,
        note: Callable[[Safe], None],
    ) -> None:
        self._system = system
        self._providers = providers
        self._model = model
        self._params = params
        self._folder = folder
        self._note = note
        self._schemas: dict[str, Mapping[str, Any]] = {}

    def build(self, line: int, text: bytes) -> BatchItem:
        """Return the item of a line. Reads its attachments. Raises RowError."""
        row = parse_row(text)
        model, params = self._asked(row)
        if row.schema is not None:
            params = replace(params, schema=self._schema(row.schema))
        system = self._system if row.system is None else row.system
        request = Request(self._messages(row), system, params=params)
        return identified(line, row.id, model, request, row.fields, row.format)

    def _asked(self, row: BatchRow) -> tuple[ModelRef, Params]:
        """Return the model of a row and its parameters."""
        model, effort = self._model, None
        if row.model:
            found = self._providers.resolve(row.model)
            if row.format is not RowFormat.NATIVE and str(found) != row.model:
                found = replace(self._model, model=row.model)  # a vendor's own name, for the provider of the run
            if isinstance(found, Failure):
                raise RowError(_without_stop(found), found.hint)
            model, effort = found, self._providers.effort(row.model)
        values: dict[str, Any] = {} if effort is None else {"think": effort}
        for name, raw in row.settings.items():
            if name not in _SETTINGS:
                words = safe_format("there is no setting {name} of a request", name=safe_line(str(name)[:60]))
                raise RowError(words, safe_format("Settings are {names}.", names=safe_line(", ".join(_SETTINGS))))
            value = SETTINGS[name].kind.read(raw)
            if value is None:
                kind = safe_line(SETTINGS[name].kind.words)
                raise RowError(safe_format("{name} must be {kind}", name=safe_line(name), kind=kind), EMPTY)
            values[name] = value
        return model, replace(self._params, **values)

    def _schema(self, given: Mapping[str, Any] | str) -> Mapping[str, Any]:
        key = given if isinstance(given, str) else json.dumps(given, sort_keys=True)
        if key not in self._schemas:
            if len(self._schemas) == _MOST_SCHEMAS:
                self._schemas.clear()
            self._schemas[key] = self._checked_schema(given)
        return self._schemas[key]

    def _checked_schema(self, given: Mapping[str, Any] | str) -> Mapping[str, Any]:
        if isinstance(given, str):
            found = reply_schema(self._schema_name(given))
            if isinstance(found, Failure):
                raise RowError(_without_stop(found), found.hint)
            return found
        if mistake := schema_mistake(given):
            raise RowError(safe_format("schema: {why}", why=mistake), EMPTY)
        return given

    def _schema_name(self, given: str) -> str:
        """Return a text as it is, or the path of the file that it names. Raises RowError for one that is elsewhere."""
        beside = self._path(given)
        if given.lstrip().startswith("{") or beside == given:
            return given
        here = is_there(given)
        if is_there(beside):
            if here and not os.path.samefile(beside, given):
                words = safe_format("The schema {path} is used, not {name} of the current directory.",
                                    path=safe_line(beside), name=safe_line(given))  # fmt: skip
                self._note(words)
            return beside
        if here:
            words = safe_format("the schema {name} is in the current directory, not beside the prompts",
                                name=safe_line(given))  # fmt: skip
            raise RowError(words, safe_format("Names of files are relative to the file of the prompts: move it there, "
                                              "or write {path}.", path=safe_line(os.path.abspath(given))))  # fmt: skip
        return beside if names_file(given) else given

    def _messages(self, row: BatchRow) -> tuple[Message, ...]:
        """Return the messages, the attachments before the text of the last one."""
        if not row.files:
            return row.messages
        attached: list[Part] = []
        for name in row.files:
            if name.startswith(_REMOTE):
                words = safe_format("{name} is an address", name=safe_line(name[:200]))
                raise RowError(words, safe_format("Download it first: a page may change between two runs."))
            found = load_attachment(self._path(name))
            if isinstance(found, Failure):
                raise RowError(_without_stop(found), Safe(found.hint.replace("after -f", "in files")))
            attached += found
        *before, last = row.messages or (user_message(""),)
        return (*before, replace(last, parts=(*attached, *last.parts)))

    def _path(self, name: str) -> str:
        return name if name.startswith("~") or os.path.isabs(name) else os.path.join(self._folder, name)


def _without_stop(failure: Failure) -> Safe:
    """Return the message of a failure as a part of a sentence."""
    return Safe(failure.message.removesuffix("."))
