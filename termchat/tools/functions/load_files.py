"""Import the files of a user, and entry points of packages, and find their functions; used in the worker process."""

from __future__ import annotations

import ast
import inspect
import linecache
import re
import sys
from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from termchat.functions import EFFECT
from termchat.late_dataclass import dataclass
from termchat.tools.functions.signature import SignatureError, TypedFunction
from termchat.tools.functions.source_files import definitions
from termchat.tools.functions.user_errors import Problem, exception_words, load_problem

ENTRY_POINT = "entry point "  # the beginning of a source that is none of a file: `entry point NAME=MODULE:ATTRIBUTE`
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # that all vendors take
_EFFECTS = ("read", "write", "run", "network")


@dataclass(frozen=True, slots=True)
class LoadedFunction:
    """A function that a model may call.

    source   the file, or the entry point
    line     of its definition
    effect   the name of its effect
    """

    name: str
    typed: TypedFunction
    source: str
    line: int
    effect: str


@dataclass(frozen=True, slots=True)
class LoadedSource:
    """The functions and problems of a source.

    tools   True if an entry point brings `Tool` objects, which run in termchat's own process
    """

    functions: tuple[LoadedFunction, ...] = ()
    problems: tuple[Problem, ...] = ()
    tools: bool = False


def load_source(source: str, code: bytes | None = None) -> LoadedSource:
    """Import a source. Errors of the imported code become problems; SystemExit is one of them.

    code   the text of the file, None to read it
    """
    try:
        if source.startswith(ENTRY_POINT):
            return _load_entry_point(source)
        return _load_file(source, Path(source).read_bytes() if code is None else code)
    except BaseException as error:  # the user's module may raise anything
        return LoadedSource(problems=(load_problem(source, error),))


def _load_file(file: str, code: bytes) -> LoadedSource:
    tree = ast.parse(code, file)
    module = _run_file(file, code)
    wanted = cast("Iterable[str] | None", getattr(module, "__all__", None))
    nodes = {node.name: node for node in definitions(tree.body)}
    names = [name for name in nodes if (name in wanted if wanted is not None else not name.startswith("_"))]
    made = [_load_function(name, vars(module).get(name), file, nodes[name]) for name in names]
    functions = tuple(item for item in made if isinstance(item, LoadedFunction))
    problems = [item for item in made if isinstance(item, Problem)]
    if not made:
        problems.append(Problem(file, 0, "it defines no public function"))
    return LoadedSource(functions, tuple(problems))


def _run_file(file: str, code: bytes) -> ModuleType:
    module = ModuleType(f"termchat_functions_{Path(file).stem}")
    module.__file__ = file
    sys.modules[module.__name__] = module  # dataclasses and type hints look there
    lines = code.decode("utf-8", "replace").splitlines(keepends=True)
    linecache.cache[file] = (len(code), None, lines, file)  # for tracebacks, whatever the file is by then
    exec(compile(code, file, "exec", dont_inherit=True), vars(module))  # noqa: S102 - the user's own code
    return module


def _load_function(
    name: str, value: object, source: str, node: ast.FunctionDef | ast.AsyncFunctionDef | None = None
) -> LoadedFunction | Problem | None:
    """Return the function or its problem; None for a name that the module has deleted or replaced."""
    if not callable(value) or isinstance(value, type):
        return None
    line = node.lineno if node else _line(value)
    if not _NAME.fullmatch(name) or name.startswith("mcp_"):
        return Problem(source, line, f"{name} is no name for a tool: use ASCII letters, digits and _; not mcp_ first")
    try:
        typed = TypedFunction(value)
    except SignatureError as error:
        return Problem(source, _parameter_line(node, error.parameter) or line, f"{name}: {error}")
    except Exception as error:  # the user's types
        return Problem(source, line, f"{name}: {exception_words(error)}")
    effect = getattr(value, EFFECT, "run")
    return LoadedFunction(name, typed, source, line, effect if effect in _EFFECTS else "run")


def _parameter_line(node: ast.FunctionDef | ast.AsyncFunctionDef | None, name: str) -> int:
    if node is None or not name:
        return 0
    arguments = node.args
    every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg)
    return next((argument.lineno for argument in every if argument and argument.arg == name), 0)


def _line(function: Callable[..., Any]) -> int:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return code.co_firstlineno if code else 0


def _load_entry_point(source: str) -> LoadedSource:
    name, _, value = source.removeprefix(ENTRY_POINT).partition("=")
    found: object = EntryPoint(name, value, "").load()
    items = list(cast("Iterable[object]", found)) if isinstance(found, Iterable) else [found]
    functions: list[LoadedFunction] = []
    problems: list[Problem] = []
    tools = False
    for item in items:
        if is_tool(item):
            tools = True
            continue
        made = _load_function(getattr(item, "__name__", name), item, source)
        if isinstance(made, LoadedFunction):
            functions.append(made)
        else:
            words = f"it gives {type(item).__name__}; a tool is a function or a termchat.tools.registry.Tool"
            problems.append(made or Problem(source, 0, words))
    return LoadedSource(tuple(functions), tuple(problems), tools)


def is_tool(value: object) -> bool:
    """Return True for a `Tool`, without an import of its module."""
    registry = sys.modules.get("termchat.tools.registry")
    return registry is not None and isinstance(value, registry.Tool)
