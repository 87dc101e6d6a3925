"""Arithmetic as people write it, evaluated exactly and without `eval`.

    sum      = product (("+" | "-") product)*
    product  = sign (("*" | "/" | "//" | "%") sign)*
    sign     = ("+" | "-") sign | power
    power    = postfix ("**" sign)?             "^" is a power too
    postfix  = atom "!"*
    atom     = number | name | name "(" sum ("," sum)* ")" | "(" sum ")"

Numbers are decimals of a fixed precision with a bounded exponent, so neither time nor memory can run away: what
does not fit is an error, not a long wait.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, DecimalException, Inexact, localcontext
from math import acos, asin, atan, cos, factorial, log2, sin, tan

DIGITS = 400  # exact up to here
SHOWN = 28  # digits of a result that is not exact
LONGEST = 1000  # characters of an expression
DEEPEST = 40  # brackets and signs within each other
_LARGEST_FACTORIAL = 200  # 375 digits
_TOKEN = re.compile(
    r"\s*(?:((?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d{1,6})?)|([A-Za-z]\w*)|(\*\*|//|[-+*/%^(),!]))"
)
_SIGNS = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "（": "(", "）": ")", "，": ","})
_EXACT = Context(prec=DIGITS, Emax=9999, Emin=-9999)


class ExpressionError(Exception):
    """The expression has no value; the message says why."""


@dataclass(slots=True)
class _Tokens:
    """The tokens of an expression and how far they were read."""

    tokens: list[str]
    at: int = 0
    depth: int = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def expect(self, token: str) -> None:
        if (found := self.take()) != token:
            raise ExpressionError(f"{token!r} is missing" + (f" before {found!r}" if found else " at the end"))


def evaluate(expression: str) -> str:
    """The value of an expression, written out. Raises ExpressionError."""
    if len(expression) > LONGEST:
        raise ExpressionError(f"the expression is longer than {LONGEST} characters")
    tokens = _Tokens(_split(expression.translate(_SIGNS)))
    with localcontext(_EXACT) as context:
        try:
            value = _sum(tokens)
        except DecimalException as error:
            raise ExpressionError(_why(error)) from None
        if tokens.peek():
            raise ExpressionError(f"{tokens.peek()!r} is not expected there")
        return _written(value, exact=not context.flags[Inexact])


def _split(expression: str) -> list[str]:
    tokens: list[str] = []
    at, end = 0, len(expression.rstrip())
    while at < end:
        found = _TOKEN.match(expression, at)
        if not found:
            raise ExpressionError(f"{expression[at:].strip()[0]!r} is not understood")
        tokens.append(found[0].strip())
        at = found.end()
    return tokens


def _sum(tokens: _Tokens) -> Decimal:
    value = _product(tokens)
    while tokens.peek() in ("+", "-"):
        value = value + _product(tokens) if tokens.take() == "+" else value - _product(tokens)
    return value


def _product(tokens: _Tokens) -> Decimal:
    value = _sign(tokens)
    while (operator := tokens.peek()) in ("*", "/", "//", "%"):
        tokens.take()
        value = _OPERATORS[operator](value, _sign(tokens))
    return value


def _sign(tokens: _Tokens) -> Decimal:
    if tokens.peek() not in ("+", "-"):
        return _power(tokens)
    _deeper(tokens)
    value = -_sign(tokens) if tokens.take() == "-" else _sign(tokens)
    tokens.depth -= 1
    return value


def _power(tokens: _Tokens) -> Decimal:
    base = _postfix(tokens)
    if tokens.peek() not in ("**", "^"):
        return base
    tokens.take()
    _deeper(tokens)
    exponent = _sign(tokens)
    tokens.depth -= 1
    return Decimal(1) if base == exponent == 0 else base**exponent


def _postfix(tokens: _Tokens) -> Decimal:
    value = _atom(tokens)
    while tokens.peek() == "!":
        tokens.take()
        value = _factorial(value)
    return value


def _atom(tokens: _Tokens) -> Decimal:
    word = tokens.take()
    if word == "(":
        return _arguments(tokens, most=1)[0]
    if word[:1].isdigit() or word[:1] == ".":
        return +Decimal(word)
    if word in _CONSTANTS:
        return _inexact(Decimal(_CONSTANTS[word]))
    if word not in _FUNCTIONS:
        raise ExpressionError(f"{word!r} is not understood" if word else "something is missing at the end")
    tokens.expect("(")
    least, most, function = _FUNCTIONS[word]
    values = _arguments(tokens, most)
    if len(values) < least:
        raise ExpressionError(f"{word} takes {least} values or more")
    return function(*values)


def _arguments(tokens: _Tokens, most: int) -> list[Decimal]:
    _deeper(tokens)
    values = [_sum(tokens)]
    while tokens.peek() == "," and len(values) < most:
        tokens.take()
        values.append(_sum(tokens))
    tokens.expect(")")
    tokens.depth -= 1
    return values


def _deeper(tokens: _Tokens) -> None:
    tokens.depth += 1
    if tokens.depth > DEEPEST:
        raise ExpressionError(f"it is nested deeper than {DEEPEST}")


def _floor(value: Decimal) -> Decimal:
    return value.to_integral_value(ROUND_FLOOR)


def _ceiling(value: Decimal) -> Decimal:
    return value.to_integral_value(ROUND_CEILING)


def _whole(a: Decimal, b: Decimal) -> Decimal:
    """The quotient rounded down; the division truncates, so that no rounding of its digits can lift it."""
    whole, rest = divmod(a, b)
    return whole - 1 if rest and (rest < 0) != (b < 0) else whole


def _rest(a: Decimal, b: Decimal) -> Decimal:
    """The rest with the sign of the divisor, as in Python and in mathematics."""
    return a - b * _whole(a, b)


def _factorial(value: Decimal) -> Decimal:
    if value != value.to_integral_value() or not 0 <= value <= _LARGEST_FACTORIAL:
        raise ExpressionError(f"a factorial is of a whole number from 0 to {_LARGEST_FACTORIAL}")
    return Decimal(factorial(int(value)))


def _round(value: Decimal, places: Decimal = Decimal(0)) -> Decimal:
    if places != places.to_integral_value() or abs(places) > 100:
        raise ExpressionError("round takes a whole number of places up to 100")
    return value.quantize(Decimal(1).scaleb(-int(places)))


def _inexact(value: Decimal) -> Decimal:
    """The same value, marked as not exact: the context remembers that digits were lost."""
    return value + Decimal("1e-9000") - Decimal("1e-9000")


def _float(function: Callable[[float], float]) -> Callable[[Decimal], Decimal]:
    """A function of the math module; 15 decimal places of it are meant, so that sin(pi) is 0."""

    def over_floats(value: Decimal) -> Decimal:
        try:
            return _inexact(Decimal(repr(round(function(float(value)), 15))))
        except (ValueError, OverflowError):
            raise ExpressionError("a function has no value there") from None

    return over_floats


def _why(error: DecimalException) -> str:
    return {
        "DivisionByZero": "division by zero",
        "DivisionUndefined": "division by zero",
        "Overflow": "the number is too large",
    }.get(type(error).__name__, "it has no value among the real numbers, or needs too many digits")


def _written(value: Decimal, *, exact: bool) -> str:
    if not value.is_finite():
        raise ExpressionError("it has no value")
    if not exact:
        value = Context(prec=SHOWN, Emax=9999, Emin=-9999).plus(value)
    if value == 0:
        return "0"
    value = value.normalize(_EXACT)
    plain = -40 < value.adjusted() < (DIGITS if exact else SHOWN)
    return f"{value:f}" if plain else f"{value:e}"


_CONSTANTS: Mapping[str, str] = {
    "pi": "3.14159265358979323846264338327950288419716939937511",
    "e": "2.71828182845904523536028747135266249775724709369996",
}
_OPERATORS: Mapping[str, Callable[[Decimal, Decimal], Decimal]] = {
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "//": _whole,
    "%": _rest,
}
_FUNCTIONS: Mapping[str, tuple[int, int, Callable[..., Decimal]]] = {
    "sqrt": (1, 1, Decimal.sqrt),
    "abs": (1, 1, abs),
    "round": (1, 2, _round),
    "floor": (1, 1, _floor),
    "ceil": (1, 1, _ceiling),
    "min": (1, 50, min),
    "max": (1, 50, max),
    "ln": (1, 1, Decimal.ln),
    "log": (1, 1, Decimal.log10),
    "log10": (1, 1, Decimal.log10),
    "log2": (1, 1, _float(log2)),
    "exp": (1, 1, Decimal.exp),
    "factorial": (1, 1, _factorial),
    "sin": (1, 1, _float(sin)),
    "cos": (1, 1, _float(cos)),
    "tan": (1, 1, _float(tan)),
    "asin": (1, 1, _float(asin)),
    "acos": (1, 1, _float(acos)),
    "atan": (1, 1, _float(atan)),
}
