"""The tool `calculate`."""

from __future__ import annotations

from typing import Annotated

from termchat.core.approval import ToolEffect
from termchat.tools.calculator import ExpressionError, evaluate
from termchat.tools.registry import ToolError, ToolOutput, tool


@tool(effect=ToolEffect.READ)
async def calculate(
    expression: Annotated[str, "For example 2*(3+4), 15/100*80, sqrt(2), round(2/3, 4), 10!, 2**100, 17 % 5"],
) -> ToolOutput:
    """Evaluate an arithmetic expression exactly: + - * / // % ** ^ !, brackets, and functions such as sqrt, round,
    floor, ceil, min, max, ln, log (base 10), log2, exp, sin, cos, tan; constants pi and e."""
    try:
        return f"{expression.strip()} = {evaluate(expression)}"
    except ExpressionError as error:
        return ToolError(f"cannot evaluate the expression: {error}")
