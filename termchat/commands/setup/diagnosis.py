"""The diagnosis: run the checks, show each finding, ask before those that cost tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from termchat.commands.setup.outcome_words import price_words
from termchat.commands.setup.ports import Dialog, DialogCancelledError, Setup
from termchat.core.effects import Choice
from termchat.core.models import Check, CheckState
from termchat.core.sanitize import Safe, safe, safe_format, safe_line
from termchat.core.style import TextRole

_SIGNS = {
    CheckState.OK: ("✓", TextRole.SUCCESS),
    CheckState.WARNING: ("!", TextRole.WARNING),
    CheckState.FAILED: ("✗", TextRole.ERROR),
    CheckState.SKIPPED: ("-", TextRole.DIM),
}
_TITLES = {
    "config": safe_format("Configuration"),
    "provider": safe_format("Providers"),
    "terminal": safe_format("Terminal"),
    "storage": safe_format("Chats"),
    "reports": safe_format("Internal errors"),
    "extras": safe_format("Extras"),
}


async def diagnose(
    dialog: Dialog, setup: Setup, terminal: Sequence[Check], *, full: bool, agreed: bool = False
) -> list[Check]:
    """Run all checks and show them; return them. Raises DialogCancelledError.

    terminal   the findings about the terminal
    full       also make requests that cost tokens, once the user has agreed to the price
    agreed     the user has agreed already
    """
    if full and not agreed:
        full = await _agree(dialog, setup)
    found: list[Check] = []
    checks = setup.diagnose(full=full)
    while True:
        try:
            check = await dialog.wait(safe_format("checking"), _next(checks))
        except DialogCancelledError:
            dialog.show(safe_format("Stopped."))
            raise
        if check is None:
            break
        _show(dialog, check, found)
    for check in terminal:
        _show(dialog, check, found)
    dialog.show(summary(found), TextRole.TEXT)
    return found


async def _next(checks: AsyncIterator[Check]) -> Check | None:
    return await anext(checks, None)


async def _agree(dialog: Dialog, setup: Setup) -> bool:
    """Name the price of the requests and ask; return True to make them."""
    asked = await dialog.wait(safe_format("looking for the models to ask"), setup.full_models())
    if not asked:
        dialog.show(safe_format("No provider can be asked: none is set up."))
        return False
    for config, model in asked:
        price = price_words(await setup.price(config, (model,), full=True), config)
        name = safe_line(f"{config.name}/{model}")
        dialog.show(safe_format("3 requests to {name}: {price}", name=name, price=price))
    rows = (Choice(safe_format("No")), Choice(safe_format("Yes, make these requests")))
    return await dialog.choose(safe_format("Spend that?"), rows) == 1


def _show(dialog: Dialog, check: Check, found: list[Check]) -> None:
    """Show a finding, below the title of its group."""
    if not found or found[-1].group != check.group:
        dialog.show(_TITLES.get(check.group, safe_line(check.group)), TextRole.STRONG)
    found.append(check)
    sign, role = _SIGNS[check.state]
    dialog.show(check_line(check, sign), role)
    if check.step:
        dialog.show(safe_format("    {step}", step=check.step))


def check_line(check: Check, sign: str = "") -> Safe:
    """Return a finding on one line, such as `✓ openai key: OPENAI_API_KEY`."""
    sign = sign or _SIGNS[check.state][0]
    subject = safe_line(f"{check.subject} {check.name}".strip())
    return safe_format("{sign} {subject}: {words}", sign=safe(sign), subject=subject, words=check.words)


def summary(found: Sequence[Check]) -> Safe:
    """Return the count of each result in words."""
    failed = sum(check.state is CheckState.FAILED for check in found)
    warned = sum(check.state is CheckState.WARNING for check in found)
    passed = sum(check.state is CheckState.OK for check in found)
    parts = [f"{passed} ok", *([f"{warned} to look at"] if warned else []), *([f"{failed} failed"] if failed else [])]
    return safe_line(" · ".join(parts))
