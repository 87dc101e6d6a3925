"""The addresses of the page below /api."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from termchat.attachments.classify import LARGEST
from termchat.core.wire.media_types import media_type
from termchat.serve.bodies import Fields, count_of, flag_of, list_of, read_bytes, read_object, text_of
from termchat.serve.faults import FaceError, Fault, bad_request
from termchat.serve.page_api.event_stream import EventStream, json_bytes
from termchat.serve.page_api.page_files import PageFiles
from termchat.serve.page_api.page_port import PageApi, TurnAsked

_KINDS = ("send", "edit", "retry", "continue", "compare")
_INLINE = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp")
_MOST_REPORTS = 50
_REPORT_BYTES = 16 << 10
_MOST_MODELS = 8


def page_routes(page: PageApi, files: PageFiles) -> list[Route]:
    """Return the routes of the page and its API."""
    api = _PageRoutes(page)
    posts = {
        "/api/chats": api.begin,
        "/api/chats/{chat}/turns": api.turn,
        "/api/chats/{chat}/head": api.move_head,
        "/api/chats/{chat}/fork": api.fork,
        "/api/chats/{chat}/settings": api.set_up,
        "/api/chats/{chat}/title": api.rename,
        "/api/chats/{chat}/delete": api.delete,
        "/api/chats/{chat}/restore": api.restore,
        "/api/turns/{turn}/stop": api.stop_turn,
        "/api/turns/{turn}/stop-call": api.stop_call,
        "/api/turns/{turn}/answer": api.answer,
        "/api/uploads": api.upload,
        "/api/csp-report": api.report,
    }
    gets = {
        "/page/{name:path}": files.file,
        "/api/page": api.page,
        "/api/models": api.models,
        "/api/chats": api.chats,
        "/api/chats/{chat}": api.chat,
        "/api/search": api.search,
        "/api/blobs/{name}": api.blob,
        "/api/events": api.events,
        "/api/csp-reports": api.reports,
    }
    return [
        *(Route(path, handler, methods=["POST"]) for path, handler in posts.items()),
        *(Route(path, handler, methods=["GET"]) for path, handler in gets.items()),
    ]


class _PageRoutes:
    def __init__(self, page: PageApi) -> None:
        self._page = page
        self._reports: list[Fields] = []
        self._reported = 0

    async def page(self, request: HttpRequest) -> Response:
        return _answer(await self._page.page())

    async def models(self, request: HttpRequest) -> Response:
        return _answer(await self._page.models())

    async def chats(self, request: HttpRequest) -> Response:
        given = request.query_params
        deleted = given.get("deleted", "") not in ("", "0")
        return _answer(await self._page.chats(given.get("after", ""), given.get("q", ""), deleted=deleted))

    async def chat(self, request: HttpRequest) -> Response:
        found = await self._page.chat(_chat(request))
        return _answer(found) if isinstance(found, Fault) else _json(await asyncio.to_thread(json_bytes, found))

    async def search(self, request: HttpRequest) -> Response:
        return _answer(await self._page.search(request.query_params.get("q", ""), request.query_params.get("chat", "")))

    async def begin(self, request: HttpRequest) -> Response:
        asked = _turn_asked(await read_object(request))
        if asked.kind not in ("send", "compare") or not (asked.text or asked.attachments):
            raise bad_request("A new chat begins with a question.")
        return _answer(await self._page.begin("", asked))

    async def turn(self, request: HttpRequest) -> Response:
        return _answer(await self._page.begin(_chat(request), _turn_asked(await read_object(request))))

    async def move_head(self, request: HttpRequest) -> Response:
        body = await read_object(request)
        return _answer(await self._page.move_head(_chat(request), text_of(body, "node")))

    async def fork(self, request: HttpRequest) -> Response:
        body = await read_object(request)
        return _answer(await self._page.fork(_chat(request), text_of(body, "node")))

    async def set_up(self, request: HttpRequest) -> Response:
        body = await read_object(request)
        model, role = text_of(body, "model"), text_of(body, "role")
        return _answer(await self._page.set_up(_chat(request), model, _system(body), role))

    async def rename(self, request: HttpRequest) -> Response:
        title = text_of(await read_object(request), "title").strip()
        if not title:
            raise bad_request("title is missing.")
        return _answer(await self._page.rename(_chat(request), title))

    async def delete(self, request: HttpRequest) -> Response:
        return _answer(await self._page.delete(_chat(request)))

    async def restore(self, request: HttpRequest) -> Response:
        return _answer(await self._page.restore(_chat(request)))

    async def stop_turn(self, request: HttpRequest) -> Response:
        return _answer(self._page.stop_turn(request.path_params["turn"]))

    async def stop_call(self, request: HttpRequest) -> Response:
        body = await read_object(request)
        node, place = text_of(body, "node"), count_of(body, "place", 0)
        if not node or place is None:
            raise bad_request("node and place name the call: its reply, and its place in it from 0.")
        return _answer(self._page.stop_call(request.path_params["turn"], node, place))

    async def answer(self, request: HttpRequest) -> Response:
        body = await read_object(request)
        turn, decision = request.path_params["turn"], text_of(body, "decision")
        if decision not in ("once", "always", "deny"):
            raise bad_request("decision is once, always or deny.")
        return _answer(self._page.answer(turn, text_of(body, "request"), decision, text_of(body, "why")))

    async def upload(self, request: HttpRequest) -> Response:
        name = request.query_params.get("name", "").strip().replace("\\", "/").rsplit("/", 1)[-1] or "file"
        data = await read_bytes(request, LARGEST)
        return _answer(await self._page.upload(name[:200], data))

    async def blob(self, request: HttpRequest) -> Response:
        name = request.path_params["name"]
        data = await self._page.blob(name) if len(name) == 64 and name.isalnum() else None
        if data is None:
            raise FaceError(Fault(404, "There is no such attachment."))
        kind = media_type(data)
        headers = {"content-security-policy": "default-src 'none'; sandbox; frame-ancestors 'none'"}
        if kind in _INLINE:
            return Response(data, headers={**headers, "content-type": kind, "content-disposition": "inline"})
        more = {"content-type": "application/octet-stream", "content-disposition": "attachment"}
        return Response(data, headers={**headers, **more})

    async def events(self, request: HttpRequest) -> EventStream:
        found = await self._page.subscribe(request.query_params.get("chat", ""))
        if isinstance(found, Fault):
            raise FaceError(found)
        return EventStream(found)

    async def report(self, request: HttpRequest) -> Response:
        """Count a violation of the policy, which a browser reports."""
        data = await read_bytes(request, _REPORT_BYTES)
        self._reported += 1
        if len(self._reports) < _MOST_REPORTS:
            self._reports.append({"report": data.decode("utf-8", "replace")})
        return Response(status_code=204)

    async def reports(self, request: HttpRequest) -> Response:
        return _answer({"count": self._reported, "reports": self._reports})


def _chat(request: HttpRequest) -> str:
    return request.path_params["chat"]


def _answer(found: Mapping[str, Any] | Fault) -> Response:
    if isinstance(found, Fault):
        raise FaceError(found)
    return _json(json_bytes(found))


def _json(body: bytes) -> Response:
    return Response(body, headers={"content-type": "application/json"})


def _turn_asked(body: Fields) -> TurnAsked:
    kind = text_of(body, "kind", "send")
    if kind not in _KINDS:
        raise bad_request(f"kind is one of {', '.join(_KINDS)}.")
    models = _names(body, "models")
    if kind == "compare" and not 0 < len(models) <= _MOST_MODELS:
        raise bad_request(f"models names one to {_MOST_MODELS} models.")
    text, node = text_of(body, "text"), text_of(body, "node")
    attachments = _names(body, "attachments")
    if kind in ("edit", "retry", "continue") and not node:
        raise bad_request("node is missing.")
    if kind in ("send", "edit") and not text.strip() and not attachments:
        raise bad_request("text is missing.")
    return TurnAsked(
        kind, text, node, text_of(body, "parent") or None, attachments, text_of(body, "model"), models,
        keep=body.get("keep") is None or flag_of(body, "keep"),
        confirmed=flag_of(body, "confirmed"),
        system=_system(body),
        role=text_of(body, "role"),
    )  # fmt: skip


def _system(body: Fields) -> str | None:
    return None if body.get("system") is None else text_of(body, "system")


def _names(body: Fields, field: str) -> tuple[str, ...]:
    found = list_of(body, field)
    if not all(isinstance(name, str) for name in found):
        raise bad_request(f"{field} must be a list of texts.")
    return tuple(map(str, found))
