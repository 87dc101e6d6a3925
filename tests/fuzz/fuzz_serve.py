"""Bodies of requests to the server: in each dialect a request, or an error of the client with a sentence."""

from __future__ import annotations

import asyncio

from starlette.requests import Request as HttpRequest
from starlette.types import Message as AsgiMessage

from termchat.core.messages import Role
from termchat.serve.bodies import Fields, read_object
from termchat.serve.chat_face import decode_chat
from termchat.serve.face_request import FaceRequest, ReplyMemory
from termchat.serve.faults import FaceError
from termchat.serve.messages_face import decode_messages
from termchat.serve.plain_face import PlainSessions, decode_plain
from termchat.serve.responses.responses_request import decode_responses
from termchat.store.message_json import dump, to_dict
from tests.fuzz.targets import FuzzTarget, split_head

_FACES = 4


async def _read(data: bytes) -> Fields:
    async def receive() -> AsgiMessage:
        return {"type": "http.request", "body": data, "more_body": False}

    return await read_object(HttpRequest({"type": "http", "method": "POST", "headers": []}, receive))


def _decoded(face: int, body: Fields) -> FaceRequest:
    match face:
        case 0:
            return decode_chat(body, ReplyMemory())
        case 1:
            return decode_responses(body, ReplyMemory())
        case 2:
            return decode_messages(body, ReplyMemory())
        case _:
            return decode_plain(body, PlainSessions(), "")[0]


def _run(data: bytes) -> None:
    head, body = split_head(data, 1)
    try:
        found = _decoded(head[0] % _FACES, asyncio.run(_read(body)))
    except FaceError as error:
        assert 400 <= error.fault.status < 500
        assert error.fault.message
        return
    assert found.request.messages[-1].role is not Role.ASSISTANT
    for message in found.request.messages:
        dump(to_dict(message)).encode("utf-8")


_CHAT = (
    b'{"model":"a/b","stream":true,"stream_options":{"include_usage":true},"max_tokens":5,"messages":[{"role":"system",'
    b'"content":"s"},{"role":"user","content":[{"type":"text","text":"hi"},{"type":"image_url","image_url":{"url":'
    b'"data:image/png;base64,aGk="}}]},{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function",'
    b'"function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"r"}],"tools":[{"type":'
    b'"function","function":{"name":"f","parameters":{"type":"object"}}}],"tool_choice":"auto","stop":["x"],'
    b'"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}}}'
)
_RESPONSES = (
    b'{"model":"a/b","instructions":"s","input":[{"role":"user","content":[{"type":"input_text","text":"hi"},{"type":'
    b'"input_image","image_url":"https://a/b.png"}]},{"type":"reasoning","summary":[]},{"type":"function_call",'
    b'"call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"r"}],"tools":'
    b'[{"type":"function","name":"f","parameters":{}},{"type":"web_search"}],"reasoning":{"effort":"low"},"text":'
    b'{"format":{"type":"json_schema","schema":{"type":"object"}}},"temperature":1}'
)
_MESSAGES = (
    b'{"model":"a/b","max_tokens":9,"system":[{"type":"text","text":"s"}],"messages":[{"role":"user","content":[{"type":'
    b'"text","text":"hi"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"aGk="}},{"type":'
    b'"document","source":{"type":"url","url":"https://a/b"}}]},{"role":"assistant","content":[{"type":"thinking",'
    b'"thinking":"t","signature":"s"},{"type":"tool_use","id":"c","name":"f","input":{}}]},{"role":"user","content":'
    b'[{"type":"tool_result","tool_use_id":"c","content":[{"type":"text","text":"r"}],"is_error":true}]}],"tools":'
    b'[{"name":"f","input_schema":{"type":"object"}}],"thinking":{"type":"enabled","budget_tokens":2000}}'
)
_PLAIN = b'{"message":"hi","model":"a/b","session":"s"}'
serve = FuzzTarget(
    _run, tuple(bytes([face]) + body for face, body in enumerate((_CHAT, _RESPONSES, _MESSAGES, _PLAIN)))
)
