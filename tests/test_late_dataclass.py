"""A late dataclass behaves as one of the standard library, before and after its methods are generated."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pkgutil
import sys
import threading
from collections.abc import Callable
from dataclasses import FrozenInstanceError, field, fields, is_dataclass, replace
from importlib import import_module
from typing import Any, ClassVar, Generic, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

import termchat
from termchat import late_dataclass as late

T = TypeVar("T")
OPTIONS = [{}, {"frozen": True}, {"frozen": True, "order": True}, {"eq": False}, {"kw_only": True}]
GENERATED = ("__init__", "__repr__", "__eq__", "__hash__", "__lt__", "__setattr__", "__delattr__", "__match_args__")


def make(decorator: Callable[..., Any], options: dict[str, Any]) -> tuple[type, type]:
    """Return a class and a subclass of it, made by the decorator."""

    @decorator(slots=True, **options)
    class Base(Generic[T]):
        """A class with all sorts of fields."""

        number: int
        text: str = "text"
        items: list[T] = field(default_factory=list[T], compare=False)

        def __post_init__(self) -> None:
            assert self.text

        @property
        def twice(self) -> int:
            return self.number * 2

    @decorator(slots=True, **options)
    class Derived(Base[int]):
        text: str = "derived"
        hidden: float = field(default=1.5, repr=False)

    return Base, Derived


def observed(action: Callable[[], Any]) -> Any:
    """Return the result of an action, or the type of its exception."""
    try:
        return action()
    except Exception as error:
        return type(error)


BEHAVIOURS: list[Callable[[type], Any]] = [
    lambda cls: repr(cls(number=1)),
    lambda cls: repr(cls(1, "a", [3])),
    lambda cls: repr(cls(1, items=[3])),
    lambda cls: cls(number=1) == cls(number=1, items=[2]),
    lambda cls: cls(number=1) == cls(number=2),
    lambda cls: cls(number=1) == 1,
    lambda cls: cls(number=1) < cls(number=2),
    lambda cls: isinstance(hash(cls(number=1)), int),
    lambda cls: len({cls(number=1), cls(number=1)}),
    lambda cls: setattr(cls(number=1), "number", 2),
    lambda cls: delattr(cls(number=1), "number"),
    lambda cls: setattr(cls(number=1), "unknown", 2),
    lambda cls: cls(number=1).twice,
    lambda cls: cls(number=1).items is cls(number=1).items,
    lambda cls: cls(),
    lambda cls: cls(1, number=1),
    lambda cls: cls(number=1, other=2),
    lambda cls: cls(1, "a", [], 2.0, 5),
    lambda cls: cls(number=1, text=""),
    lambda cls: repr(replace(cls(number=1), number=3)),
    lambda cls: repr(replace(cls(number=1), other=3)),
    lambda cls: dataclasses.asdict(cls(number=1)),
    lambda cls: repr(copy.copy(cls(number=1))),
    lambda cls: repr(copy.deepcopy(cls(number=1, items=[[1]]))),
    lambda cls: _matched(cls, cls(number=1)),
    lambda cls: [(f.name, f.type, f.default, f.repr, f.compare, f.kw_only) for f in fields(cls)],
    lambda cls: (cls.__slots__, cls.__qualname__, cls.__module__, is_dataclass(cls)),
]


def _matched(cls: type[Any], instance: object) -> object:
    match instance:
        case cls(number, text):  # pyright: ignore[reportGeneralTypeIssues] - any class
            return number, text
        case _:
            return None


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("index", [0, 1], ids=["base", "derived"])
@given(
    order=st.lists(st.sampled_from(range(len(BEHAVIOURS))), min_size=1, max_size=6), earlier=st.sampled_from([0, 1, 99])
)
def test_late_class_equals_class_of_standard_library(
    options: dict[str, Any], index: int, order: list[int], earlier: int
) -> None:
    plain, other = make(dataclasses.dataclass, options)[index], make(late.dataclass, options)[index]
    for _ in range(earlier):
        other(number=1)
    for each in order:
        act = BEHAVIOURS[each]
        assert observed(lambda act=act: act(other)) == observed(lambda act=act: act(plain)), inspect.getsource(act)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("index", [0, 1], ids=["base", "derived"])
def test_late_class_has_same_generated_methods_as_standard_library(options: dict[str, Any], index: int) -> None:
    plain, other = make(dataclasses.dataclass, options)[index], make(late.dataclass, options)[index]
    late.generate_methods(other)
    assert [name for name in GENERATED if name in vars(other)] == [name for name in GENERATED if name in vars(plain)]
    assert str(inspect.signature(other)) == str(inspect.signature(plain))
    assert (other.__match_args__, other.__doc__) == (plain.__match_args__, plain.__doc__)


def test_first_instances_generate_no_method() -> None:
    base, _ = make(late.dataclass, {"frozen": True})
    waits = lambda: isinstance(vars(base)["__dataclass_params__"], late._LateAttribute)  # noqa: E731
    for number in range(late._FIRST - 2):
        assert base(number).text == "text"
    assert replace(base(1), number=2).twice == 4
    assert waits()
    assert base(3).twice == 6
    assert not waits()


@pytest.mark.parametrize("look", [fields, is_dataclass, lambda cls: cls(1)], ids=["fields", "is_dataclass", "instance"])
def test_late_class_gets_methods_at_first_use_of_derived_class(look: Callable[[type], Any]) -> None:
    base, derived = make(late.dataclass, {"frozen": True})
    assert look(derived)
    assert "__repr__" in vars(base)
    assert "__repr__" in vars(derived)


def test_plain_subclass_of_late_class_is_created_and_frozen() -> None:
    base, _ = make(late.dataclass, {"frozen": True})

    class Plain(base):
        pass

    assert repr(Plain(1)).endswith("Plain(number=1, text='text', items=[])")
    assert [f.name for f in fields(Plain)] == ["number", "text", "items"]
    with pytest.raises(FrozenInstanceError):
        Plain(1).number = 2  # type: ignore[attr-defined]


def test_late_class_with_class_variable_is_made_at_once() -> None:
    @late.dataclass(slots=True)
    class Counted:
        number: int
        known: ClassVar[list[int]] = []

    assert "__repr__" in vars(Counted)
    assert Counted.known == []


def test_late_class_with_field_that_is_no_argument_is_made_at_once() -> None:
    @late.dataclass(slots=True)
    class Counted:
        number: int
        twice: int = field(init=False, default=2)

    assert "__repr__" in vars(Counted)
    assert Counted(1).twice == 2


def test_late_class_is_created_by_many_threads_at_once() -> None:
    for _ in range(20):
        _, derived = make(late.dataclass, {"frozen": True})
        barrier, made = threading.Barrier(4), list[object]()

        def create(cls: type = derived, barrier: threading.Barrier = barrier, made: list[object] = made) -> None:
            barrier.wait()
            made.append(cls(1))

        threads = [threading.Thread(target=create) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert made == [derived(1)] * 4


def test_every_late_class_of_termchat_has_the_methods_of_a_dataclass() -> None:
    for found in pkgutil.walk_packages(termchat.__path__, "termchat."):
        if not found.name.endswith("__main__"):
            import_module(found.name)
    modules = [module for name, module in sys.modules.items() if name.startswith("termchat.")]
    classes = {cls for module in modules for cls in vars(module).values() if isinstance(cls, type)}
    known = [cls for cls in classes if cls.__module__.startswith("termchat.") and is_dataclass(cls)]
    assert len(known) > 150
    for cls in known:
        late.generate_methods(cls)
        signature = list(inspect.signature(cls).parameters)
        assert signature == [f.name for f in fields(cls) if f.init], cls
        assert all(f.name in dir(cls) or not hasattr(cls, "__slots__") for f in fields(cls)), cls


def test_late_dataclass_without_fields_is_made_compared_and_copied() -> None:
    @late.dataclass(frozen=True, slots=True)
    class Nothing:
        """No fields."""

    assert Nothing() == Nothing()
    assert replace(Nothing()) == Nothing()
    assert repr(Nothing()).endswith("Nothing()")
