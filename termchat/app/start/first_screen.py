"""The first lines for a user without a key: something to try, and the ways to a model."""

from __future__ import annotations

from collections.abc import Sequence

from termchat.core.sanitize import Safe, safe_format, safe_line

_TRY = (
    safe_format("demo/tour answers questions about termchat, offline and without a key. Try:"),
    safe_format("  how do I attach a file? · show markdown · two tools · 429"),
)
_KEYS = (
    safe_format(
        "To use a model, type /login: a vendor, a gateway such as OpenRouter or OfoxAI, or a server on this machine. "
        "It tries the key and goes on in this chat."
    ),
    safe_format(
        "Or set a key, such as OPENAI_API_KEY or, of a gateway, OPENROUTER_API_KEY, and start again; see /help login."
    ),
)


def first_screen(models: Sequence[str], providers: Sequence[str] = ()) -> tuple[Safe, ...]:
    """Return the first lines of a chat with the guide.

    models      models that could be used instead
    providers   names of providers with a key, of which the user has chosen no model
    """
    if models:
        names = safe_line(" or ".join(models))
        return (*_TRY, safe_format("To use a model, choose {names} with /model.", names=names))
    if providers:
        names = safe_line(" or ".join(providers))
        step = safe_format("To use a model, choose one of {names} with /model.", names=names)
        return (*_TRY, step, safe_format("/set model NAME --save makes it the default."))
    return (*_TRY, *_KEYS)
