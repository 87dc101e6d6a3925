"""Every setting, declared once.

A field of `Settings` is the declaration: its name is the TOML key and the `/set` name, its annotation is the type of
its values, and `setting` adds default, help, environment variable and flag. Parsing, `/set`, completion and the
guide's table are derived from it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field, fields, replace
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar, cast, get_type_hints

from termchat.config.setting_types import (
    ChoiceOrCommandType,
    IntegerType,
    MoneyType,
    NamesType,
    NumberType,
    SecondsType,
    SettingType,
    SubsetType,
    TextType,
    Value,
    type_of,
)
from termchat.core.models import Timeouts
from termchat.core.provider import Effort, Params, Speed
from termchat.late_dataclass import dataclass

T = TypeVar("T")


class Links(StrEnum):
    """Clickable links; `auto` writes them if the terminal is known to support them."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


class UsageLine(StrEnum):
    """The line below a reply."""

    LINE = "line"
    FULL = "full"
    OFF = "off"


class ReasoningView(StrEnum):
    """The part of the model's reasoning that is shown while it thinks."""

    LINE = "line"
    TAIL = "tail"
    FULL = "full"


class Unpriced(StrEnum):
    """The use of a model without a known price while a limit on spending is set."""

    ASK = "ask"
    ALLOW = "allow"


class ShellFact(StrEnum):
    """A fact about this machine that `termchat suggest` sends."""

    OS = "os"
    SHELL = "shell"
    CWD = "cwd"


class EnterKey(StrEnum):
    """The action of Enter in the input."""

    SEND = "send"
    NEWLINE = "newline"


class QueueMode(StrEnum):
    """The part of the queue that is sent when a reply ends."""

    TOGETHER = "together"
    ONE = "one"


def setting(
    default: T,
    help: str,  # noqa: A002, as argparse and typer call it
    kind: SettingType | None = None,
    *,
    env: str = "",
    flag: str = "",
    changeable: bool = True,
    per_chat: bool = False,
) -> T:
    """Declare a setting as a dataclass field; the parameters are those of `Setting`.

    Without `kind` the annotation decides which values are valid. The return type is that of the default, so that a
    type checker compares it with the annotation.
    """
    about = {"kind": kind, "help": help, "env": env, "flag": flag, "changeable": changeable, "per_chat": per_chat}
    return field(default=default, metadata=about)


@dataclass(frozen=True, slots=True)
class Settings:
    """The values of all settings; None and "" mean that a setting is not set."""

    model: str = setting(
        "",
        "The model of new chats and scripts.",
        TextType("the name of a model, as provider/model or an alias"),
        env="TERMCHAT_MODEL",
        flag="--model",
        per_chat=True,
    )
    system: str = setting("", "The system prompt; none by default.", flag="--system", per_chat=True)
    think: Effort | None = setting(
        None,
        "The reasoning effort: off, minimal, low, medium, high, xhigh or max; by default, the model decides.",
        flag="--think",
        per_chat=True,
    )
    speed: Speed | None = setting(
        None,
        "The processing: cheap and slow, normal, or fast at a higher price; by default, the provider decides.",
        flag="--speed",
    )
    max_tokens: int | None = setting(
        None,
        "The maximum length of a reply, in tokens; by default, the model decides.",
        IntegerType(1),
        flag="--max-tokens",
    )
    temperature: float | None = setting(
        None,
        "The sampling temperature, 0 to 2; 0 is the most predictable.",
        NumberType(2),
        flag="--temperature",
    )
    top_p: float | None = setting(
        None,
        "Nucleus sampling, 0 to 1: choose only among the most likely tokens with this total probability.",
        NumberType(1),
        flag="--top-p",
    )
    stop: tuple[str, ...] = setting((), "Stop sequences: texts that end the reply.", flag="--stop")
    seed: int | None = setting(None, "A number that makes replies repeatable, if the model supports it.", flag="--seed")
    search: bool = setting(False, "Allow the provider to search the web; sources are shown.", flag="--search")
    max_rounds: int = setting(
        25,
        "The maximum number of requests in one turn while the model calls tools.",
        IntegerType(1),
        flag="--max-rounds",
    )
    max_calls: int = setting(
        50, "The maximum number of tool calls in one reply.", IntegerType(1), flag="--max-calls", changeable=False
    )
    tool_timeout: float = setting(
        600, "Seconds that one tool call may take, without the wait for your answer.", SecondsType(), changeable=False
    )
    tools: tuple[str, ...] | None = setting(
        None,
        "The tools a model may call: names, or read, write, run, network, functions, mcp, all, none; by default read in"
        " a chat, none in a script.",
        NamesType(),
        flag="--tools",
        changeable=False,
    )
    allow: tuple[str, ...] = setting(
        (),
        "Tool calls that run without a question, as rules such as run_shell(git log).",
        flag="--allow",
        changeable=False,
    )
    ask: tuple[str, ...] = setting((), "Tool calls that always ask, as rules; they win over allow.", changeable=False)
    deny: tuple[str, ...] = setting(
        (), "Tool calls that never run, as rules; they win over ask and allow.", flag="--deny", changeable=False
    )
    max_cost: str = setting(
        "",
        "The most that a chat, or a script's run, may cost, in US dollars; a request that could cross it is not sent.",
        MoneyType(),
        flag="--max-cost",
        per_chat=True,
    )
    max_cost_day: str = setting(
        "", "The most that all chats and scripts may cost in a day, in US dollars.", MoneyType()
    )
    unpriced: Unpriced = setting(
        Unpriced.ASK, "Models without a known price while a limit on spending is set: ask, or allow."
    )
    fit: bool = setting(
        False, "Leave out the oldest turns of a chat that does not fit the model; pinned messages stay."
    )
    connect_timeout: float = setting(
        Timeouts().connect,
        "Seconds to wait for a connection.",
        SecondsType(),
        env="TERMCHAT_CONNECT_TIMEOUT",
        flag="--connect-timeout",
        changeable=False,
    )
    idle_timeout: float | None = setting(
        None,
        "Seconds without data, and seconds until the first content of a reply; by default 60 and 300.",
        SecondsType(),
        env="TERMCHAT_IDLE_TIMEOUT",
        flag="--idle-timeout",
    )
    max_retries: int = setting(
        2,
        "Retries before the first content of a reply.",
        env="TERMCHAT_MAX_RETRIES",
        flag="--retries",
        changeable=False,
    )
    theme: str = setting(
        "auto",
        "The theme; auto follows the background of the terminal.",
        TextType("auto or the name of a theme"),
        env="TERMCHAT_THEME",
        flag="--theme",
    )
    plain: bool = setting(False, "Only append text; never redraw the screen.", flag="--plain", changeable=False)
    accessible: bool = setting(
        False,
        "Plain text for screen readers.",
        env="ACCESSIBLE",
        flag="--accessible",
        changeable=False,
    )
    enter: EnterKey = setting(EnterKey.SEND, "The effect of Enter: send, or newline.")
    usage: UsageLine = setting(UsageLine.LINE, "The usage line below each reply: line, full or off.")
    reasoning: ReasoningView = setting(ReasoningView.TAIL, "How much reasoning to show: line, tail or full.")
    hyperlinks: Links = setting(Links.AUTO, "Clickable links (OSC 8): auto, on or off.")
    math: bool = setting(True, "Formulas as Unicode; otherwise as LaTeX.")
    queue: QueueMode = setting(
        QueueMode.TOGETHER,
        "How to send queued messages: all of them as one (together), or one per turn.",
    )
    notify: str = setting(
        "auto",
        "How to notify you of a long reply: auto, bell, off, or cmd and a command, which gets the text.",
        ChoiceOrCommandType(("auto", "bell", "off")),
        changeable=False,
    )
    suggest: tuple[str, ...] = setting(
        (ShellFact.OS.value, ShellFact.SHELL.value),
        "Facts that suggest sends with a request: os, shell and cwd (the current directory), or none.",
        SubsetType(ShellFact),
        changeable=False,
    )
    vi: bool = setting(False, "Vi key bindings in the input.", changeable=False)
    frame_rate: int = setting(
        0,
        "Frames a second while a reply streams, up to 60; 0 for 60, and for 30 over SSH.",
        changeable=False,
    )
    reduced_motion: bool = setting(False, "No animated spinner.", env="TERMCHAT_REDUCED_MOTION", changeable=False)

    @property
    def params(self) -> Params:
        """The parameters of every request."""
        sampling = (self.temperature, self.top_p, self.stop, self.seed)
        return Params(self.max_tokens, self.think, *sampling, search=self.search, speed=self.speed)

    @property
    def timeouts(self) -> Timeouts:
        """The timeouts of every request."""
        clocks = Timeouts(connect=self.connect_timeout)
        return clocks if self.idle_timeout is None else clocks.with_idle(self.idle_timeout)


class Setting(NamedTuple):
    """The declaration of one setting, for the config file, the environment, flags, `/set`, completion and the guide.

    key         its TOML key and its name in `/set`
    default     its value unless it is set
    kind        the type of its values
    help        one sentence for `--help`, errors and the guide
    env         environment variable, "" for none
    flag        flag of the command line, "" for none
    changeable  can change while termchat runs
    per_chat    belongs to a chat: saved and restored with it
    """

    key: str
    default: Value
    kind: SettingType
    help: str
    env: str = ""
    flag: str = ""
    changeable: bool = True
    per_chat: bool = False


def _declared() -> Mapping[str, Setting]:
    hints, declared = get_type_hints(Settings), dict[str, Setting]()
    for declaration in fields(Settings):
        name, about = declaration.name, dict[str, Any](declaration.metadata)
        about["kind"] = about["kind"] or type_of(hints[name])
        declared[name] = Setting(name, cast("Value", declaration.default), **about)
    return declared


SETTINGS: Mapping[str, Setting] = _declared()


def with_values(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """Return the settings with some values, already parsed, replaced."""
    return replace(settings, **values)


def format_value(value: Value) -> str:
    """Format a value for people; "" for one that is not set."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:g}"
        case tuple():
            return json.dumps(value, ensure_ascii=False) if value else ""
        case _:
            return str(value)
