"""Conversations as a table, independent of the protocol: questions, models asked, and scripted answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from termchat.core.messages import File, Image, Message, user_message
from termchat.core.models import ApiProtocol
from termchat.core.provider import Effort, Params
from tests.gateway import (
    Block,
    Call,
    Citation,
    Finish,
    Quirk,
    Reasoning,
    Refusal,
    Reply,
    Search,
    Text,
    Usage,
    fault,
)
from tests.gateway.answers import Answer


@dataclass(frozen=True)
class Turn:
    """One question.

    to        the model: the `same` as before, the protocol that comes `first` in this run, `next`, `third` or
              `fourth`; the same model at a `second` provider, or an `open` model (these two only in Chat Completions)
    stop_at   the piece of text or arguments at which the user cancels, "" for never
    """

    question: str | Message
    answers: tuple[Answer, ...]
    to: str = "same"
    stop_at: str = ""


@dataclass(frozen=True)
class Case:
    """A conversation; `plan` holds options of the session, `never` the protocol without this feature."""

    turns: tuple[Turn, ...]
    plan: tuple[tuple[str, Any], ...] = ()
    never: ApiProtocol | None = None


def turn(question: str | Message, *answers: Answer, to: str = "same", stop_at: str = "") -> Turn:
    return Turn(question, answers, to, stop_at)


def case(*turns: Turn, never: ApiProtocol | None = None, **plan: Any) -> Case:
    return Case(turns, tuple(plan.items()), never)


LOOK = Call("look", {"city": "Köln"})
COUNT = Call("count", {"to": 3})
PNG = Image("image/png", b"\x89PNG")
OK = Reply.text("ok")
PAGE, OTHER = Citation("https://a.example/x", "A"), Citation("https://b.example/", "")
FOUND = Search("tea 茶", (PAGE, OTHER))

CASES: dict[str, Case] = {
    "text": case(turn("hello", Reply(Text("Hi ", "there."), usage=Usage(9, 4, cached=3))), turn("and?", OK)),
    "system": case(turn("hello", OK), system="Be brief."),
    "cjk_and_emoji": case(turn("你好 🙂 ＡＢ", Reply(Text("世", "界🌍", "é"))), turn("再见", OK)),
    "reasoning": case(
        turn("why?", Reply(Reasoning("let ", "me"), Text("So."), usage=Usage(9, 8, reasoning=5))),
        turn("sure?", OK),
        params=Params(think=Effort.HIGH),
    ),
    "reasoning_unsigned": case(turn("why?", Reply(Reasoning("hm", signed=False), Text("So."))), turn("sure?", OK)),
    "reasoning_redacted": case(turn("why?", Reply(Reasoning("", redacted=True), Text("So."))), turn("sure?", OK)),
    "two_reasonings": case(turn("why?", Reply(Reasoning("a"), Text("b"), Block(), Text("c"))), turn("sure?", OK)),
    "one_tool": case(turn("weather?", Reply(Reasoning("I look."), LOOK), Reply.text("Rain.")), turn("thanks", OK)),
    "parallel_tools": case(
        turn("both", Reply(Text("Both."), LOOK, COUNT, Call("look", {"city": "Bonn"})), Reply.text("Done.")),
        turn("thanks", OK),
    ),
    "three_tool_rounds": case(
        turn("go", Reply(LOOK), Reply(Reasoning("more"), COUNT), Reply(LOOK), Reply.text("Done."))
    ),
    "tool_errors": case(
        turn(
            "go",
            Reply(Call("look", {"city": "Atlantis"}), Call("nothing", {}), Call("look", {})),
            Reply.text("Sorry."),
        )
    ),
    "broken_arguments": case(turn("go", Reply(Call("look", "{broken")), OK), never=ApiProtocol.GEMINI),
    "invalid_tool_name": case(turn("go", Reply(Call("functions.look", {"city": "Bonn"})), OK)),
    "empty_arguments": case(turn("go", Reply(Call("count", "")), OK), never=ApiProtocol.GEMINI),
    "refusal": case(turn("do it", Reply(Refusal("I will not."))), turn("why?", OK)),
    "length": case(turn("long", Reply(Text("so far and no fur"), finish=Finish.LENGTH)), turn("go on", OK)),
    "length_in_call": case(
        turn("go", Reply(Text("I look."), Call("look", pieces=('{"ci',)), finish=Finish.LENGTH)),
        turn("go on", OK),
        never=ApiProtocol.GEMINI,
    ),
    "filter": case(turn("q", Reply(Text("so f"), finish=Finish.CONTENT_FILTER)), turn("and?", OK)),
    "citations": case(
        turn("sources?", Reply(Text("It is so."), Citation("https://a.example", "A"))), turn("thanks", OK)
    ),
    "search": case(
        turn("tea?", Reply(Reasoning("hm"), FOUND, Text("Tea is "), PAGE, Block(), Text("hot."), OTHER, PAGE)),
        turn("sure?", OK),
        turn("and you?", OK, to="next"),
        turn("again", OK, to="third"),
        turn("once more", OK, to="fourth"),
        turn("back", Reply(FOUND, Text("Still."), PAGE), to="first"),
        turn("thanks", OK),
        params=Params(search=True),
        tools=None,
    ),
    "search_beside_tools": case(
        turn("tea?", Reply(Text("I look."), FOUND, LOOK), Reply(Text("Tea."), PAGE)),
        turn("sure?", OK),
        params=Params(search=True),
        never=ApiProtocol.GEMINI,
    ),
    "failed_search": case(
        turn("tea?", Reply(Search("tea", failed="unavailable"), Text("Sorry."))),
        turn("sure?", OK),
        params=Params(search=True),
        tools=None,
    ),
    "search_cut": case(
        turn("tea?", Reply(Reasoning("hm"), Text("I look. "), FOUND, Text("Tea is "), PAGE, fault.fin())),
        turn("go on", OK),
        params=Params(search=True),
        tools=None,
    ),
    "cut": case(turn("q", Reply(Text("one ", "two"), fault.fin())), turn("go on", OK)),
    "cut_in_reasoning": case(turn("q", Reply(Reasoning("one ", "two"), fault.fin())), turn("go on", OK)),
    "cut_in_call": case(
        turn("q", Reply(Text("I look."), Call("look", pieces=('{"c', '"}'))).after(2, fault.fin())), turn("go on", OK)
    ),
    "failed_then_asked_again": case(turn("q", fault.status(400, "no")), turn("again", OK)),
    "retried": case(turn("q", fault.status(529), OK)),
    "empty": case(turn("q", Reply()), turn("again", OK)),
    "empty_texts": case(turn("", OK), turn("  ", Reply(Text("\n"), LOOK), OK), turn("and?", OK)),
    "unknown_finish_reason": case(turn("q", Reply(Text("hm"), finish="brand_new"))),
    "images_and_document": case(
        turn(user_message("what?", PNG, Image("image/jpeg", url="https://a.example/b.jpg")), OK),
        turn(user_message("read", File("a.pdf", "application/pdf", b"%PDF")), OK),
    ),
    "cancelled_in_text": case(turn("q", Reply(Text("one "), fault.stall()), stop_at="one "), turn("go on", OK)),
    "cancelled_in_call": case(
        turn("q", Reply(Text("I "), Call("look", pieces=('{"c', '"}'))).after(2, fault.stall()), stop_at='{"c'),
        turn("go on", OK),
        never=ApiProtocol.GEMINI,
    ),
    "round_limit": case(turn("q", Reply(LOOK), Reply(LOOK)), turn("enough", OK), max_rounds=2),
    "switch_through_all_protocols": case(
        turn("a", Reply(Reasoning("ra"), Text("ta"), LOOK), Reply(Reasoning("ra2"), Text("ta2"))),
        turn("b", Reply(Reasoning("rb"), LOOK, COUNT), Reply(Reasoning("rb2"), Text("tb2")), to="next"),
        turn("c", Reply(Reasoning("rc"), Text("tc"), COUNT), Reply.text("tc2"), to="third"),
        turn("d", Reply(LOOK), Reply.text("td"), to="fourth"),
        turn("e", Reply(Reasoning("re"), LOOK), Reply.text("te"), to="first"),
        params=Params(think=Effort.LOW),
        system="Be brief.",
    ),
    "switch_after_cut": case(
        turn("a", Reply(Reasoning("ra"), LOOK), Reply(Text("one "), fault.fin())),
        turn("b", Reply(Reasoning("rb"), COUNT), OK, to="next"),
        turn("c", OK, to="first"),
    ),
    "same_protocol_other_provider": case(
        turn("a", Reply(Reasoning("ra"), LOOK), OK), turn("b", OK, to="second"), turn("c", OK, to="first")
    ),
    "foreign_call_ids": case(
        turn(
            "a", Reply(Call("look", {"city": "Bonn"}, id="föreign/" + "x" * 70), Call("count", {"to": 2}, id="a")), OK
        ),
        turn("b", Reply(Call("look", {"city": "Bonn"}, id="a")), OK, to="next"),
        turn("c", OK, to="third"),
        turn("d", OK, to="fourth"),
    ),
    "duplicate_call_ids": case(
        turn("a", Reply(Call("look", {"city": "Bonn"}, id="x"), Call("look", {"city": "Köln"}, id="x")), OK),
        turn("b", OK, to="next"),
    ),
    "openrouter": case(
        turn("a", Reply(Reasoning("r"), Text("t"), LOOK, quirks={Quirk.REASONING_DETAILS}), OK, to="open"),
        turn("b", OK),
    ),
}
