"""Every setting, declared once.

A field of `Settings` is the declaration: its name is the TOML key and the `/set` name, its annotation carries the
sort of value, environment variable, flag and help. Reading, `/set`, completion and the guide's table all follow.
(No postponed annotations in this file: they are data here.)
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

from termchat.config.setting_types import (
    Boolean,
    Choice,
    ChoiceOrCommand,
    Integer,
    Number,
    Seconds,
    SettingType,
    Text,
    TextList,
    Value,
)
from termchat.core.models import Timeouts
from termchat.core.provider import Effort, Params


class Links(StrEnum):
    """Whether links are made clickable; `auto` asks the terminal."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


class UsageLine(StrEnum):
    """What stands below a reply."""

    LINE = "line"
    OFF = "off"


class ReasoningView(StrEnum):
    """How much of the model's reasoning is shown while it thinks."""

    LINE = "line"
    TAIL = "tail"
    FULL = "full"


class EnterKey(StrEnum):
    """What Enter does in the input."""

    SEND = "send"
    NEWLINE = "newline"


class QueueMode(StrEnum):
    """What goes out when a reply has ended and messages wait."""

    TOGETHER = "together"
    ONE = "one"


class SettingSpec(NamedTuple):
    """What a declaration says beside the name, the type and the default.

    live      whether it can change while termchat runs
    of_chat   whether it belongs to a chat, is kept with it and comes back with it
    """

    kind: SettingType
    help: str
    env: str = ""
    flag: str = ""
    changeable: bool = True
    per_chat: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings with their values. None and "" mean: not set."""

    model: Annotated[
        str,
        SettingSpec(
            Text("the name of a model, as provider/model or an alias"),
            "The model that new chats and scripts use.",
            env="TERMCHAT_MODEL",
            flag="--model",
            per_chat=True,
        ),
    ] = ""
    system: Annotated[
        str,
        SettingSpec(Text(), "The system prompt. None is sent unless one is set.", flag="--system", per_chat=True),
    ] = ""
    think: Annotated[
        Effort | None,
        SettingSpec(
            Choice(Effort),
            "How hard a reasoning model should think; unset leaves it to the model.",
            flag="--think",
            per_chat=True,
        ),
    ] = None
    max_tokens: Annotated[
        int | None,
        SettingSpec(Integer(1), "The longest reply, in tokens; unset leaves it to the model.", flag="--max-tokens"),
    ] = None
    temperature: Annotated[
        float | None,
        SettingSpec(
            Number(2),
            "How freely the words are chosen: 0 is the most predictable; unset leaves it to the model.",
            flag="--temperature",
        ),
    ] = None
    top_p: Annotated[
        float | None,
        SettingSpec(
            Number(1),
            "Choose only among the likeliest words that make up this share; unset leaves it to the model.",
            flag="--top-p",
        ),
    ] = None
    stop: Annotated[
        tuple[str, ...],
        SettingSpec(TextList(), "Texts at which the reply ends.", flag="--stop"),
    ] = ()
    seed: Annotated[
        int | None,
        SettingSpec(Integer(), "A number that makes replies repeatable where the model can do that.", flag="--seed"),
    ] = None
    search: Annotated[
        bool,
        SettingSpec(
            Boolean(),
            "The model may search the web, by its vendor's own search; its sources are shown.",
            flag="--search",
        ),
    ] = False
    max_rounds: Annotated[
        int,
        SettingSpec(
            Integer(1), "The most requests one turn may make while the model calls tools.", flag="--max-rounds"
        ),
    ] = 25
    connect_timeout: Annotated[
        float,
        SettingSpec(
            Seconds(),
            "Seconds to wait for a connection.",
            env="TERMCHAT_CONNECT_TIMEOUT",
            flag="--connect-timeout",
            changeable=False,
        ),
    ] = Timeouts().connect
    idle_timeout: Annotated[
        float | None,
        SettingSpec(
            Seconds(),
            "Seconds without data after which a reply has stalled, and seconds until its first content; "
            "unset means 60 and 300.",
            env="TERMCHAT_IDLE_TIMEOUT",
            flag="--idle-timeout",
        ),
    ] = None
    max_retries: Annotated[
        int,
        SettingSpec(
            Integer(),
            "Extra tries before the first content of a reply.",
            env="TERMCHAT_MAX_RETRIES",
            flag="--retries",
            changeable=False,
        ),
    ] = 2
    theme: Annotated[
        str,
        SettingSpec(
            Text("auto or the name of a theme"),
            "The colours; auto follows the terminal's background.",
            env="TERMCHAT_THEME",
            flag="--theme",
        ),
    ] = "auto"
    plain: Annotated[
        bool,
        SettingSpec(Boolean(), "Append-only text: nothing on the screen is redrawn.", flag="--plain", changeable=False),
    ] = False
    accessible: Annotated[
        bool,
        SettingSpec(
            Boolean(),
            "Plain text in words a screen reader can follow.",
            env="ACCESSIBLE",
            flag="--accessible",
            changeable=False,
        ),
    ] = False
    enter: Annotated[
        EnterKey, SettingSpec(Choice(EnterKey), "What Enter does in the input: send, or begin a new line.")
    ] = EnterKey.SEND
    usage: Annotated[UsageLine, SettingSpec(Choice(UsageLine), "The line of tokens and cost below each reply.")] = (
        UsageLine.LINE
    )
    reasoning: Annotated[
        ReasoningView, SettingSpec(Choice(ReasoningView), "How much of the model's reasoning is shown.")
    ] = ReasoningView.TAIL
    hyperlinks: Annotated[Links, SettingSpec(Choice(Links), "Whether links can be clicked (OSC 8).")] = Links.AUTO
    queue: Annotated[
        QueueMode,
        SettingSpec(
            Choice(QueueMode), "What of the queue is sent when a reply has ended: all of it together, or one message."
        ),
    ] = QueueMode.TOGETHER
    notify: Annotated[
        str,
        SettingSpec(
            ChoiceOrCommand(("auto", "bell", "off")),
            "How you are told of a long reply that ends while you look elsewhere; cmd runs a command with the words.",
            changeable=False,
        ),
    ] = "auto"
    vi: Annotated[bool, SettingSpec(Boolean(), "vi keys in the input.", changeable=False)] = False
    reduced_motion: Annotated[
        bool, SettingSpec(Boolean(), "No spinner turns.", env="TERMCHAT_REDUCED_MOTION", changeable=False)
    ] = False

    @property
    def params(self) -> Params:
        """What is asked of any model, as these settings want it."""
        return Params(
            self.max_tokens, self.think, self.temperature, self.top_p, self.stop, self.seed, search=self.search
        )

    @property
    def timeouts(self) -> Timeouts:
        """The clocks of a request, as these settings want them."""
        clocks = Timeouts(connect=self.connect_timeout)
        return clocks if self.idle_timeout is None else clocks.with_idle(self.idle_timeout)


class Setting(NamedTuple):
    """One declaration, as help, completion, `/set` and the guide read it."""

    key: str
    default: Value
    about: SettingSpec

    @property
    def kind(self) -> SettingType:
        return self.about.kind

    @property
    def help(self) -> str:
        return self.about.help

    @property
    def env(self) -> str:
        return self.about.env

    @property
    def flag(self) -> str:
        return self.about.flag

    @property
    def changeable(self) -> bool:
        return self.about.changeable

    @property
    def per_chat(self) -> bool:
        return self.about.per_chat


def _declared() -> Mapping[str, Setting]:
    defaults = Settings()
    return {
        name: Setting(name, getattr(defaults, name), annotation.__metadata__[0])
        for name, annotation in Settings.__annotations__.items()
    }


SETTINGS: Mapping[str, Setting] = _declared()


def with_values(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """The settings with some values (already read by their kind) in the place of others."""
    return replace(settings, **values)


def format_value(value: Value) -> str:
    """A value as people read it; nothing for what is not set."""
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
