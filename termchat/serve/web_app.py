"""The application: its routes, each face with its decoder and its encoder."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import TypeAlias

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from termchat.core.errors import Failure
from termchat.serve.answering import AnsweringModels, RunningReply
from termchat.serve.bodies import Fields, read_object
from termchat.serve.chat_face import ChatEncoder, decode_chat
from termchat.serve.face_request import FaceRequest, ReplyMemory
from termchat.serve.faults import FaceError, Fault, error_shape, fault_of
from termchat.serve.messages_face import MessagesEncoder, decode_messages
from termchat.serve.models_face import anthropic_model, anthropic_models, openai_model, openai_models
from termchat.serve.page_api.page_files import PageFiles
from termchat.serve.page_api.page_port import PageApi
from termchat.serve.page_api.page_routes import page_routes
from termchat.serve.plain_face import PlainEncoder, PlainSessions, decode_plain
from termchat.serve.replies import ReplyAnswer, ReplyEncoder
from termchat.serve.responses.responses_face import ResponsesEncoder
from termchat.serve.responses.responses_request import decode_responses
from termchat.serve.trust import TrustGate, TrustRules

Answer: TypeAlias = Response | ReplyAnswer
MakeEncoder = Callable[[RunningReply], ReplyEncoder]
_log = logging.getLogger("termchat")
_AT_A_TIME = 8  # requests that begin in one round of the event loop; each takes 2 ms of a processor
_ENDPOINTS = """termchat serve: the models of termchat, for programs.

  POST /v1/chat/completions        OpenAI Chat Completions
  POST /v1/responses               OpenAI Responses, stateless
  POST /v1/messages                Anthropic Messages
  POST /v1/messages/count_tokens   an estimate of the tokens
  GET  /v1/models                  the models
  POST /api/chat/stream            {"message": ..., "model": ..., "session": ...}
  GET  /health                     {"status": "ok"}

Send the token, which follows # in the first line of the server, as a bearer token or as x-api-key.
"""


def web_app(models: AnsweringModels, rules: TrustRules, page: PageApi | None = None) -> ASGIApp:
    """Build the application: every request passes the rules first. Without `page` it has no page."""
    faces, files = _Faces(models), PageFiles(_ENDPOINTS)
    routes = [
        Route("/", files.root if page else faces.endpoints),
        Route("/health", faces.health),
        Route("/v1/models", faces.list_models),
        Route("/v1/models/{name:path}", faces.show_model),
        Route("/v1/chat/completions", faces.chat, methods=["POST"]),
        Route("/v1/responses", faces.responses, methods=["POST"]),
        Route("/v1/messages", faces.messages, methods=["POST"]),
        Route("/v1/messages/count_tokens", faces.count_tokens, methods=["POST"]),
        Route("/api/chat/stream", faces.plain, methods=["POST"]),
        *(page_routes(page, files) if page else ()),
    ]
    app = Starlette(
        routes=routes,
        exception_handlers={
            FaceError: _face_error,
            HTTPException: _http_error,
            ClientDisconnect: _nobody,
            Exception: _internal_error,
        },
    )
    return TrustGate(app, rules)


class Turnstile:
    """Lets a few callers through in each round of the event loop, in their order; the first ones do not wait.

    Without it, asyncio takes each step of 200 requests that come at once together: no token of a stream that runs
    passes meanwhile, and none of the 200 is on the wire before nearly all are.
    """

    def __init__(self, at_a_time: int = _AT_A_TIME) -> None:
        self._at_a_time = at_a_time
        self._left = at_a_time  # of this round
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def turn(self) -> None:
        """Wait for the turn of the caller."""
        if self._left == self._at_a_time:
            asyncio.get_running_loop().call_soon(self._next_round)
        if self._left:
            self._left -= 1
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        await waiter

    def _next_round(self) -> None:
        self._left = self._at_a_time
        while self._left and self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():  # a caller may have been cancelled
                waiter.set_result(None)
                self._left -= 1
        if self._left < self._at_a_time:
            asyncio.get_running_loop().call_soon(self._next_round)


class _Faces:
    """The faces of the models; what they remember of replies and sessions is shared by all clients."""

    def __init__(self, models: AnsweringModels) -> None:
        self._models = models
        self._memory = ReplyMemory()
        self._sessions = PlainSessions()
        self._turnstile = Turnstile()

    async def chat(self, request: HttpRequest) -> Answer:
        asked = decode_chat(await self._body(request), self._memory)
        return await self._answer(asked, lambda reply: ChatEncoder(reply.id, str(reply.model), counts=asked.counts))

    async def responses(self, request: HttpRequest) -> Answer:
        asked = decode_responses(await self._body(request), self._memory)
        return await self._answer(asked, lambda reply: ResponsesEncoder(reply.id, str(reply.model), asked))

    async def messages(self, request: HttpRequest) -> Answer:
        asked = decode_messages(await self._body(request), self._memory)
        return await self._answer(
            asked, lambda reply: MessagesEncoder(reply.id, str(reply.model), asked.request.params.stop)
        )

    async def plain(self, request: HttpRequest) -> Answer:
        asked, question, session = decode_plain(await self._body(request), self._sessions, self._models.system)
        return await self._answer(asked, lambda reply: PlainEncoder(reply.id, self._sessions, question, session))

    async def _body(self, request: HttpRequest) -> Fields:
        await self._turnstile.turn()
        return await read_object(request)

    async def _answer(self, asked: FaceRequest, encoder: MakeEncoder) -> ReplyAnswer:
        reply = await self._models.begin(asked.model, asked.request)
        if isinstance(reply, Failure):
            raise FaceError(fault_of(reply))
        return ReplyAnswer(asked, reply, encoder(reply), self._memory)

    async def count_tokens(self, request: HttpRequest) -> Response:
        asked = decode_messages(await read_object(request), self._memory)
        found = await self._models.count(asked.model, asked.request)
        if isinstance(found, Failure):
            raise FaceError(fault_of(found))
        return JSONResponse({"input_tokens": found})

    async def list_models(self, request: HttpRequest) -> Response:
        models = await self._models.listing()
        return JSONResponse(anthropic_models(models) if _is_anthropic(request) else openai_models(models))

    async def show_model(self, request: HttpRequest) -> Response:
        name = request.path_params["name"]
        found = next((info for info in await self._models.listing() if str(info.ref) == name), None)
        if found is None:
            raise FaceError(Fault(404, "There is no such model.", "model_not_found"))
        return JSONResponse(anthropic_model(found) if _is_anthropic(request) else openai_model(found))

    async def health(self, request: HttpRequest) -> Response:
        return JSONResponse({"status": "ok"})

    async def endpoints(self, request: HttpRequest) -> Response:
        return PlainTextResponse(_ENDPOINTS)


def _is_anthropic(request: HttpRequest) -> bool:
    return "anthropic-version" in request.headers


async def _face_error(request: HttpRequest, error: Exception) -> Response:
    assert isinstance(error, FaceError)
    return _error_response(request, error.fault)


async def _http_error(request: HttpRequest, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    fault = Fault(error.status_code, f"{error.detail}: {request.method} {request.url.path}")
    return _error_response(request, fault, _methods_of(request) if fault.status == 405 else "")


def _methods_of(request: HttpRequest) -> str:
    """Return the methods that a path takes; it may have several routes."""
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    found = [route.methods or () for route in routes if route.path_regex.match(request.url.path)]
    return ", ".join(sorted({method for methods in found for method in methods}))


async def _internal_error(request: HttpRequest, error: Exception) -> Response:
    """Report and answer a request whose handling raised. It is raised again, but uvicorn's log is off."""
    _log.error("a request failed", exc_info=error)
    return _error_response(request, Fault(500, "Internal error in termchat; its standard error names the report."))


async def _nobody(request: HttpRequest, error: Exception) -> Response:
    """Answer a client that has gone away before its body had arrived."""
    return Response(status_code=400)


def _error_response(request: HttpRequest, fault: Fault, methods: str = "") -> Response:
    headers = {**fault.headers, "allow": methods} if methods else fault.headers
    return JSONResponse(error_shape(request.url.path, fault), fault.status, headers)
