"""`--dry-run`: build the request of a question as it would be sent, and print it instead."""

from __future__ import annotations

import json
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from termchat.app.build import App
from termchat.config.credentials import is_reference
from termchat.core.errors import Failure, FailureKind, exit_code
from termchat.core.events import Event, Notice, ProviderNotice, Streamed, TurnEnded
from termchat.core.messages import Message
from termchat.core.outcomes import ExitCode
from termchat.core.redact import Redactor, header_secrets, mask
from termchat.core.sanitize import escape_json, safe_format
from termchat.ui.oneshot.formats.output import write
from termchat.ui.stderr import Stderr

if TYPE_CHECKING:
    from termchat.engine.session import ChatSession
    from termchat.providers.http.transport import UnsentRequest

_NO_REQUEST = Failure(
    FailureKind.BAD_CONFIG,
    safe_format("This model makes no request."),
    safe_format("Choose another one with -m."),
)


async def print_request(app: App, message: Message, fd: int, stderr: Stderr) -> ExitCode:
    """Print the first request of a turn as JSON: method, URL, headers with masked keys, body. Raises OSError."""
    from termchat.providers.http.transport import intercept_requests

    session = _unrecorded(app.session)
    held: list[UnsentRequest] = []
    turn = session.send(session.add(message, session.conversation.head))

    def hold(request: UnsentRequest) -> None:
        held.append(request)
        turn.cancel()

    ended: TurnEnded | None = None
    with intercept_requests(hold):
        async with aclosing(turn.events()) as events:
            async for event in events:
                _note(event, stderr)
                ended = event if isinstance(event, TurnEnded) else ended
    if held:
        provider = app.config.providers.get(session.settings.model.provider)
        headers = provider.headers.items() if provider else ()
        references = frozenset(name.lower() for name, value in headers if is_reference(value))
        await write(fd, _shown(held[0], references))
        return ExitCode.COMPLETE
    failure = ended.failure if ended and ended.failure else _NO_REQUEST
    stderr.failure(failure)
    return exit_code(ended.outcome, failure) if ended and ended.failure else ExitCode.USAGE


def _unrecorded(session: ChatSession) -> ChatSession:
    """Return the session with the same conversation and settings, but without its chat and limits on spending."""
    conversation = session.conversation
    settings = replace(session.settings, max_cost="", max_cost_day="")
    session.incognito()
    session.conversation = conversation
    session.update_settings(lambda _: settings, lasting=False)
    return session


def _note(event: Event, stderr: Stderr) -> None:
    match event:
        case Streamed(delta=ProviderNotice(words=words)) | Notice(words=words):
            stderr.note(words)
        case _:
            pass


def _shown(request: UnsentRequest, references: frozenset[str]) -> bytes:
    """Return a request as indented JSON; the values of headers that hold a secret are masked.

    references   the names of headers whose values are references to secrets, in lower case
    """
    headers: dict[str, str] = {}
    secrets: list[str] = []
    for name, value in request.headers.items():
        found = list(header_secrets(name, value, referenced=name.lower() in references))
        headers[name] = mask(value) if found else value
        secrets += found
    try:
        body: Any = json.loads(request.body)
    except ValueError:
        body = request.body.decode("utf-8", "replace")
    record = {"method": request.method, "url": Redactor(secrets)(request.url), "headers": headers, "body": body}
    return (escape_json(json.dumps(record, ensure_ascii=False, indent=2)) + "\n").encode("utf-8", "replace")
