"""The model, the system prompt and the role of a chat, as the page sets them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from termchat.app.build import App
from termchat.commands.prompts.role import with_role_settings
from termchat.commands.prompts.role_files import RoleFile, load_role, role_names
from termchat.core.errors import Failure
from termchat.core.session import ActiveRole
from termchat.engine.session import ChatSession


def roles_of(folder: Path) -> Sequence[dict[str, Any]]:
    """Return the roles that can be used, with the variables that they need."""
    found = [role for name in role_names(folder) if isinstance(role := load_role(folder, name), RoleFile)]
    return [
        {
            "name": role.name,
            "description": role.description,
            "needs": [name for name, default in role.defaults.items() if default is None],
        }
        for role in found
    ]


def set_up(
    session: ChatSession, app: App, *, model: str = "", system: str | None = None, role: str = ""
) -> Failure | None:
    """Change the settings of the next turns of a chat; "" and None keep each. Return why that is not possible."""
    chosen = app.registry.resolve(model) if model else None
    if isinstance(chosen, Failure):
        return chosen
    if role.strip() and (failure := _use_role(session, app, role)):
        return failure
    if system is not None:
        session.update_settings(lambda now: replace(now, system=system), lasting=False)
    effort = app.registry.effort(model) if model else None
    if chosen and (chosen != session.model or effort):
        session.switch_model(chosen, effort)
    return None


def _use_role(session: ChatSession, app: App, typed: str) -> Failure | None:
    """Use a role, named as after /role: `NAME VARIABLE=VALUE`."""
    name, *words = typed.split()
    role = load_role(app.config.paths.prompts, name)
    if isinstance(role, Failure):
        return role
    given, _ = role.take_variables(words)
    system = role.system(given)
    if isinstance(system, Failure):
        return system
    named = role.settings.get("model")
    model = app.registry.resolve(named) if isinstance(named, str) else None
    if isinstance(model, Failure):
        return model
    effort = app.registry.effort(named) if isinstance(named, str) else None
    before = replace(session.settings, role=None)
    after = with_role_settings(replace(before, system=system), role, model, effort)
    session.update_settings(lambda _: replace(after, role=ActiveRole(role.name, before, after)), lasting=False)
    return None


def may_offer_tools(session: ChatSession, app: App) -> bool:
    """Return False for a chat in a role that chooses its tools: those of the server are for all chats."""
    active = session.settings.role
    role = load_role(app.config.paths.prompts, active.name) if active else None
    return not isinstance(role, RoleFile) or "tools" not in role.settings
