"""demo/tour: the built-in guide, a provider without key and network.

It quotes the pages of the guide, calls the real tools, and simulates everything that can happen to a reply. It is not
a model: the same conversation always gets the same answer, in the language of the question.
"""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import field
from functools import cache, cached_property
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from termchat.core import provider
from termchat.core.errors import Failure, FailureKind
from termchat.core.events import Delta
from termchat.core.messages import Message, Origin, Role, Text, ToolResult, ToolStatus, attachment_name
from termchat.core.models import ApiProtocol
from termchat.core.outcomes import FinishReason
from termchat.core.provider import Request, StreamMonitor
from termchat.core.sanitize import code_fence, safe_format
from termchat.late_dataclass import dataclass
from termchat.providers.demo.script import (
    Script,
    ScriptCall,
    ScriptEnd,
    ScriptFail,
    ScriptRetry,
    ScriptSay,
    ScriptSilence,
    ScriptThink,
    Step,
    play,
)
from termchat.providers.demo.search import (
    GuideIndex,
    GuidePage,
    Language,
    SearchResult,
    answer_of,
    language_of,
)
from termchat.providers.demo.vocabulary import vocabulary

WORDS_PER_SECOND = 60.0
_MAX_FILE_LINES = 40  # lines of a file that are quoted
_MIN_COVERAGE, _MIN_SCORE = 0.5, 1.0  # of a section that answers the question
_CLOSE = 0.5  # share of the best score that a follow-up has
_MIN_NEAR = 0.3  # score of a section suggested for an unknown question
_RETRY_SECONDS = 2.0
_FOLLOW_UP = re.compile(r"^([12])\. (.+)$", re.MULTILINE)
_TIME = re.compile(r"\bwhat(?:'s| is)? ?(?:the )?time\b|\bcurrent time\b|几点|现在.{0,2}时间|当前时间", re.IGNORECASE)
_CALCULATE = re.compile(r"^(?:calculate|compute|calc|计算一下|计算|算一下|算)[\s:：]*(.+?)[?？。]?$", re.IGNORECASE)
_SUM = re.compile(
    r"^(?:what is |what's |how much is )?([\d\s.+*/()^%×÷-]*\d\s*[-+*/^%×÷][\d\s.+*/()^%×÷-]*?)(?:\s*=)?[?？]?$",
    re.IGNORECASE,
)
_READ = re.compile(
    r"^(?:read|open|读取文件|读取|打开|阅读|读一下|读)\s*(?:the file\s+|file\s+)?[`\"'“]?([^\s`\"'”]+)[`\"'”]?$",
    re.IGNORECASE,
)


_RUN = re.compile(
    r"^(?:run|execute|运行|执行)(?: the command)?[\s:：]+[`\"'“]?([a-z./][^`”]*?)[`\"'”]?$", re.IGNORECASE
)


@dataclass(frozen=True)
class DemoProvider:
    """The guide as a provider.

    pages     the pages of the guide, and pages generated from declarations
    speed     words per second as text (TERMCHAT_DEMO_SPEED): "0" for at once, the default rate for any other text
    offers    names of usable models, to suggest
    """

    pages: tuple[GuidePage, ...]
    speed: str = ""
    offers: tuple[str, ...] = ()
    origin: Origin = field(default=Origin("demo", ApiProtocol.DEMO, "tour"))

    def stream(self, request: Request, monitor: StreamMonitor) -> AsyncGenerator[Delta, None]:
        """Stream the answer as deltas. Raises ProviderError when a simulated reply fails."""
        return play(self.answer(request), request, monitor, _speed(self.speed))

    def answer(self, request: Request) -> Script:
        """Return the reply to a conversation."""
        question = _asked(request.messages)
        language = language_of(question)
        if request.messages and request.messages[-1].role is Role.TOOL:
            return _report_results(language, request.messages[-1].results)
        if request.messages and request.messages[-1].role is Role.ASSISTANT:  # a request to continue a truncated reply
            rest = _words(language).get(f"{_simulation(question)}_rest")
            space = " " if language is Language.EN else ""
            return (ScriptSay(space + rest), ScriptEnd()) if rest else self._quote(language, question)
        lines = [] if _has_spoken(request.messages) else [_words(language)["opening"]]
        if attached := request.messages[-1].attachments if request.messages else ():
            names = ", ".join(f"`{attachment_name(part)}`" for part in attached)
            lines.append(_words(language)["attached"].format(names=names))
        return _with_first_lines(self._script(language, question, request), lines)

    def _script(self, language: Language, question: str, request: Request) -> Script:
        if simulation := _simulation(question):
            return self._simulate(language, simulation, request)
        if call := _wanted_call(question):
            return _call_tools(language, (call,), request, "calling")
        return self._quote(language, question)

    def _quote(self, language: Language, question: str) -> Script:
        words, found = _words(language), self._index(language).search(question)
        if vocabulary().terms(question) <= vocabulary().greetings:
            found = self._index(language).search("demo tour")  # only stop words or greetings, as in "who are you"
        if not found or found[0].coverage < _MIN_COVERAGE or found[0].score < _MIN_SCORE:
            return ScriptSay(self._unknown(language, found)), ScriptEnd()
        best = found[0]
        source = words["source"].format(page=best.page.title, section=best.section.title)
        more = words["next"].format(**self._follow_ups(language, found, answered=True))
        return ScriptSay(f"{answer_of(best.section, question)}\n\n{source}\n\n{more}"), ScriptEnd()

    def _unknown(self, language: Language, found: list[SearchResult]) -> str:
        """Return the answer to an unknown question: the way to a model, and the sections nearest to it."""
        words = _words(language)
        login = words["login" if self._has_login else "no_login"]
        text = words["unknown"].strip().format(login=login, **self._follow_ups(language, found, answered=False))
        offers = ", ".join(f"`{name}`" for name in self.offers)
        return text + ("\n\n" + words["offers"].format(names=offers) if offers else "")

    @cached_property
    def _has_login(self) -> bool:
        """True if the `/login` command exists, so that it can be named."""
        return any("`/login`" in section.text for page in self.pages for section in page.sections)

    def _follow_ups(self, language: Language, found: list[SearchResult], answered: bool) -> dict[str, str]:
        """Return two more questions.

        After an answer: the sections that it names, those that match the question about as well, and its neighbours
        on the page. Else the sections nearest to the question. Then the first sections of the guide.
        """
        pages = [page for page in self.pages if page.language is language and not page.table]
        others = [f for f in found if not f.page.table]
        titles: list[str] = []
        if answered:
            best, others = found[0], others[1:] if others[:1] == found[:1] else others
            shown = {section.title for page in pages for section in page.sections}
            titles = [title for title in best.section.references if title in shown]
            titles += [
                f.section.title for f in others if f.score >= _CLOSE * best.score and f.coverage >= _MIN_COVERAGE
            ]
            titles += [section.title for section in best.page.around(best.section)]
        else:
            titles = [f.section.title for f in others if f.score >= _MIN_NEAR]
        first = _texts()[language.value]["first_sections"]
        wanted = [
            title for title in dict.fromkeys([*titles, *first]) if not answered or title != found[0].section.title
        ]
        return {"first": wanted[0], "second": wanted[1]}

    def _simulate(self, language: Language, simulation: str, request: Request) -> Script:
        words = _words(language)
        match simulation:
            case "markdown":
                return ScriptSay(words["markdown"].strip()), ScriptEnd()
            case "think":
                return ScriptThink(words["thinking"].strip()), ScriptSay(words["thought"]), ScriptEnd()
            case "two_tools" | "approvals" | "dice":
                return _simulate_calls(language, simulation, request)
            case "long":
                return ScriptSay(self._whole_guide(language)), ScriptEnd()
            case "cut":
                return ScriptSay(words["cut"]), ScriptFail(_CUT)
            case "stall":
                return ScriptSay(words["stall"]), ScriptSilence()
            case "limited":
                return ScriptRetry(_LIMITED, 2, 3, _RETRY_SECONDS), ScriptSay(words["limited"]), ScriptEnd()
            case "given_up":
                return (
                    ScriptRetry(_LIMITED, 2, 3, _RETRY_SECONDS),
                    ScriptRetry(_LIMITED, 3, 3, _RETRY_SECONDS),
                    ScriptFail(_LIMITED),
                )
            case "refused":
                return (ScriptFail(_REFUSED),)
            case "length":
                return ScriptSay(words["length"]), ScriptEnd(FinishReason.LENGTH)
            case _:
                return self._continue(language, request)

    def _continue(self, language: Language, request: Request) -> Script:
        """Return the rest of a truncated simulation, else the answer to the question."""
        questions = [m.words for m in request.messages if m.role is Role.USER]
        before = _simulation(questions[-2]) if len(questions) > 1 else ""
        rest = _words(language).get(f"{before}_rest")
        return (ScriptSay(rest), ScriptEnd()) if rest else self._quote(language, questions[-1])

    def _whole_guide(self, language: Language) -> str:
        pages = [page for page in self.pages if page.language is language]
        return "\n\n".join(
            f"# {page.title}\n\n" + "\n\n".join(f"## {s.title}\n\n{s.text}" for s in page.sections) for page in pages
        )

    def _index(self, language: Language) -> GuideIndex:
        """Return the search index of a language, built with its first question."""
        if language not in self._indexes:
            self._indexes[language] = GuideIndex(self.pages, language)
        return self._indexes[language]

    @cached_property
    def _indexes(self) -> dict[Language, GuideIndex]:
        return {}


def _asked(messages: tuple[Message, ...]) -> str:
    """Return the last question; a number stands for the follow-up with this number in the reply before it."""
    at = next((n for n in range(len(messages) - 1, -1, -1) if messages[n].role is Role.USER), -1)
    question = messages[at].words.strip() if at >= 0 else ""
    number = question.rstrip(".。")
    before = next((m.text for m in reversed(messages[:at]) if m.role is Role.ASSISTANT), "") if at > 0 else ""
    if not (number.isascii() and number.isdecimal()):
        return question
    return dict(_FOLLOW_UP.findall(before)).get(number, question)


@cache
def _texts() -> Mapping[str, Any]:
    return tomllib.loads((Path(__file__).parent / "demo.toml").read_text("utf-8"))


def _words(language: Language) -> dict[str, str]:
    return {key: text for key, text in _texts()[language.value].items() if isinstance(text, str)}


def _simulation(question: str) -> str:
    """Return the simulation that a question names, politely or not, in either language, "" for any other question."""
    return _simulations().get(vocabulary().request(question), "")


@cache
def _simulations() -> Mapping[str, str]:
    """Return the simulation of each phrase, without its polite words."""
    named = [item for language in Language for item in _texts()[language.value]["simulations"].items()]
    return {vocabulary().request(phrase): name for name, phrases in named for phrase in phrases}


def _wanted_call(question: str) -> tuple[str, Mapping[str, str]] | None:
    """Return the tool and arguments of a question with a tool's pattern, None for any other question."""
    if found := _SUM.match(question) or _CALCULATE.match(question):
        return "calculate", {"expression": found[1].strip()}
    if (found := _READ.match(question)) and (found[1].isascii() or "." in found[1]):
        return "read_file", {"path": found[1].removeprefix("@")}  # a mention, whose file it is not shown
    if found := _RUN.match(question):
        return "run_shell", {"command": found[1].strip()}
    return ("current_time", {}) if _TIME.search(question) else None


def _simulate_calls(language: Language, simulation: str, request: Request) -> Script:
    if simulation == "two_tools":
        return _call_tools(language, _TWO_CALLS, request, "calling_two")
    if simulation == "approvals":
        return _call_tools(language, _SHELL_CALLS, request, "calling_shell")
    if _DICE in {spec.name for spec in request.tools}:
        return _call_tools(language, ((_DICE, {}),), request, "calling_server")
    return ScriptSay(_words(language)["no_server"].format(python=shlex.quote(sys.executable))), ScriptEnd()


def _call_tools(
    language: Language, calls: Iterable[tuple[str, Mapping[str, str]]], request: Request, announcement: str
) -> Script:
    wanted, offered = tuple(calls), {spec.name for spec in request.tools}
    if absent := [name for name, _ in wanted if name not in offered]:
        words = _words(language)["turned_off" if absent[0] in _TURNED_ON_BY_USER else "absent"]
        return ScriptSay(words.format(name=absent[0])), ScriptEnd()
    return (
        ScriptSay(_words(language)[announcement]),
        ScriptCall(wanted, f"call_demo_{len(request.messages)}_"),
        ScriptEnd(FinishReason.TOOL_CALLS),
    )


def _report_results(language: Language, results: tuple[ToolResult, ...]) -> Script:
    return ScriptSay("\n\n".join(_report_result(_words(language), result) for result in results)), ScriptEnd()


def _report_result(words: Mapping[str, str], result: ToolResult) -> str:
    if result.status is ToolStatus.DECLINED:
        reason = "".join(part.text for part in result.parts[1:] if isinstance(part, Text))
        return words["declined_because" if reason else "declined"].format(name=result.name, reason=reason)
    if result.is_error:
        return words["failed"].format(name=result.name, result=result.text)
    match result.name:
        case "current_time":
            return words["time"].format(result=result.text)
        case "calculate":
            return words["calculate"].format(result=f"`{result.text}`")
        case "read_file":
            return words["read_file"].format(result=_fenced(words, result.text))
        case _:
            return words["result"].format(name=result.name, result=_fenced(words, result.text))


def _fenced(words: Mapping[str, str], text: str) -> str:
    """Return the first lines of a text as a code block, whose fence is longer than any inside."""
    lines = text.rstrip("\n").split("\n")
    fence = code_fence(text)
    block = "\n".join([fence, *lines[:_MAX_FILE_LINES], fence])
    rest = len(lines) - _MAX_FILE_LINES
    return block + ("\n\n" + words["shortened"].format(lines=rest) if rest > 0 else "")


def _has_spoken(messages: tuple[Message, ...]) -> bool:
    """Return True if the conversation has a reply of the guide."""
    return any(m.role is Role.ASSISTANT and m.origin and m.origin.provider == "demo" for m in messages)


def _with_first_lines(script: Script, lines: Sequence[str]) -> Script:
    """Add lines before the first text of a script: the guide introduces itself, and names attachments."""
    steps: list[Step] = list(script)
    at = next((i for i, step in enumerate(steps) if isinstance(step, ScriptSay)), None)
    if at is not None and isinstance(first := steps[at], ScriptSay):
        steps[at] = ScriptSay("\n\n".join((*lines, first.text)))
    return tuple(steps)


def _speed(text: str) -> float:
    """Parse the speed in words per second; the default for any text but a finite number from 0 on."""
    try:
        speed = float(text)
    except ValueError:
        return WORDS_PER_SECOND
    return speed if isfinite(speed) and speed >= 0 else WORDS_PER_SECOND


_DICE = "mcp_demo_dice"  # the tool `dice` of the MCP server in this package
_TURNED_ON_BY_USER = ("run_shell", "write_file", "edit_file", "fetch_url")
_TWO_CALLS: tuple[tuple[str, Mapping[str, str]], ...] = (
    ("current_time", {}),
    ("calculate", {"expression": "2*(3+4)"}),
)
_SHELL_CALLS: tuple[tuple[str, Mapping[str, str]], ...] = tuple(
    ("run_shell", {"command": command}) for command in ("ls", "rm -r /nonexistent/rehearsal", "echo 'change me'")
)
_CUT = Failure(
    FailureKind.CUT,
    safe_format("The connection was cut: the reply is incomplete."),
    safe_format("A simulation. In a chat, /continue and /retry work on it."),
)
_LIMITED = Failure(
    FailureKind.RATE_LIMITED,
    safe_format("Rate limited by demo/tour (429)."),
    safe_format("A simulation. With a real provider: wait and try again, or choose another model (/model, -m)."),
    429,
    retry_after=_RETRY_SECONDS,
)
_REFUSED = Failure(
    FailureKind.AUTH,
    safe_format("demo/tour refused the key (401 invalid_api_key)."),
    safe_format("A simulation. With a real provider: check the key, or choose another model (/model, -m)."),
    401,
)

if TYPE_CHECKING:
    _port: type[provider.Provider] = DemoProvider
