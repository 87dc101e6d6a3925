"""Perform the effects of /login, /logout and /doctor in a dialogue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import assert_never

from termchat.commands.setup.ports import Dialog, DialogCancelledError, Setup
from termchat.core.effects import Diagnose, Effect, LogIn, LogOut, Print, SetupEffect
from termchat.core.models import Check
from termchat.core.sanitize import safe_format


async def run_setup(
    dialog: Dialog, setup: Setup | None, effect: SetupEffect, terminal: Callable[[], Sequence[Check]]
) -> Sequence[Effect]:
    """Perform an effect; return the effects that follow.

    setup      None where nothing can be set up, as over fake providers
    terminal   returns the findings about the terminal
    """
    if setup is None:
        return (Print(safe_format("Nothing can be set up here.")),)
    try:
        match effect:
            case LogIn(name, at_once):
                from termchat.commands.setup.login_flow import run_login

                return await run_login(dialog, setup, name, at_once=at_once)
            case LogOut(name):
                from termchat.commands.setup.logout_flow import log_out

                await log_out(dialog, setup, name)
            case Diagnose(full):
                from termchat.commands.setup.diagnosis import diagnose

                await diagnose(dialog, setup, terminal(), full=full)
            case _:
                assert_never(effect)
    except DialogCancelledError:
        pass
    return ()
