"""The calculator, compared with Python's fractions."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.tools.calculator import ExpressionError, evaluate

_numbers = st.integers(0, 10**12).map(lambda n: (str(n), Fraction(n))) | st.decimals(
    0, 1000, places=3, allow_nan=False, allow_infinity=False
).map(lambda d: (f"{d:f}", Fraction(d)))
_Valued = tuple[str, Fraction]


def _joined(parts: tuple[_Valued, str, _Valued]) -> _Valued:
    (a, x), sign, (b, y) = parts
    return f"({a}) {sign} ({b})", {"+": x + y, "-": x - y, "*": x * y}[sign]


_expressions = st.recursive(
    _numbers, lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(_joined), max_leaves=8
)


@given(_expressions)
def test_calculator_sums_and_products_are_exact(expression: tuple[str, Fraction]) -> None:
    text, value = expression
    assert Fraction(evaluate(text)) == value


@given(st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9).filter(bool))
def test_calculator_quotient_and_remainder_match_python(a: int, b: int) -> None:
    assert evaluate(f"({a}) // ({b})") == str(a // b)
    assert evaluate(f"({a}) % ({b})") == str(a % b)


@given(st.text("0123456789.+-*/%^()!, eE_sqrtpiminlogx×÷", max_size=40) | st.text(max_size=20))
def test_calculator_any_text_gives_value_or_reason(text: str) -> None:
    try:
        shown = evaluate(text)
    except ExpressionError as error:
        shown = str(error)
    assert shown


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("2*(3+4)", "14"),
        ("0.1+0.2", "0.3"),
        ("1/8", "0.125"),
        ("1/3", "0." + 28 * "3"),
        ("1/3*3", "1"),
        ("-2**2", "-4"),
        ("2**-2", "0.25"),
        ("2**3**2", "512"),
        ("2^10", "1024"),
        ("2**100", str(2**100)),
        ("0**0", "1"),
        ("10!", "3628800"),
        ("sqrt(16) + abs(-2)", "6"),
        ("round(2/3, 4)", "0.6667"),
        ("max(1, 2, 3) - min(4, 5)", "-1"),
        ("sin(pi)", "0"),
        ("log(1000)", "3"),
        ("3×4÷2−1", "5"),
        ("（1+2）*3", "9"),
        ("1_000 + 1", "1001"),
        ("2e3", "2000"),
        ("2**2000", "1.148130695274254524232833201e+602"),
    ],
)
def test_calculator_expression_gives_value(expression: str, value: str) -> None:
    assert evaluate(expression) == value


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("", "incomplete"),
        ("2*", "invalid syntax"),
        ("(1+2", "was never closed"),
        ("1 2", "invalid syntax"),
        ("1/0", "division by zero"),
        ("9**9**9", "too large"),
        ("9**9**9**9", "too large"),
        ("1e999999 * 10", "too large"),
        ("1000!", "factorial"),
        ("2.5!", "factorial"),
        ("sqrt(-1)", "no value"),
        ("asin(2)", "no value"),
        ("round(1, 1000)", "round"),
        ("__import__('os')", "is not understood"),
        ("a.b", "is not understood"),
        ("sqrt", "is a function"),
        ("sqrt(1, 2)", "sqrt takes one value"),
        ("round()", "round takes 1 to 2 values"),
        ("(" * 500 + "1", "nested deeper"),
        ("-" * 500 + "1", "nested deeper"),
        ("1+" * 600 + "1", "longer than"),
    ],
)
def test_calculator_invalid_expression_names_reason(expression: str, why: str) -> None:
    with pytest.raises(ExpressionError, match=why.replace("(", r"\(").replace(")", r"\)")):
        evaluate(expression)
