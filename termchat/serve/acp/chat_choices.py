"""Models, efforts and modes as options of a session. A mode is a set of tools that the model may call."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from acp.schema import SessionConfigOptionSelect, SessionConfigSelectOption, SessionMode, SessionModeState

from termchat.core.errors import Failure, FailureKind
from termchat.core.models import ModelRef
from termchat.core.provider import Effort
from termchat.core.sanitize import safe_format, safe_line
from termchat.serve.acp.editor_chats import EditorChat

MODEL, EFFORT, MODE = "model", "thought_level", "mode"  # ids of options; also their categories
CHAT, READ, ALL, GIVEN = "chat", "read", "all", "given"  # ids of modes
_DEFAULT = "default"  # the effort that the model chooses
_MOST = 300  # models in the list of a client
_UNKNOWN = safe_format("Choose one of the values that the session offers.")


class ChatChoices:
    """The choices of one open chat."""

    def __init__(self, chat: EditorChat) -> None:
        self._chat = chat
        self._given = _without_none(chat.tools)
        self._modes = _modes(self._given) if chat.tools is not None else {}
        self.mode = next((name for name, (_, tools, _) in self._modes.items() if tools == self._given), CHAT)

    @property
    def offers_tools(self) -> bool:
        """Return True if the model may call tools in the current mode."""
        return self.mode != CHAT

    def mode_state(self) -> SessionModeState | None:
        """Return the modes, None if tools are switched off."""
        if not self._modes:
            return None
        modes = [SessionMode(id=name, name=title, description=about) for name, (title, _, about) in self._modes.items()]
        return SessionModeState(current_mode_id=self.mode, available_modes=modes)

    def options(self) -> list[SessionConfigOptionSelect]:
        """Return all options with their current values."""
        session = self._chat.session
        efforts = [_DEFAULT, *(effort.value for effort in Effort)]
        think = session.settings.params.think
        models = [(str(ref), str(ref), "") for ref in self._models()]
        found = [
            _select(MODEL, "Model", str(session.model), models),
            _select(EFFORT, "Thinking", think.value if think else _DEFAULT, [(e, e, "") for e in efforts]),
        ]
        if self._modes:
            modes = [(name, title, about) for name, (title, _, about) in self._modes.items()]
            found.append(_select(MODE, "Tools", self.mode, modes))
        return found

    def model_state(self) -> dict[str, Any]:
        """Return the models as clients know them that do not know options; the schema had this before."""
        models = [{"modelId": str(ref), "name": str(ref)} for ref in self._models()]
        return {"currentModelId": str(self._chat.session.model), "availableModels": models}

    def choose(self, option: str, value: str) -> Failure | None:
        """Change an option; return why the value is none of it."""
        match option:
            case "model":
                return self._choose_model(value)
            case "thought_level":
                return self._choose_effort(value)
            case "mode":
                return self.choose_mode(value)
            case _:
                words = safe_format("There is no option {name}.", name=safe_line(option[:80]))
                return Failure(FailureKind.BAD_CONFIG, words, _UNKNOWN)

    def choose_mode(self, name: str) -> Failure | None:
        """Offer the tools of a mode and no others."""
        tools = self._chat.session.tools
        if name not in self._modes or tools is None:
            words = safe_format("There is no mode {name}.", name=safe_line(name[:80]))
            return Failure(FailureKind.BAD_CONFIG, words, _UNKNOWN)
        names = self._modes[name][1]
        tools.offer(("all",), on=False)
        if names:
            tools.offer((*names, *(() if names == (ALL,) else ("mcp",))), on=True)
        self.mode = name
        return None

    def _choose_model(self, name: str) -> Failure | None:
        providers = self._chat.providers
        model = providers.resolve(name)
        if isinstance(model, Failure):
            return model
        self._chat.session.switch_model(model, providers.effort(name))
        return None

    def _choose_effort(self, value: str) -> Failure | None:
        if value != _DEFAULT and value not in [effort.value for effort in Effort]:
            words = safe_format("There is no effort {name}.", name=safe_line(value[:80]))
            return Failure(FailureKind.BAD_CONFIG, words, _UNKNOWN)
        think = None if value == _DEFAULT else Effort(value)
        self._chat.session.update_settings(
            lambda settings: replace(settings, params=replace(settings.params, think=think)), lasting=False
        )
        return None

    def _models(self) -> list[ModelRef]:
        """Return the current model, the favourites, and the known models of providers that can be used."""
        providers = self._chat.providers
        usable = set(providers.usable_providers())
        known = (ref for ref in (*providers.favourites, *providers.known_models()) if ref.provider in usable)
        return list(dict.fromkeys((self._chat.session.model, *known)))[:_MOST]


def _modes(given: tuple[str, ...]) -> dict[str, tuple[str, tuple[str, ...], str]]:
    """Return id -> title, tools and description of each mode."""
    modes: dict[str, tuple[str, tuple[str, ...], str]] = {
        CHAT: ("Chat", (), "The model calls no tools."),
        READ: ("Read", ("read",), "The model may read files of the working directory."),
        ALL: ("All tools", ("all",), "All tools; those that write, run or use the network ask first."),
    }
    if given not in [tools for _, tools, _ in modes.values()]:
        modes[GIVEN] = ("Chosen tools", given, safe_line(f"The tools of --tools or the settings: {', '.join(given)}."))
    return modes


def _select(name: str, title: str, value: str, rows: list[tuple[str, str, str]]) -> SessionConfigOptionSelect:
    options = [
        SessionConfigSelectOption(value=safe_line(value), name=safe_line(shown), description=about or None)
        for value, shown, about in rows
    ]
    category: Any = name
    return SessionConfigOptionSelect(
        type="select", id=name, name=title, category=category, current_value=safe_line(value), options=options
    )


def _without_none(tools: tuple[str, ...] | None) -> tuple[str, ...]:
    return tuple(name for name in tools or () if name != "none")
