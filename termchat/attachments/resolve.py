"""Resolve mentions: decide which of them name a file, a page, a resource or the clipboard, and read those."""

from __future__ import annotations

import asyncio
import mimetypes
import os
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from termchat.attachments.classify import file_part, line_part, listing, load_file, not_attached
from termchat.attachments.fit_to_model import Fitted, Taker, fit_attachment, too_large_together
from termchat.attachments.mentions import (
    CLIPBOARD,
    LineSpan,
    Mention,
    address_reading,
    find_mentions,
    is_url,
    readings,
    split_line_span,
    split_resource,
)
from termchat.attachments.sources import AttachmentSources, Confirmation
from termchat.core.errors import Failure, error_reason
from termchat.core.messages import File, Part, Text, attached_text
from termchat.core.sanitize import EMPTY, Safe, safe, safe_format, safe_line
from termchat.late_dataclass import dataclass

ASK_BYTES = 256 * 1024  # of a text, from which on the user is asked
_CHECK_NAME = safe_format("Check the name of the file.")
_CHECK_LINES = safe_format("Write one line as #20, several as #20-45.")
_FILE_TYPES = ("text/", "image/", "audio/", "application/json", "application/pdf", "application/xml")

Loaded = tuple[Part, ...] | Failure | Confirmation


@dataclass(frozen=True, slots=True)
class Attached:
    """A mention and what it attaches."""

    mention: Mention
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Resolution:
    """The attachments of a text.

    attached    mentions that resolve, in the order of the text
    notes       sentences about attachments that are not sent as they are
    questions   sentences to confirm; the mentions they are about are not attached
    failures    of mentions that name something that cannot be attached
    """

    attached: tuple[Attached, ...] = ()
    notes: tuple[Safe, ...] = ()
    questions: tuple[Safe, ...] = ()
    failures: tuple[Failure, ...] = ()

    @property
    def parts(self) -> tuple[Part, ...]:
        return tuple(part for attached in self.attached for part in attached.parts)


class Resolver:
    """Reads attachments and fits them to a model."""

    def __init__(self, sources: AttachmentSources) -> None:
        self._sources = sources

    async def resolve(self, text: str, taker: Taker, *, approved: bool = False) -> Resolution:
        """Return the attachments that the text of a message mentions.

        approved   the questions about this text were confirmed
        """
        found = await asyncio.to_thread(self._resolving, text, self._servers())
        loaded = await asyncio.gather(*(self.load(mention.target, approved=approved) for mention in found))
        return await _fitted(list(zip(found, loaded, strict=True)), taker)

    async def attach(self, targets: Sequence[str], taker: Taker, *, approved: bool = False) -> Resolution:
        """Return the attachments of targets that are named one by one, such as files of a command."""
        loaded = await asyncio.gather(*(self.load(target, approved=approved) for target in targets))
        mentions = [Mention(0, 0, target) for target in targets]
        return await _fitted(list(zip(mentions, loaded, strict=True)), taker)

    async def clipboard(self, taker: Taker) -> Resolution:
        """Return the attachment of what the clipboard holds, also beside a file of that name."""
        return await _fitted([(Mention(0, 0, CLIPBOARD), await self._clipboard())], taker)

    async def _clipboard(self) -> Loaded:
        part = await self._sources.clipboard()
        return part if isinstance(part, Failure) else (part,)

    async def load(self, target: str, *, approved: bool) -> Loaded:
        """Read what a target names, whether or not it exists."""
        if target == CLIPBOARD and not self._is_file(target):
            return await self._clipboard()
        if is_url(target):
            page = await self._sources.fetch(target, approved=approved)
            return page if isinstance(page, Failure | Confirmation) else (page,)
        server, uri = split_resource(target)
        if server in self._servers() and uri and not self._is_file(target):
            resources = self._sources.resources()
            assert resources is not None
            return classified(await resources.read(server, uri))
        return await asyncio.to_thread(self._load_path, target, approved=approved)

    def _servers(self) -> tuple[str, ...]:
        resources = self._sources.resources()
        return resources.servers() if resources else ()

    def _resolving(self, text: str, servers: Sequence[str]) -> list[Mention]:
        """Return the mentions that name something, each in its longest reading that does."""
        found: list[Mention] = []
        for mention in find_mentions(text):
            named = (reading for reading in readings(text, mention) if self._is_local(reading.target))
            address = address_reading(text, mention)
            server, uri = split_resource(address.target)
            if is_url(address.target):
                found.append(address)
            elif local := next(named, None):
                found.append(local)
            elif (server in servers and uri) or self._is_misspelt(address.target):
                found.append(address)
        return found

    def _is_misspelt(self, target: str) -> bool:
        """Return True for a target that means a file of an existing directory, though there is none of that name.

        A name in a message, such as `@team` or `@scope/package`, does not.
        """
        base, hash_, _ = target.partition("#")
        if hash_ and self._is_file(base):
            return True
        path = self._sources.cwd / os.path.expanduser(base)
        kind = mimetypes.MimeTypes().guess_type(path.name)[0] or ""
        try:
            return path.parent.is_dir() and (
                kind.startswith(_FILE_TYPES)
                or (path.suffix != "" and any(beside.suffix == path.suffix for beside in path.parent.iterdir()))
            )
        except (OSError, ValueError):
            return False

    def _is_local(self, target: str) -> bool:
        return target == CLIPBOARD or self._is_file(target)

    def _is_file(self, target: str) -> bool:
        """Return True for a file or, with a slash at its end, a directory; its lines do not matter."""
        return self.existing(target) is not None

    def existing(self, target: str) -> tuple[Path, LineSpan | None] | None:
        """Return the path that a target names and its lines, None if there is no such file."""
        for name, lines in dict.fromkeys(((target, None), split_line_span(target))):
            try:
                path = self._sources.cwd / os.path.expanduser(name)
                mode = path.stat().st_mode
            except (OSError, ValueError):
                continue
            if stat.S_ISDIR(mode) == name.endswith("/"):
                return path, lines
        return None

    def sizes(self, targets: Iterable[str]) -> dict[str, int]:
        """Return the sizes in bytes of the files among some targets; of lines of a file, that of these lines."""
        found: dict[str, int] = {}
        for target in targets:
            existing = self.existing(target)
            if existing and not target.endswith("/"):
                with suppress(OSError):
                    size = _size(*existing)
                    found |= {} if size is None else {target: size}
        return found

    def _load_path(self, target: str, *, approved: bool) -> Loaded:
        found = self.existing(target) or self.existing(f"{target}/")
        if found is None and "#" in target and self._is_file(target.partition("#")[0]):
            return not_attached(target, "these are no lines of it", _CHECK_LINES)
        if found is None:
            part = load_file(target, self._sources.cwd / os.path.expanduser(target), _CHECK_NAME, patient=False)
            return part if isinstance(part, Failure) else (part,)
        path, lines = found
        try:
            if not approved and (why := self._sources.sensitive(path)):
                return Confirmation(safe_format("{why}.", why=why))
            if path.is_dir():
                return (attached_text(target, listing(path)),)
        except OSError as error:
            return not_attached(target, error_reason(error), _CHECK_NAME)
        part = load_file(target, path, _CHECK_NAME, patient=False)
        if lines and not isinstance(part, Failure):
            lined = line_part(target, path, lines, _CHECK_NAME)
            part = lined if isinstance(lined, Failure) else lined[0]
        size = len(part.text.encode()) if isinstance(part, Text) else 0
        if not approved and size > ASK_BYTES:
            n = safe(f"{size / 1000:.0f}")
            return Confirmation(safe_format("{name} is {n} kB of text.", name=safe_line(target), n=n))
        return part if isinstance(part, Failure) else (part,)


def _size(path: Path, lines: LineSpan | None) -> int | None:
    """Return the size of a file or of its lines, None for lines that it does not have. Raises OSError."""
    about = path.stat()
    if lines is None:
        return about.st_size
    if not stat.S_ISREG(about.st_mode):
        return None
    part = line_part("", path, lines, _CHECK_NAME)
    return None if isinstance(part, Failure) else len(part[0].text.encode()) - len(attached_text("", "").text)


def classified(read: tuple[Part, ...] | Failure) -> tuple[Part, ...] | Failure:
    """Return the contents of a resource with their kinds by their first bytes."""
    if isinstance(read, Failure):
        return read
    parts: list[Part] = []
    for part in read:
        known = file_part(part.name, part.data) if isinstance(part, File) else part
        if isinstance(known, Failure):
            return known
        parts.append(known)
    return tuple(parts)


async def _fitted(loaded: Sequence[tuple[Mention, Loaded]], taker: Taker) -> Resolution:
    attached: list[Attached] = []
    notes: list[Safe] = []
    questions: list[Safe] = []
    failures: list[Failure] = []
    for mention, one in loaded:
        if isinstance(one, Confirmation):
            questions.append(one.words)
            continue
        if isinstance(one, Failure):
            failures.append(one)
            continue
        fitted = [await fit_attachment(part, taker) for part in one]
        failures += [each for each in fitted if isinstance(each, Failure)]
        parts = tuple(each.part for each in fitted if isinstance(each, Fitted))
        notes += [each.note for each in fitted if isinstance(each, Fitted) and each.note]
        if len(parts) == len(fitted):
            attached.append(Attached(mention, parts))
    resolution = Resolution(tuple(attached), tuple(notes), tuple(questions), tuple(failures))
    if failure := too_large_together(resolution.parts, taker):
        return replace(resolution, attached=(), failures=(*failures, failure))
    return resolution


def unattached_words(resolution: Resolution) -> tuple[Safe, ...]:
    """Return the sentences of failures and questions, failures with their next step."""
    failed = (safe_format("{what} {step}", what=f.message, step=f.hint or EMPTY) for f in resolution.failures)
    return (*failed, *resolution.questions)
