"""Random conversations; replies go through the gateway's renderer and termchat's decoders."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from termchat.core.messages import File, Image, Message, Origin, Part, Role, ToolCall, ToolResult
from termchat.core.messages import Text as Words
from termchat.core.models import ApiProtocol
from termchat.core.outcomes import Outcome
from termchat.core.wire.assemble import MessageBuilder
from termchat.providers.decoder import Decoder, ServerError
from termchat.providers.protocols.anthropic.decode import AnthropicDecoder
from termchat.providers.protocols.gemini.decode import GeminiDecoder
from termchat.providers.protocols.openai_chat.decode import ChatDecoder
from termchat.providers.protocols.openai_responses.decode import ResponsesDecoder
from tests.gateway import Call, Citation, Finish, Quirk, Reasoning, Refusal, Reply, Search, Text, render, signatures
from tests.gateway.render.frames import Ask, Frame
from tests.providers.support import MODELS, PROTOCOLS, VENDORS

PNG = Image("image/png", b"\x89PNG")
ATTACHED: tuple[Part, ...] = (
    PNG,
    Image("image/jpeg", url="https://a.example/b.jpg"),
    File("a.pdf", "application/pdf", b"%PDF"),
)
TEXTS = (
    "yes",
    "你好，世界",
    "🙂👩‍👩‍👧 ok",
    "  leading",
    "a\nb\n",
    "",
    " ",
    "\n",
    "x" * 300,
    "half \ud83d",
    '{"a": 1}',
    "</think>",
)
IDS = ("auto", "auto", "auto", None, "a", "föreign/id", "x" * 70, "", "call 1", "fc_1")
NAMES = ("look", "look", "count", "functions.look", "ünï", "9")
ARGUMENTS: tuple[Any, ...] = (
    {"city": "Köln"},
    {},
    {"to": 3, "deep": {"a": [1, None, "🙂"]}},
    "",
    "{broken",
    "[1]",
    "null",
)
PAGES = (Citation("https://a.example/x", "A"), Citation("https://b.example/", ""), Citation("javascript:x", "bad"))
OBJECTS = ARGUMENTS[:3]  # Gemini takes only JSON objects as arguments
QUIRKS = tuple(quirk for quirk in Quirk if quirk not in (Quirk.PROMPT_BLOCKED, Quirk.NO_BLOCK_START, Quirk.THINK_TAGS))


def origins() -> tuple[Origin, ...]:
    """Origins of replies: one model per protocol, and an open model at a second provider that signs its reasoning."""
    return (
        *(Origin(protocol.value, protocol, MODELS[protocol]) for protocol in PROTOCOLS),
        Origin("second", PROTOCOLS[0], "qwen/qwen3"),
    )


def vendor(origin: Origin) -> signatures.Origin:
    """The origin as the gateway's type."""
    return signatures.Origin("/second" if origin.provider == "second" else "", VENDORS[origin.protocol], origin.model)


def random_conversation(rng: Random, longest: int = 8) -> list[Message]:
    """A conversation of at most `longest` questions, each with or without a reply; it may end anywhere."""
    messages: list[Message] = []
    for number in range(rng.randint(1, longest)):
        messages.append(_question(rng))
        origin = rng.choice(origins())
        for step in range(rng.choice((0, 1, 1, 1, 2, 3))):
            reply = _reply(rng, origin, f"{number}-{step}-{rng.random()}")
            if not reply.parts:
                break
            messages.append(reply)
            whole = [call for call in reply.calls if call.complete]
            if not whole or reply.outcome is not Outcome.COMPLETE:
                break
            answers = _results(rng, whole)
            if answers.parts:
                messages.append(answers)
    return messages


def _question(rng: Random) -> Message:
    parts = tuple(rng.sample(ATTACHED, rng.choice((0, 0, 0, 1, 2))))
    return Message(Role.USER, (*parts, *(Words(rng.choice(TEXTS)) for _ in range(rng.choice((1, 1, 1, 0))))))


def _reply(rng: Random, origin: Origin, seed: str) -> Message:
    """A reply that went through renderer and decoder, sometimes cut at a random frame."""
    quirks = set(rng.sample(QUIRKS, rng.choice((0, 0, 1, 2))))
    if origin.provider != "second":
        quirks.discard(Quirk.REASONING_DETAILS)
    if Quirk.CALL_SIGNED in quirks:  # without an index, two calls of one id look the same
        quirks -= {Quirk.CALL_SAME_INDEX, Quirk.CALL_NO_INDEX, Quirk.CALL_NULL_INDEX}
    google = origin.protocol is ApiProtocol.GEMINI or Quirk.CALL_SIGNED in quirks
    steps = _known([_step(rng, google) for _ in range(rng.randint(0, 4))])
    first = next((n for n, step in enumerate(steps) if isinstance(step, Call)), len(steps))
    steps = [s for n, s in enumerate(steps) if n < first or not isinstance(s, Reasoning)]  # reasoning precedes calls
    if Quirk.REASONING_DETAILS in quirks:  # those servers send one reasoning part per reply
        thoughts = [step for step in steps if isinstance(step, Reasoning)]
        steps = [step for step in steps if step not in thoughts[1:]]
    finish = rng.choice((None, None, None, None, Finish.LENGTH))
    reply = Reply(*steps, finish=finish, quirks=quirks)
    frames = [frame for frame in render.stream(reply, Ask(vendor(origin), {}, seed)) if isinstance(frame, Frame)]
    cut = rng.random() < 0.3
    assembly, decoder = MessageBuilder(), _decoder(origin.protocol)
    for frame in frames[: rng.randint(0, len(frames))] if cut else frames:
        _feed(decoder, frame, assembly)
    outcome = rng.choice((Outcome.CUT, Outcome.CANCELLED)) if cut else Outcome.COMPLETE
    return Message(Role.ASSISTANT, assembly.parts(), origin, Outcome.LENGTH if finish else outcome)


def _known(steps: list[Any]) -> list[Any]:
    """Drop citations of pages that no earlier search has found."""
    found: set[str] = set()
    kept: list[Any] = []
    for step in steps:
        if isinstance(step, Search):
            found |= set() if step.failed else {page.url for page in step.found}
        if not isinstance(step, Citation) or step.url in found:
            kept.append(step)
    return kept


def _step(rng: Random, google: bool) -> Any:
    """A random step of a reply; Google's models take only JSON objects and known names in calls."""
    kind = rng.choice(("text", "text", "thought", "call", "call", "refusal", "search", "citation"))
    if kind == "text":
        return Text(*(rng.choice(TEXTS) for _ in range(rng.randint(0, 2))))
    if kind == "thought":
        return Reasoning(
            *rng.choice((("hm",), ("你好", "…"), ("",))), signed=rng.random() < 0.8, redacted=rng.random() < 0.2
        )
    if kind == "search":
        pages = tuple(rng.sample(PAGES, rng.randrange(len(PAGES) + 1)))
        return Search(rng.choice(("tea", "茶", "")), pages, rng.choice(("", "", "unavailable")))
    if kind == "citation":
        return rng.choice(PAGES)
    if kind == "refusal":
        return Refusal("I will not.")
    arguments = rng.choice(OBJECTS if google else ARGUMENTS)
    name = rng.choice(NAMES[:3] if google else NAMES)
    return Call(name, arguments, id=rng.choice(IDS))


def _decoder(protocol: ApiProtocol) -> Decoder:
    kinds = {
        ApiProtocol.CHAT: ChatDecoder,
        ApiProtocol.RESPONSES: ResponsesDecoder,
        ApiProtocol.ANTHROPIC: AnthropicDecoder,
        ApiProtocol.GEMINI: GeminiDecoder,
    }
    return kinds[protocol]()


def _feed(decoder: Decoder, frame: Frame, assembly: MessageBuilder) -> None:
    value = json.loads(frame.data) if frame.data[:1] == "{" else None
    if not isinstance(value, dict):
        return
    try:
        for delta in decoder.decode_event(frame.event or "", value):
            assembly.add(delta)
    except ServerError:
        pass


def _results(rng: Random, calls: list[ToolCall]) -> Message:
    """Results of the calls: some missing, in any order, empty, failed, with images."""
    answered = [call for call in calls if rng.random() < 0.85]
    if rng.random() < 0.2:
        rng.shuffle(answered)
    return Message(Role.TOOL, tuple(_result(rng, call) for call in answered))


def _result(rng: Random, call: ToolCall) -> ToolResult:
    shown = (PNG,) if rng.random() < 0.15 else ()
    words = Words(rng.choice(("rain", "", "错误", "half \udc00")))
    return ToolResult(call.id, call.name, (words, *shown), is_error=rng.random() < 0.2)


__all__ = ["origins", "random_conversation", "vendor"]
