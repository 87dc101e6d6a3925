"""Import google-genai without creating the classes that no request needs.

Reason    `google.genai.types` is one module of 1,000 pydantic classes; creating them takes half of the SDK's import.
Mechanism The module runs in a namespace that keeps each class statement, and each Union or list of such classes, until
          its name is read: a name that is not among the globals is looked up in the module's `__builtins__`, a dict
          whose `__missing__` creates the class. While the SDK's other modules are imported, their `types` gives
          placeholders, because the annotations of their functions name most of the classes and nothing reads them.
Fall-back, opt-out and removal are those of `deferred_packages`, which installs the finder.
"""

from __future__ import annotations

import builtins
import re
import sys
import threading
import typing
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any

GEMINI_SDK = "google.genai"
_TYPES = f"{GEMINI_SDK}.types"
_NAME = re.compile(r"[^\W\d]\w*")
_lock = threading.RLock()


class Late:
    """A class that is created when it is used: called, read from, or inherited."""

    __slots__ = ("_create",)

    def __init__(self, create: Callable[[], Any]) -> None:
        self._create = create

    def value(self) -> Any:
        return self._create()

    def __call__(self, *args: Any, **more: Any) -> Any:  # typing takes only what can be called
        return self.value()(*args, **more)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.value(), name)

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        return (self.value(),)


def _arguments(value: Any) -> tuple[Any, ...]:
    return () if isinstance(value, type) else getattr(value, "__args__", None) or ()


def _is_late(value: Any) -> bool:
    return type(value) is Late or any(map(_is_late, _arguments(value)))


def _forward_names(value: Any) -> Iterator[str]:
    """Yield the names that an annotation has as text: B, list and C of `Union[A, "B", "list[C]"]`."""
    text = value.__forward_arg__ if isinstance(value, typing.ForwardRef) else value
    if isinstance(text, str):
        yield from _NAME.findall(text)
    for argument in _arguments(value):
        yield from _forward_names(argument)


def created(value: Any) -> Any:
    """Return the value with all late classes in it created: `Union[A, list[B]]`."""
    if type(value) is Late:
        return value.value()
    if not _is_late(value):
        return value
    arguments = tuple(map(created, _arguments(value)))
    return value.copy_with(arguments) if hasattr(value, "copy_with") else value.__origin__[arguments]


class _Builtins(dict[str, Any]):
    """The builtins of the module; the names that wait are found here last.

    waiting   name -> late class, or an expression of late classes
    """

    def __init__(self, module: dict[str, Any]) -> None:
        super().__init__(vars(builtins))
        self.waiting: dict[str, Any] = {}
        self._module = module

    def __missing__(self, name: str) -> Any:
        if name in self._module:  # another thread was faster
            return self._module[name]
        value = self._module[name] = created(self.waiting[name])
        if getattr(value, "__pydantic_complete__", True) is False:
            self._create_named(value)
        return value

    def _create_named(self, model: type) -> None:
        """Create the classes that the annotations of a model name as text: Python 3.14 looks for those past this dict.

        pydantic completes the model when it is used.
        """
        for name in {name for value in model.__annotations__.values() for name in _forward_names(value)}:
            if name in self.waiting and name not in self._module:
                try:
                    _ = self[name]
                except NameError:  # it is being created
                    continue


class _Namespace(MutableMapping[str, Any]):
    """The namespace that the module's statements run in; `__setitem__` keeps late values from the globals."""

    def __init__(self, module: dict[str, Any], waiting: dict[str, Any]) -> None:
        self._module, self._waiting = module, waiting

    def __getitem__(self, name: str) -> Any:
        return self._module[name] if name in self._module else self._waiting[name]

    def __setitem__(self, name: str, value: Any) -> None:
        here, other = (self._waiting, self._module) if _is_late(value) else (self._module, self._waiting)
        here[name] = value
        other.pop(name, None)

    def __delitem__(self, name: str) -> None:
        del (self._module if name in self._module else self._waiting)[name]

    def __iter__(self) -> Iterator[str]:
        yield from {**self._module, **self._waiting}

    def __len__(self) -> int:
        return len({**self._module, **self._waiting})


class LateModule(ModuleType):
    """A module with late classes."""

    def __getattr__(self, name: str) -> Any:
        names = self.__dict__.get("__builtins__")
        if isinstance(names, _Builtins) and name in names.waiting:
            return names[name]
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}", name=name, obj=self)

    def __dir__(self) -> list[str]:
        names = self.__dict__.get("__builtins__")
        return sorted({*super().__dir__(), *(names.waiting if isinstance(names, _Builtins) else ())})


def _once(name: str, create: Callable[[], Any]) -> Callable[[], Any]:
    """Return a function that creates a class when it is first called. Raises ImportError for any other failure.

    A class that is read while it is created is not defined yet, as in a plain import: two classes that name each other.
    pydantic completes the other one when it is used.
    """
    found: list[Any] = []
    begun: list[bool] = []

    def value() -> Any:
        with _lock:  # one class, whichever thread reads it first
            if not found:
                if begun:
                    raise NameError(f"name {name!r} is not defined", name=name)
                begun.append(True)
                try:
                    found.append(create())
                except NameError:
                    raise
                except Exception as error:
                    raise ImportError(f"{name}: {error!r}", name=name) from error
                finally:
                    begun.clear()
        return found[0]

    return value


def run_with_late_classes(code: CodeType, module: ModuleType) -> None:
    """Run the code of a module in its namespace; its class statements wait."""
    space = module.__dict__
    names = _Builtins(space)

    def build_class(body: Callable[..., Any], name: str, *bases: Any, **more: Any) -> Any:
        if sys._getframe(1).f_code is not code:  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] # an inner class
            return builtins.__build_class__(body, name, *bases, **more)
        return Late(_once(name, lambda: builtins.__build_class__(body, name, *map(created, bases), **more)))

    names["__build_class__"] = build_class
    space["__builtins__"] = names
    exec(code, space, _Namespace(space, names.waiting))  # noqa: S102 - the SDK's own code


class _Annotations(ModuleType):
    """The module as the SDK's other modules see it; while they are imported, late classes are placeholders."""

    loading = True

    def __getattr__(self, name: str) -> Any:
        module = sys.modules[_TYPES]
        names = module.__dict__.get("__builtins__")
        if self.loading and isinstance(names, _Builtins) and name in names.waiting and name not in module.__dict__:
            return Late(lambda: getattr(module, name))
        return getattr(module, name)


class _Loader(SourceFileLoader):
    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return LateModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        code = self.get_code(module.__name__)
        assert code
        run_with_late_classes(code, module)


class LateClassesFinder:
    """Finds `google.genai.types`, with late classes."""

    def __init__(self) -> None:
        self._annotations = _Annotations(_TYPES)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name == f"{GEMINI_SDK}.client" and self._annotations.loading:  # it imports the other modules
            vars(sys.modules[GEMINI_SDK])["types"] = self._annotations
        spec = PathFinder.find_spec(name, path) if name == _TYPES else None
        if spec and type(spec.loader) is SourceFileLoader:
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
            return spec
        return None

    def import_sdk(self) -> None:
        """Import the SDK, and give its modules the classes themselves from then on."""
        try:
            import_module(GEMINI_SDK)
        finally:
            self._annotations.loading = False
        vars(sys.modules[GEMINI_SDK])["types"] = sys.modules[_TYPES]


def late_classes_work() -> bool:
    """Return True if this interpreter and its typing leave classes late, and create them when they are read."""
    source = "import typing\nclass A: pass\nclass B(A): text = str(A)\nC = typing.Union[A, list[B]]"
    module = LateModule("check")
    try:
        run_with_late_classes(compile(source, "<check>", "exec"), module)
        waited = not {"A", "B", "C"} & vars(module).keys()
        union = typing.Union[module.A, list[module.B]]  # noqa: UP007 - as the SDK writes it
        return waited and union == module.C and module.B.text == str(module.A)
    except Exception:
        return False
