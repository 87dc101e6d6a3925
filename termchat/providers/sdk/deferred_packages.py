"""Import openai and anthropic without the types that no request needs.

Reason    Most of an SDK's import creates pydantic classes: 470 of openai's 520 modules, 2,850 of anthropic's 3,150. No
          request of `post` uses them. Without them openai takes a third of the time, anthropic a fifth.
Mechanism A finder for these packages (`_DEFERRED`) does not run the `__init__` of a package when it is imported. The
          names that an `__init__` takes from its modules are read from a run of it in which the package's own imports
          are only noted; each name is then imported from its module at first use. A name that is not noted runs the
          `__init__` as usual. All other modules are imported as usual.
Fall-back `build_with_fallback` imports the SDKs plainly after any error that a wrong import can cause, once.
Opt-out   TERMCHAT_EAGER_SDK=1.
Removal   Delete this module, `late_classes`, `fallback_client` and their tests; `ClientPool` then calls its factory
          directly. It is off from Python 3.15 on, which has lazy imports of its own (PEP 810).
"""

from __future__ import annotations

import builtins
import logging
import os
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any, NamedTuple, TypeVar

from termchat.providers.sdk.late_classes import GEMINI_SDK, LateClassesFinder, late_classes_work

_T = TypeVar("_T")
_log = logging.getLogger("termchat")
_SDKS = ("openai", "anthropic")
_DEFERRED = ("types", "lib", "resources")  # subpackages of an SDK, with their own subpackages
# Functions and classes, and the packages or modules that define them, which are imported when one is called: one
# traces, which termchat turns off, and needs all types of a reply; one makes the exception of an error response, of
# 270 types; two are the SDK's own chats, which termchat does not use, and name the types of all that a chat holds.
_CALLED = {
    "finish_api_call_span": "anthropic.lib._tracing",
    "make_status_error": "anthropic._error_classes",
    "Chats": f"{GEMINI_SDK}.chats",
    "AsyncChats": f"{GEMINI_SDK}.chats",
}
_IMPORTERS = (
    *(f"{sdk}." for sdk in (*_SDKS, GEMINI_SDK)),
    "termchat.providers.protocols.",
)  # forgotten after a failure
# RuntimeError is that of pydantic for a class that is not fully defined, and of a recursion.
_IMPORT_ERRORS = (ImportError, NameError, AttributeError, TypeError, RuntimeError)
_OPT_OUT = "TERMCHAT_EAGER_SDK"
_CODE, _EXPORTS = "__deferred_code__", "__deferred_exports__"


class _Export(NamedTuple):
    """A name that an `__init__` takes from a module: `from .module import name`."""

    module: str
    name: str


class _Source:
    """The module of a noted import: each of its attributes is an `_Export`."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> _Export:
        return _Export(self._module, name)


class DeferredPackage(ModuleType):
    """A package whose `__init__` runs when a name is read that it does not take from one of its modules.

    Or a module of `_CALLED`, which runs when its function or class is called.
    """

    def __getattr__(self, name: str) -> Any:
        names = self.__dict__
        code: CodeType | None = names.get(_CODE)
        if code is not None:
            found, value = self._deferred(code, name)
            if found:
                names[name] = value
                return value
        dunder = name.startswith("__") and name != "__all__"  # asked of every module, by typing and inspect
        full = f"{self.__name__}.{name}"
        if not dunder and (full in sys.modules or PathFinder.find_spec(full, names.get("__path__", []))):
            return import_module(full)
        if dunder or code is None:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}", name=name, obj=self)
        self._run()
        return getattr(self, name)

    def _deferred(self, code: CodeType, name: str) -> tuple[bool, Any]:
        """Return (True, value) for a name that is known before the code has run."""
        if _CALLED.get(name) == self.__name__:
            return True, self._late_call(name)
        if _EXPORTS not in self.__dict__:
            path = self.__dict__.get("__path__")
            self.__dict__[_EXPORTS] = {} if path is None else find_exports(code, self.__name__, path)
        export: _Export | None = self.__dict__[_EXPORTS].get(name)
        return (True, _load(self.__name__, export)) if export else (False, None)

    def _late_call(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            self._run()
            return getattr(self, name)(*args, **more)

        return call

    def __dir__(self) -> list[str]:
        self._run()
        return sorted(super().__dir__())

    def _run(self) -> None:
        """Run the `__init__`, as an ordinary import does."""
        code: CodeType | None = self.__dict__.get(_CODE)
        if code is not None:
            self.__dict__[_CODE] = None
            with _as_import_error(self.__name__):
                exec(code, self.__dict__)  # noqa: S102 - the package's own code


@contextmanager
def _as_import_error(package: str) -> Generator[None]:
    """Raise any error of late code as ImportError: a caller of `getattr` takes an AttributeError for a missing name."""
    try:
        yield
    except ImportError:
        raise
    except Exception as error:
        raise ImportError(f"{package}: {error!r}", name=package) from error


def _load(package: str, export: _Export) -> Any:
    if export.module == package:  # `from . import name`
        with _as_import_error(package):
            return import_module(f"{package}.{export.name}")
    with _as_import_error(export.module):
        module = import_module(export.module)
    try:
        return getattr(module, export.name)
    except AttributeError:
        return import_module(f"{export.module}.{export.name}")


def find_exports(code: CodeType, package: str, path: Sequence[str]) -> Mapping[str, _Export]:
    """Return the names that an `__init__` takes from modules of its own SDK.

    The code runs in a namespace of its own, until it ends or uses such a name; what it took before counts.
    """

    def note(
        name: str,
        globals: Mapping[str, object] | None = None,  # noqa: A002 - the names of __import__
        locals: Mapping[str, object] | None = None,  # noqa: A002
        fromlist: Sequence[str] = (),
        level: int = 0,
    ) -> Any:
        parent = package.rsplit(".", level - 1)[0] if level > 1 else package
        full = (f"{parent}.{name}" if name else parent) if level else name
        if full.partition(".")[0] != package.partition(".")[0]:
            return builtins.__import__(name, globals, locals, fromlist, level)
        if not fromlist or fromlist[0] == "*":
            raise ImportError(f"{full} has to be imported")
        return _Source(full)

    names: dict[str, Any] = {"__name__": package, "__package__": package, "__path__": path}
    names["__builtins__"] = vars(builtins) | {"__import__": note}
    try:
        exec(code, names)  # noqa: S102 - the package's own code
    except Exception as error:  # whatever the rest of the `__init__` needs
        _log.debug("%s: names noted until %r", package, error)
    return {name: value for name, value in names.items() if isinstance(value, _Export)}


class _Loader(SourceFileLoader):
    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return DeferredPackage(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__[_CODE] = self.get_code(module.__name__)


class _Finder:
    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        sdk, _, rest = name.partition(".")
        called = name in _CALLED.values()
        if not called and (sdk not in _SDKS or (rest and rest.partition(".")[0] not in _DEFERRED)):
            return None
        spec = PathFinder.find_spec(name, path)
        deferred = spec and (spec.submodule_search_locations or called)
        if spec and deferred and type(spec.loader) is SourceFileLoader:
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
            return spec
        return None


_finder = _Finder()
_late_classes = LateClassesFinder()
_state = {"failed": False}


def import_gemini_sdk() -> None:
    """Import google-genai, with late classes where they work."""
    if _late_classes in sys.meta_path and GEMINI_SDK not in sys.modules:
        _late_classes.import_sdk()


def build_with_fallback(build: Callable[[], _T]) -> _T:
    """Run `build`, which imports an SDK and makes its client. Raises what `build` raises."""
    _install()
    try:
        return build()
    except _IMPORT_ERRORS as error:
        if not import_plainly(error):
            raise
        return build()


def import_plainly(error: Exception) -> bool:
    """Remove the finder and forget the SDKs, so that the next import is a plain one.

    Return False if the error cannot come from a deferred import: by its type, or because none is in use.
    """
    if not isinstance(error, _IMPORT_ERRORS) or _finder not in sys.meta_path:
        return False
    _log.debug("the SDKs are imported plainly", exc_info=error)
    _state["failed"] = True
    sys.meta_path.remove(_finder)
    if _late_classes in sys.meta_path:
        sys.meta_path.remove(_late_classes)
    for name in list(sys.modules):
        if f"{name}.".startswith(_IMPORTERS):
            del sys.modules[name]
    if google := sys.modules.get("google"):
        vars(google).pop("genai", None)
    return True


def _install() -> None:
    """Put the finder first, where it works and is wanted, unless an SDK is imported already."""
    if _finder in sys.meta_path or _state["failed"] or os.environ.get(_OPT_OUT):
        return
    if sys.implementation.name == "cpython" and sys.version_info < (3, 15) and _works():
        sys.meta_path.insert(0, _finder)
        if GEMINI_SDK not in sys.modules and late_classes_work():
            sys.meta_path.insert(0, _late_classes)


def _works() -> bool:
    """Note one import, the part that an interpreter may do differently."""
    code = compile("from .module import name as other", "<check>", "exec")
    return find_exports(code, "package", []) == {"other": _Export("package.module", "name")}
