"""Evaluate arithmetic exactly: Python's grammar, decimal numbers, and nothing else of Python.

The text is translated to Python (`^` becomes `**`, `3!` becomes `3[0]`), parsed by `ast` and walked; a node that is
not listed here is refused, so nothing is ever run by `eval`. Numbers are decimals of a fixed precision with a bounded
exponent, which bounds time and memory: a number that does not fit is an error.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, DecimalException, Inexact, localcontext
from math import acos, asin, atan, cos, factorial, log2, sin, tan

DIGITS = 400  # significant digits of every step; a result is exact up to here
SHOWN = 28  # significant digits shown of a result that is not exact
LONGEST = 1000  # characters of an expression
DEEPEST = 40  # brackets within each other; also signs, powers and factorials within each other
_LARGEST_FACTORIAL = 200  # 375 digits
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d{1,6})?)"
    r"|[A-Za-z][A-Za-z0-9_]*|\*\*|//|[-+*/%^(),!])"
)
_SIGNS = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "（": "(", "）": ")", "，": ","})
_PYTHON = {"^": "**", "!": "[0]"}  # `[` is not a token, so a subscript is always a factorial
_EXACT = Context(prec=DIGITS, Emax=9999, Emin=-9999)


class ExpressionError(Exception):
    """An expression without a value; the message gives the reason."""


def evaluate(expression: str) -> str:
    """Return the value of an expression as text: plain digits, or with an exponent beyond 40 places.

    Accepts + - * / // % ** ^ ! brackets, `pi`, `e`, the functions of `_FUNCTIONS` and the signs × · ÷ −.
    Raises ExpressionError when the text is not arithmetic, exceeds a limit or has no real value.
    """
    if len(expression) > LONGEST:
        raise ExpressionError(f"the expression is longer than {LONGEST} characters")
    source = _python(expression.translate(_SIGNS))
    try:
        tree = ast.parse(source, mode="eval").body
    except SyntaxError as error:
        rest = source[(error.offset or 1) - 1 :]
        raise ExpressionError(f"{error.msg} at {rest!r}" if rest else "the expression is incomplete") from None
    with localcontext(_EXACT) as context:
        try:
            value = _value(tree, source)
        except DecimalException as error:
            raise ExpressionError(_why(error)) from None
        return _written(value, exact=not context.flags[Inexact])


def _python(expression: str) -> str:
    """Translate the tokens to Python, one space between them. Numbers lose leading zeros and stray underscores."""
    tokens: list[str] = []
    at, depth, end = 0, 0, len(expression.rstrip())
    while at < end:
        found = _TOKEN.match(expression, at)
        if not found:
            raise ExpressionError(f"{expression[at:].strip()[0]!r} is not understood")
        word = found[0].strip()
        depth += (word == "(") - (word == ")")
        _check_depth(depth)
        tokens.append(str(Decimal(word)) if found["number"] else _PYTHON.get(word, word))
        at = found.end()
    return " ".join(tokens)


def _value(node: ast.expr, source: str, depth: int = 0) -> Decimal:
    """Evaluate a node. `depth` counts the signs, powers and factorials around it."""
    _check_depth(depth)
    match node:
        case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
            return +Decimal(source[node.col_offset : node.end_col_offset])  # the digits: a float would lose some
        case ast.Name(id=name) if name in _CONSTANTS:
            return _inexact(Decimal(_CONSTANTS[name]))
        case ast.Name(id=name) if name in _FUNCTIONS:
            raise ExpressionError(f"{name} is a function: {name}(...)")
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as op, operand=operand):
            value = _value(operand, source, depth + 1)
            return -value if isinstance(op, ast.USub) else value
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            base, exponent = _value(left, source, depth + 1), _value(right, source, depth + 1)
            return Decimal(1) if base == exponent == 0 else base**exponent
        case ast.BinOp():
            return _chain(node, source, depth)
        case ast.Subscript(value=operand):
            return _factorial(_value(operand, source, depth + 1))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS:
            least, most, function = _FUNCTIONS[name]
            if not least <= len(args) <= most:
                count = f"{least} to {most} values" if most > 1 else "one value"
                raise ExpressionError(f"{name} takes {count}")
            return function(*(_value(argument, source, depth) for argument in args))
        case _:
            raise ExpressionError(f"{ast.unparse(node)!r} is not understood")


def _chain(node: ast.BinOp, source: str, depth: int) -> Decimal:
    """Evaluate a chain such as 1 + 2 - 3 from its left end, in a loop: a long sum is not deep."""
    steps: list[ast.BinOp] = []
    left: ast.expr = node
    while isinstance(left, ast.BinOp) and not isinstance(left.op, ast.Pow):
        steps.append(left)
        left = left.left
    value = _value(left, source, depth)
    for step in reversed(steps):
        if type(step.op) not in _OPERATORS:
            raise ExpressionError(f"{ast.unparse(step)!r} is not understood")
        value = _OPERATORS[type(step.op)](value, _value(step.right, source, depth))
    return value


def _check_depth(depth: int) -> None:
    if depth > DEEPEST:
        raise ExpressionError(f"the expression is nested deeper than {DEEPEST}")


def _floor(value: Decimal) -> Decimal:
    return value.to_integral_value(ROUND_FLOOR)


def _ceiling(value: Decimal) -> Decimal:
    return value.to_integral_value(ROUND_CEILING)


def _whole(a: Decimal, b: Decimal) -> Decimal:
    """Divide and round down. The division truncates, so rounding of its digits cannot raise the quotient."""
    whole, rest = divmod(a, b)
    return whole - 1 if rest and (rest < 0) != (b < 0) else whole


def _rest(a: Decimal, b: Decimal) -> Decimal:
    """Return the remainder with the sign of the divisor, as Python does."""
    return a - b * _whole(a, b)


def _factorial(value: Decimal) -> Decimal:
    if value != value.to_integral_value() or not 0 <= value <= _LARGEST_FACTORIAL:
        raise ExpressionError(f"a factorial takes a whole number from 0 to {_LARGEST_FACTORIAL}")
    return Decimal(factorial(int(value)))


def _round(value: Decimal, places: Decimal = Decimal(0)) -> Decimal:
    if places != places.to_integral_value() or abs(places) > 100:
        raise ExpressionError("round takes a whole number of places up to 100")
    return value.quantize(Decimal(1).scaleb(-int(places)))


def _inexact(value: Decimal) -> Decimal:
    """Return the same value, but set the context's Inexact flag."""
    return value + Decimal("1e-9000") - Decimal("1e-9000")


def _float(function: Callable[[float], float]) -> Callable[[Decimal], Decimal]:
    """Wrap a function of the math module, rounded to 15 decimal places so that sin(pi) is 0."""

    def over_floats(value: Decimal) -> Decimal:
        try:
            return _inexact(Decimal(repr(round(function(float(value)), 15))))
        except (ValueError, OverflowError):
            raise ExpressionError("a function has no value at that argument") from None

    return over_floats


def _why(error: DecimalException) -> str:
    return {
        "DivisionByZero": "division by zero",
        "DivisionUndefined": "division by zero",
        "Overflow": "the number is too large",
    }.get(type(error).__name__, "the expression has no value among the real numbers, or needs too many digits")


def _written(value: Decimal, *, exact: bool) -> str:
    if not value.is_finite():
        raise ExpressionError("the expression has no value")
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
_OPERATORS: Mapping[type[ast.operator], Callable[[Decimal, Decimal], Decimal]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.FloorDiv: _whole,
    ast.Mod: _rest,
}
# Least and most arguments, and the function.
_FUNCTIONS: Mapping[str, tuple[int, int, Callable[..., Decimal]]] = {
    "sqrt": (1, 1, Decimal.sqrt),
    "abs": (1, 1, abs),
    "round": (1, 2, _round),
    "floor": (1, 1, _floor),
    "ceil": (1, 1, _ceiling),
    "min": (1, 50, lambda *values: min(values)),
    "max": (1, 50, lambda *values: max(values)),
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
