"""Run every fault through the engine: outcome, message, tries, saved text, and the next question."""

from __future__ import annotations

from pathlib import Path

import pytest

from termchat.core.errors import exit_code
from termchat.core.events import MessageDone, Retrying, Streamed
from termchat.core.messages import Role
from termchat.core.models import ApiProtocol, ModelRef, Timeouts
from termchat.core.outcomes import Outcome
from termchat.tools.toolbox import Toolbox, ToolboxConfig
from tests.engine.support import ask, ended, session, streamed_text
from tests.faults.table import FAULTS, OK, row
from tests.gateway import Gateway
from tests.providers.support import KEY, PROTOCOLS

SHORT = Timeouts(first_content=1, idle=1, no_event=2)  # only where a timeout ends the request: a busy machine is slow


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", FAULTS)
async def test_engine_fault_matches_table_row(gateway: Gateway, protocol: ApiProtocol, name: str) -> None:
    case = row(name, protocol)
    gateway.reply(*case.answers)
    base = case.address(gateway.url)
    plan = {
        "timeouts": SHORT if case.hangs else Timeouts(),
        "max_rounds": 3,
        "tools": Toolbox(ToolboxConfig(Path("/nowhere"))),
    }
    async with session(gateway, protocol, url=base, fields={"key": case.key}, **plan) as chat:
        events = await ask(chat, "hello")
        end = ended(events)

        assert exit_code(end.outcome, end.failure) == case.code, end
        assert case.outcome in (None, end.outcome)
        assert len(gateway.asked) == case.asked
        assert streamed_text(events) == case.text
        sentence = f"{end.failure.message} {end.failure.hint}" if end.failure else ""
        assert not end.failure or case.words in sentence
        assert KEY not in sentence
        assert len(sentence) < 700
        assert not set(sentence) & set("\x1b\n\x7f<")
        retries = [e.delta for e in events if isinstance(e, Streamed) and isinstance(e.delta, Retrying)]
        assert len(retries) == case.retries
        kept = [e.message for e in events if isinstance(e, MessageDone) and e.message.role is Role.ASSISTANT]
        assert "".join(message.text for message in kept) == case.text
        assert end.outcome is Outcome.LIMIT or all(message.outcome is end.outcome for message in kept[-1:])

        gateway.forget()
        gateway.reply(OK)
        elsewhere = None if case.asked else ModelRef("second", "gpt-5.2")
        assert ended(await ask(chat, "and now?", elsewhere)).outcome is Outcome.COMPLETE
