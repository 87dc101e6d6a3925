"""Dataclasses whose methods are generated when they are needed: `from ... import dataclass`.

Reason    `dataclasses.dataclass` compiles six methods for each class, half a millisecond of every start; a script's
          question sees 130 classes of termchat and creates a few instances of a third of them.
Mechanism The class has its slots at once. Its first instances are filled by one function for all classes, which is
          slower than a generated `__init__`, but costs nothing to make. A later instance, or the first use of another
          method, runs `dataclasses.dataclass` on a copy of the class and takes over its methods.
Limits    Only `slots=True`, and no ClassVar, InitVar, KW_ONLY or `field(init=False)`: other classes are made at once,
          and a class that extends a dataclass at its first instance.
Removal   Import `dataclass` from `dataclasses`, and delete the calls of `generate_methods`; nothing else changes.
"""

from __future__ import annotations

from _thread import RLock
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

_OPTIONS = {"slots", "frozen", "eq", "order", "kw_only"}
_NO_FIELDS = ("ClassVar", "InitVar", "KW_ONLY")
_INIT, _FIELDS, _PARAMS, _HASH = "__init__", "__dataclass_fields__", "__dataclass_params__", "__hash__"
_FIRST = 50  # instances without a generated method; generating takes as long as filling two hundred
_lock = RLock()  # two threads may create the first instances


def generate_methods(cls: type) -> None:
    """Generate the methods of a dataclass that waits for their first use."""
    getattr(cls, _PARAMS, None)


class _LateAttribute:
    """An attribute of a class that `load` sets when it is read."""

    def __init__(self, name: str, load: Callable[[], None]) -> None:
        self._name = name
        self._load = load

    def __get__(self, instance: object, owner: type) -> Any:
        self._load()
        return getattr(owner, self._name)


class _LateMethods:
    """The methods of a class that are not generated yet; `cls` is the class with slots.

    own       the namespace of the class as it was written
    options   those of `dataclasses.dataclass`
    """

    def __init__(self, written: type, options: dict[str, Any]) -> None:
        self._own = {name: value for name, value in vars(written).items() if name not in ("__dict__", "__weakref__")}
        self._annotations: dict[str, Any] = written.__annotations__  # Python 3.14: not among the names of the class
        self._options = options
        self._extends = any(_FIELDS in vars(base) for base in written.__mro__[1:])
        self._left = 0 if self._extends else _FIRST
        self._stubs: dict[str, Callable[..., Any]] = {}
        names: list[str] = [] if options.get("kw_only") else list(written.__annotations__)
        self._positional = [name for name in names if getattr(self._own.get(name), "kw_only", None) is not True]
        self._plan: list[tuple[str, Callable[[object, Any], None], Any, Any]] = []
        self.cls = self._with_slots(written)

    def _with_slots(self, written: type) -> type:
        fields = written.__annotations__
        inherited = {name for base in written.__mro__[1:] for name in getattr(base, "__slots__", ())}
        space = {name: value for name, value in self._own.items() if name not in fields}
        space |= {"__slots__": tuple(name for name in fields if name not in inherited), _INIT: self._init()}
        space[_FIELDS] = _LateAttribute(_FIELDS, self.generate if self._extends else self._make_fields)
        space[_PARAMS] = _LateAttribute(_PARAMS, self.generate)
        if not self._extends:
            self._stubs = {name: self._stub(name) for name in self._generated()}
            if self._options.get("eq", True) and _HASH not in self._stubs:
                space.setdefault(_HASH, None)
            space |= self._stubs | {"__match_args__": tuple(self._positional)}
        cls = type(written)(written.__name__, written.__bases__, space)
        cls.__qualname__ = written.__qualname__
        return cls

    def _generated(self) -> list[str]:
        """Return the names of the methods that an instance may need, besides `__init__`."""
        eq, frozen = self._options.get("eq", True), self._options.get("frozen")
        names = ["__repr__", *(["__eq__"] if eq else ())]
        names += ["__lt__", "__le__", "__gt__", "__ge__"] if self._options.get("order") else ()
        names += ["__setattr__", "__delattr__", "__getstate__", "__setstate__"] if frozen else ()
        found = [name for name in names if name not in self._own]
        return [*found, _HASH] if eq and frozen and self._own.get(_HASH) is None else found

    def _stub(self, name: str) -> Callable[..., Any]:
        def method(instance: object, *args: Any) -> Any:
            self.generate()
            return getattr(self.cls, name)(instance, *args)

        return method

    def _init(self) -> Callable[..., None]:
        def init(instance: object, *args: Any, **more: Any) -> None:
            self._left -= 1
            if self._left < 0 or not self._fill(instance, args, more):
                self.generate()
                getattr(self.cls, _INIT)(instance, *args, **more)

        return init

    def _fill(self, instance: object, args: tuple[Any, ...], more: dict[str, Any]) -> bool:
        """Set the fields of a new instance; return False if the arguments do not fit."""
        from dataclasses import MISSING

        plan = self._plan or self._make_plan()
        values = dict(zip(self._positional, args, strict=False)) | more
        if len(values) < len(args) + len(more):
            return False
        for name, assign, default, factory in plan:
            if name in values:
                value = values.pop(name)
            elif default is not MISSING:
                value = default
            elif factory is not MISSING:
                value = factory()
            else:
                return False
            assign(instance, value)
        if not values and (finish := getattr(instance, "__post_init__", None)):
            finish()
        return not values

    def _make_plan(self) -> list[tuple[str, Callable[[object, Any], None], Any, Any]]:
        from dataclasses import MISSING, Field

        field_type: type = Field
        plan: list[tuple[str, Callable[[object, Any], None], Any, Any]] = []
        for name in self._annotations:
            value: Any = self._own.get(name, MISSING)
            default: Any = value
            factory: Any = MISSING
            if type(value) is field_type:
                default, factory = value.default, value.default_factory
            plan.append((name, getattr(self.cls, name).__set__, default, factory))
        self._plan = plan
        return plan

    def _make_fields(self) -> None:
        """Set the fields without generating a method."""
        from dataclasses import dataclass as dataclass_now

        with _lock:
            if not isinstance(vars(self.cls)[_FIELDS], _LateAttribute):
                return
            kept = {*self._annotations, "__annotations__", "__module__"}
            space = {name: value for name, value in self._own.items() if name in kept} | {"__doc__": "-"}
            kw_only: bool = self._options.get("kw_only", False)
            made = dataclass_now(init=False, repr=False, eq=False, kw_only=kw_only)(type("_Fields", (), space))
            setattr(self.cls, _FIELDS, vars(made)[_FIELDS])

    def generate(self) -> None:
        """Generate all methods, unless that was done."""
        with _lock:
            if isinstance(vars(self.cls)[_PARAMS], _LateAttribute):
                for base in self.cls.__mro__[1:]:
                    generate_methods(base)
                self._take_methods()
                self._stubs = {}  # they hold this object, which would stay: the collector is off at the start

    def _take_methods(self) -> None:
        from dataclasses import dataclass as dataclass_now

        cls, own = self.cls, self._own
        made = dataclass_now(**self._options)(type(cls)(cls.__name__, cls.__bases__, dict(own)))
        fields = vars(made)[_FIELDS]
        skipped = {*fields, "__dict__", "__weakref__", "__slots__", _INIT, _FIELDS, _PARAMS}
        for name, value in vars(made).items():
            if name not in skipped and (name not in own or own[name] is not value):
                for cell in getattr(value, "__closure__", None) or ():
                    if cell.cell_contents is made:  # Python 3.14: a frozen class as its methods know it
                        cell.cell_contents = cls
                setattr(cls, name, value)
        for name, stub in self._stubs.items():
            if vars(cls)[name] is stub:  # this Python's dataclasses have no such method
                delattr(cls, name)
        setattr(cls, _FIELDS, fields)
        setattr(cls, _INIT, getattr(made, _INIT))
        setattr(cls, _PARAMS, vars(made)[_PARAMS])  # last: other threads look at it


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass  # noqa: PLC0414 - exported
else:

    def dataclass(**options: Any) -> Callable[[type], type]:
        """Make a class a dataclass, as `dataclasses.dataclass` does."""

        def decorate(cls: type) -> type:
            annotations = " ".join(map(str, cls.__annotations__.values()))
            other = any(name in annotations for name in _NO_FIELDS)
            other |= any(getattr(value, "init", None) is False for value in vars(cls).values())
            if options.get("slots") and options.keys() <= _OPTIONS and not other:
                return _LateMethods(cls, options).cls
            from dataclasses import dataclass as dataclass_now

            return dataclass_now(**options)(cls)

        return decorate
