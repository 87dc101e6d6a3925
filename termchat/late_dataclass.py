"""Dataclasses whose methods are generated when they are first needed: `from ... import dataclass`.

Reason    `dataclasses.dataclass` compiles six methods for each class, half a millisecond of every start; a script's
          question sees 110 classes of termchat and creates instances of a third of them.
Mechanism The class has its slots at once. Its first instance, or the first look at its fields, runs
          `dataclasses.dataclass` on a copy of it and takes over the methods.
Limits    Only `slots=True`, and no ClassVar, InitVar or KW_ONLY: other classes are made at once. An instance cannot be
          unpickled before another one is created.
Removal   Import `dataclass` from `dataclasses`; nothing else changes.
"""

from __future__ import annotations

from _thread import RLock
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

_NO_FIELDS = ("ClassVar", "InitVar", "KW_ONLY")
_INIT, _FIELDS = "__init__", "__dataclass_fields__"
_lock = RLock()


class _LateFields:
    """The fields of a class until its methods are generated."""

    def __init__(self, generate: Callable[[], None]) -> None:
        self._generate = generate

    def __get__(self, instance: object, owner: type) -> Any:
        self._generate()
        return getattr(owner, _FIELDS)


def late_dataclass(cls: type, options: dict[str, Any]) -> type:
    """Return the class with slots for its fields, and with methods that are generated when they are needed.

    options   those of `dataclasses.dataclass`
    """
    own = {name: value for name, value in vars(cls).items() if name not in ("__dict__", "__weakref__")}
    fields = cls.__annotations__
    inherited = {name for base in cls.__mro__[1:] for name in getattr(base, "__slots__", ())}
    slots = tuple(name for name in fields if name not in inherited)
    kept = {name: value for name, value in own.items() if name not in fields}
    late = type(cls)(cls.__name__, cls.__bases__, kept | {"__slots__": slots})
    late.__qualname__ = cls.__qualname__

    def generate() -> None:
        with _lock:  # two threads may create the first instances
            if isinstance(vars(late)[_FIELDS], _LateFields):
                _take_methods(late, own, options)

    def init(self: object, *args: Any, **more: Any) -> None:
        generate()
        getattr(late, _INIT)(self, *args, **more)

    setattr(late, _INIT, init)
    setattr(late, _FIELDS, _LateFields(generate))
    return late


def _take_methods(late: type, own: dict[str, Any], options: dict[str, Any]) -> None:
    from dataclasses import dataclass as dataclass_now

    made = dataclass_now(**options)(type(late)(late.__name__, late.__bases__, dict(own)))
    fields = vars(made)[_FIELDS]
    skipped = {*fields, "__dict__", "__weakref__", "__slots__", _INIT, _FIELDS}
    for name, value in vars(made).items():
        if name not in skipped and (name not in own or own[name] is not value):
            setattr(late, name, value)
    setattr(late, _INIT, getattr(made, _INIT))  # last: other threads call it without the lock
    setattr(late, _FIELDS, fields)


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass  # noqa: PLC0414 - exported
else:

    def dataclass(**options: Any) -> Callable[[type], type]:
        """Make a class a dataclass, as `dataclasses.dataclass` does."""

        def decorate(cls: type) -> type:
            annotations = " ".join(map(str, cls.__annotations__.values()))
            if options.get("slots") and not any(word in annotations for word in _NO_FIELDS):
                return late_dataclass(cls, options)
            from dataclasses import dataclass as dataclass_now

            return dataclass_now(**options)(cls)

        return decorate
