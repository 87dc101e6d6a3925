"""Chats of an editor after an internal error."""

from __future__ import annotations

import asyncio
import json

import pytest
from acp.exceptions import RequestError

from tests.cli.conftest import Program
from tests.gateway import Reply, Text
from tests.serve.acp.editor import editing
from tests.serve.damaged_budget import damaged_budget

MODEL = ("-m", "xopenai/gpt-5.2")


async def test_chat_that_could_not_be_loaded_is_free_for_others(program: Program) -> None:
    program.gateway.reply(Reply(Text("one")), Reply(Text("two")))
    program.configure(f'max_cost = "5"\n{(program.home / ".config" / "termchat" / "config.toml").read_text()}')
    assert program.run(*MODEL, "-n", "first").out == b"one"
    async with editing(program, *MODEL) as editor:
        await editor.agent.initialize(1)
        [listed] = (await editor.agent.list_sessions()).sessions
        with damaged_budget(program.home), pytest.raises(RequestError, match="Internal error"):
            await editor.agent.load_session(str(program.cwd), listed.session_id)
        done = await asyncio.to_thread(program.run, "-n", "--chat", listed.session_id, "--json", "second")
        assert json.loads(done.out)["chat_id"] == listed.session_id, done
