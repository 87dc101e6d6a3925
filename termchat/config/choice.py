"""Which model a new chat begins with when nobody named one."""

from __future__ import annotations

from collections.abc import Callable

from termchat.config.load import Config
from termchat.config.profiles import BUILT_IN, FIRST
from termchat.core.models import ModelRef, Profile


def default_model(config: Config, has_key: Callable[[Profile], bool]) -> ModelRef | None:
    """The default model of the first usable provider: those of the file in its order, else the three vendors.

    None when there is none: no provider of the file names a model, and no vendor has a key. The setting `model`
    comes before this; whoever resolves names looks at it first.
    """
    for name, profile in config.profiles.items():
        from_file = profile.source != BUILT_IN
        model = profile.model or next(iter(profile.models), "")
        if model and (from_file or name in FIRST) and has_key(profile):
            return ModelRef(name, model)
    return None
