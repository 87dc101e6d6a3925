"""Tools and prices that do nothing: a test extends them by what it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from termchat.core.approval import ApprovalRequest, ApprovalScope, Permit, PromptRow, RuleRow, ToolRow
from termchat.core.messages import ToolCall, ToolResult
from termchat.core.models import ModelRef
from termchat.core.provider import ToolSpec
from termchat.core.usage import Usage


class BareTools:
    """Tools that let every call run; a test adds `run`."""

    specs: tuple[ToolSpec, ...] = ()
    resources = None

    async def judge(self, call: ToolCall) -> Permit | ApprovalRequest | ToolResult:
        return Permit()

    async def add_rule(self, rule: str, scope: ApprovalScope) -> str:
        return ""

    async def remove_rule(self, rule: str) -> str:
        return ""

    def prompts(self) -> tuple[PromptRow, ...]:
        return ()

    async def prompt(self, name: str, arguments: Mapping[str, str]) -> str:
        return name

    def rules(self) -> tuple[RuleRow, ...]:
        return ()

    def tools(self) -> tuple[ToolRow, ...]:
        return ()

    def offer(self, names: Sequence[str], *, on: bool) -> str:
        return ""

    def begin_chat(self) -> None:
        pass

    def prepare(self) -> None:
        return None

    async def close(self) -> None:
        pass


class BarePrices:
    """Prices that are exact, but unknown for every model."""

    def preload(self) -> None:
        pass

    def is_approximate(self, model: ModelRef) -> bool:
        return False

    def is_free(self, model: ModelRef) -> bool:
        return False

    async def cost(self, model: ModelRef, usage: Usage, at: float | None = None) -> Decimal | None:
        return None
