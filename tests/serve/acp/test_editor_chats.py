"""`termchat acp` as a process, driven by the client of the package: conversations, approvals, ends, saved chats."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from acp.exceptions import RequestError
from acp.schema import (
    BlobResourceContents,
    ClientCapabilities,
    EmbeddedResourceContentBlock,
    EnvVariable,
    FileSystemCapabilities,
    ImageContentBlock,
    McpServerStdio,
    ResourceContentBlock,
    TextContentBlock,
    TextResourceContents,
)

from tests.cli.conftest import KEY, Program
from tests.gateway import Call, Cut, Finish, Gate, Reasoning, Reply, Stall, Text, Usage, fault
from tests.gateway.requests import RecordedRequest
from tests.serve.acp.editor import EditorClient, editing

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 8
MODEL = ("-m", "xopenai/gpt-5.2")


async def test_conversation_with_approvals_runs_edits_and_is_saved(program: Program) -> None:
    edit = Call("write_file", {"path": "new.txt", "text": "made\n"})
    program.gateway.reply(
        Reply(Reasoning("hm"), Text("I ", "write. "), edit), Reply(Text("Done 你好 😀")),
        Reply(Call("run_shell", {"command": "echo no > denied.txt"})), Reply(Text("Not run.")),
    )  # fmt: skip
    client = EditorClient(["once", "no"])
    async with editing(program, *MODEL, "--tools", "all", client=client) as editor:
        session = await editor.begin(program.cwd)
        assert await editor.ask(session, "write") == "end_turn"
        assert client.text() == "I write. Done 你好 😀"
        assert client.text("agent_thought_chunk") == "hm"
        assert (program.cwd / "new.txt").read_text() == "made\n"
        (asked, options), started, ended = client.questions[0], *(client.of(f"tool_call{k}") for k in ("", "_update"))
        assert [option.kind for option in options] == ["allow_once", "allow_always", "allow_always", "reject_once"]
        assert asked.tool_call_id == started[0].tool_call_id == ended[-1].tool_call_id
        assert started[0].kind == "edit" and ended[-1].status == "completed"
        assert asked.content[0].new_text == "made\n" and asked.content[0].path == str(program.cwd / "new.txt")
        assert client.of("session_info_update")[0].title == "write"
        assert await editor.ask(session, "run it") == "end_turn"
        assert not (program.cwd / "denied.txt").exists()
        assert client.of("tool_call_update")[-1].status == "failed"
        client.updates.clear()
        await editor.agent.load_session(cwd=str(program.cwd), session_id=session, mcp_servers=[])
        assert client.text() == "I write. Done 你好 😀Not run." and client.text("user_message_chunk") == "writerun it"
        assert [call.title.split()[0] for call in client.of("tool_call")] == ["write_file", "run_shell"]
        assert [call.status for call in client.of("tool_call_update")] == ["completed", "failed"]
        assert await editor.leave() == ""
    assert editor.process.returncode == 0
    rows = json.loads(program.run("usage", "--json").out)
    assert [(row["key"], row["requests"]) for row in rows] == [("xopenai/gpt-5.2", 4)]


async def test_approval_for_chat_answers_same_call_later(program: Program) -> None:
    calls = [Call("write_file", {"path": "a.txt", "text": text}) for text in ("b", "c")]
    program.gateway.reply(*(Reply(call) for call in calls), Reply(Text("ok")))
    async with editing(program, *MODEL, "--tools", "all", client=EditorClient(["chat"])) as editor:
        assert await editor.ask(await editor.begin(program.cwd), "go") == "end_turn"
        assert len(editor.client.questions) == 1
        assert [update.status for update in editor.client.of("tool_call_update")].count("completed") == 2


@pytest.mark.parametrize("answer", ["", "bogus", "saved-not-offered"])
async def test_answer_that_is_no_yes_declines_call(program: Program, answer: str) -> None:
    program.gateway.reply(Reply(Call("write_file", {"path": "a", "text": "b"})), Reply(Text("ok")))
    async with editing(program, *MODEL, "--tools", "all", client=EditorClient([answer])) as editor:
        assert await editor.ask(await editor.begin(program.cwd), "go") == "end_turn"
        assert not (program.cwd / "a").exists()


async def test_tools_are_off_until_editor_turns_them_on(program: Program) -> None:
    (program.cwd / "note.txt").write_text("milk")
    read = Call("read_file", {"path": "note.txt"})
    program.gateway.reply(Reply(Text("plain")), Reply(read), Reply(Text("milk")))
    async with editing(program, *MODEL) as editor:
        session = await editor.begin(program.cwd)
        await editor.ask(session, "one")
        await editor.agent.set_session_mode(mode_id="read", session_id=session)
        assert await editor.ask(session, "two") == "end_turn"
        assert [option.current_value for option in editor.client.of("config_option_update")[0].config_options][
            2
        ] == "read"
        assert editor.client.of("tool_call")[0].locations[0].path == str(program.cwd / "note.txt")
        assert "milk" in editor.client.of("tool_call_update")[-1].content[0].content.text
    bodies = [request.body for request in program.gateway.asked]
    assert "tools" not in bodies[0]
    names = {tool["function"]["name"] for tool in bodies[1]["tools"]}
    assert "read_file" in names and "run_shell" not in names


async def test_cancel_in_mid_stream_keeps_text_and_ends_cancelled(program: Program) -> None:
    program.gateway.reply(Reply(Text("half"), Stall()), Reply(Text("again")))
    async with editing(program, *MODEL) as editor:
        session = await editor.begin(program.cwd)
        asking = asyncio.create_task(editor.ask(session, "go"))
        await editor.client.until_text("half")
        with pytest.raises(RequestError, match="A reply is running"):
            await editor.ask(session, "second")
        await editor.agent.cancel(session)
        assert await asking == "cancelled"
        assert await editor.ask(session, "go on") == "end_turn"
        assert "half" in str(program.gateway.asked[-1].body)


async def test_cancel_while_question_waits_declines_and_ends_cancelled(program: Program) -> None:
    program.gateway.reply(Reply(Call("write_file", {"path": "a", "text": "b"})))
    async with editing(program, *MODEL, "--tools", "all") as editor:
        session = await editor.begin(program.cwd)
        asking = asyncio.create_task(editor.ask(session, "go"))
        await editor.client.until_question()
        await editor.agent.cancel(session)
        assert await asking == "cancelled"
        assert not (program.cwd / "a").exists()


@pytest.mark.parametrize(
    ("reply", "end"),
    [
        (Reply(Text("long"), finish=Finish.LENGTH), "max_tokens"),
        (Reply(Text("no"), finish=Finish.CONTENT_FILTER), "refusal"),
        (Reply(Text("half"), Cut()), "cut"),
        (fault.bad_key(), "failed"),
        (fault.context_full(), "failed"),
    ],
    ids=["length", "filter", "cut", "refused key", "too long"],
)
async def test_end_of_reply_is_told_truly(program: Program, reply: Any, end: str) -> None:
    program.gateway.expect_problems()
    program.gateway.reply(reply)
    async with editing(program, *MODEL, "--set", "max_retries=0") as editor:
        session = await editor.begin(program.cwd)
        if end in ("max_tokens", "refusal"):
            assert await editor.ask(session, "go") == end
            return
        with pytest.raises(RequestError, match=r"\.") as caught:
            await editor.ask(session, "go")
    assert KEY not in str(caught.value)
    assert (caught.value.code, caught.value.data["outcome"]) == (-32603, end)  # type: ignore[index]


async def test_saved_chat_is_listed_loaded_and_resumed(program: Program) -> None:
    program.gateway.reply(Reply(Reasoning("hm"), Text("first")), Reply(Text("second")), Reply(Text("third")))
    async with editing(program, *MODEL) as editor:
        session = await editor.begin(program.cwd)
        await editor.ask(session, "question one")
        await editor.leave()
    async with editing(program, *MODEL) as editor:
        await editor.agent.initialize(1)
        listed = (await editor.agent.list_sessions(cwd=str(program.cwd))).sessions
        assert [(row.session_id, row.title, row.cwd) for row in listed] == [(session, "question one", str(program.cwd))]
        assert (await editor.agent.list_sessions(cwd="/nowhere")).sessions == []
        await editor.agent.load_session(cwd=str(program.cwd), session_id=session, mcp_servers=[])
        seen = [(u.session_update, u.content.text) for u in editor.client.updates if hasattr(u, "content")]
        assert seen == [
            ("user_message_chunk", "question one"), ("agent_thought_chunk", "hm"), ("agent_message_chunk", "first"),
        ]  # fmt: skip
        await editor.ask(session, "question two")
        await editor.agent.close_session(session)
        with pytest.raises(RequestError, match="no open session"):
            await editor.ask(session, "x")
        editor.client.updates.clear()
        await editor.agent.resume_session(cwd=str(program.cwd), session_id=session, mcp_servers=[])
        assert editor.client.text() == ""
        await editor.ask(session, "question three")
        with pytest.raises(RequestError, match="chat"):
            await editor.agent.load_session(cwd=str(program.cwd), session_id="nosuchchat", mcp_servers=[])
    told = [message["content"] for message in program.gateway.asked[-1].body["messages"]]
    assert told == ["question one", "first", "question two", "second", "question three"]
    assert b"third" in program.run("chats", "export", session).out


async def test_signal_in_mid_stream_ends_prompt_and_saves_reply(program: Program) -> None:
    program.gateway.reply(Reply(Text("half"), Stall()))
    async with editing(program, *MODEL) as editor:
        session = await editor.begin(program.cwd)
        asking = asyncio.create_task(editor.ask(session, "go"))
        await editor.client.until_text("half")
        os.kill(editor.process.pid, signal.SIGTERM)
        assert await asking == "cancelled"
        assert await editor.ended() == ""
        assert editor.process.returncode == 0
    async with editing(program, *MODEL) as editor:
        await editor.agent.initialize(1)
        await editor.agent.load_session(cwd=str(program.cwd), session_id=session, mcp_servers=[])
        assert editor.client.text() == "half"


async def test_killed_editor_declines_question_and_chat_is_saved(program: Program) -> None:
    program.gateway.reply(Reply(Text("may I? "), Call("write_file", {"path": "a", "text": "b"})))
    async with editing(program, *MODEL, "--tools", "all") as editor:
        session = await editor.begin(program.cwd)
        asking = asyncio.create_task(editor.ask(session, "go"))
        await editor.client.until_question()
        assert editor.process.stdin and editor.process.stdout
        await editor.agent.close()
        editor.process.stdin.close()
        editor.process.stdout.close()
        assert await editor.ended() == ""
        asking.cancel()
    assert not (program.cwd / "a").exists()
    assert b"may I?" in program.run("chats", "export", session).out


async def test_editor_that_reads_no_more_ends_agent_and_chat_is_saved(program: Program) -> None:
    gate = Gate()
    program.gateway.reply(Reply(Text("half "), gate, Text.words("and so on " * 50), Stall()))
    async with editing(program, *MODEL) as editor:
        session = await editor.begin(program.cwd)
        asking = asyncio.create_task(editor.ask(session, "go"))
        await editor.client.until_text("half")
        editor.drop_output()
        gate.open()
        assert await editor.ended() == ""
        with pytest.raises(ConnectionError):
            await asking
    assert b"half" in program.run("chats", "export", session).out


async def test_several_sessions_stream_at_once_in_their_own_directories(program: Program, tmp_path: Path) -> None:
    gates = [Gate(), Gate()]
    folders = [tmp_path / "one", tmp_path / "two"]
    async with editing(program, *MODEL) as editor:
        sessions: list[str] = []
        for folder in folders:
            folder.mkdir()
            sessions.append(await editor.begin(folder))
        program.gateway.reply(*(Reply(Text("a"), gate, Text("b")) for gate in gates))
        asking = [asyncio.create_task(editor.ask(name, "go")) for name in sessions]
        await editor.client.until_text("aa")
        for gate in reversed(gates):
            gate.open()
        assert [await task for task in asking] == ["end_turn", "end_turn"]
        listed = (await editor.agent.list_sessions()).sessions
        assert {(row.session_id, row.cwd) for row in listed} == {
            (n, str(f)) for n, f in zip(sessions, folders, strict=True)
        }


async def test_prompt_attaches_pictures_resources_and_links(program: Program) -> None:
    (program.cwd / "linked.md").write_text("linked text")
    (program.cwd / ".env").write_text("PASSWORD=hunter2hunter2")
    program.gateway.reply(Reply(Text("seen")), Reply(Text("seen")))
    uri = f"file://{program.cwd}"
    blocks = [
        TextContentBlock(type="text", text="look: "),
        ImageContentBlock(type="image", data=base64.b64encode(PNG).decode(), mime_type="image/png"),
        EmbeddedResourceContentBlock(
            type="resource", resource=TextResourceContents(uri=f"{uri}/buffer.py", text="unsaved = 1")
        ),
        ResourceContentBlock(type="resource_link", uri=f"{uri}/linked.md", name="linked.md"),
        ResourceContentBlock(type="resource_link", uri=f"{uri}/.env", name=".env"),
        ResourceContentBlock(type="resource_link", uri="zed:///agent/thread/7", name="thread"),
        ResourceContentBlock(type="resource_link", uri="http://[bad", name="bad"),
    ]
    async with editing(program, *MODEL, client=EditorClient(["no"])) as editor:
        session = await editor.begin(program.cwd)
        assert (await editor.agent.prompt(session, blocks)).stop_reason == "end_turn"
        assert ".env may hold secrets" in editor.client.questions[0][0].title
        broken = BlobResourceContents(uri="file:///a.bin", blob="AAEC/w==")
        refused: list[list[Any]] = [
            [EmbeddedResourceContentBlock(type="resource", resource=broken)],
            [ImageContentBlock(type="image", data="!!!", mime_type="image/png")],
            [ImageContentBlock(type="image", data="aGVsbG8=", mime_type="image/png")],
            [ResourceContentBlock(type="resource_link", uri=f"{uri}/gone.md", name="gone")],
            [ResourceContentBlock(type="resource_link", uri="file:///a%00b", name="a")],
            [TextContentBlock(type="text", text="  ")],
        ]
        for bad in refused:
            with pytest.raises(RequestError, match=r"Cannot attach|empty"):
                await editor.agent.prompt(session, bad)
    sent = str(program.gateway.asked[0].body)
    assert "iVBORw" in sent and "unsaved = 1" in sent and "linked text" in sent and "zed:///agent" in sent
    assert "hunter2" not in sent and len(program.gateway.asked) == 1


async def test_linked_file_is_sent_as_editor_has_it(program: Program) -> None:
    for name in ("open.py", "closed.py"):
        (program.cwd / name).write_text(f"{name} on disk")
    client = EditorClient(buffers={str(program.cwd / "open.py"): "typed and not saved"})
    links = [
        ResourceContentBlock(type="resource_link", uri=f"file://{program.cwd}/{name}", name=name)
        for name in ("open.py", "closed.py")
    ]
    program.gateway.reply(Reply(Text("seen")))
    async with editing(program, *MODEL, client=client) as editor:
        reads = ClientCapabilities(fs=FileSystemCapabilities(read_text_file=True))
        await editor.agent.initialize(1, client_capabilities=reads)
        session = (await editor.agent.new_session(str(program.cwd), mcp_servers=[])).session_id
        await editor.agent.prompt(session, [*links])
    sent = str(program.gateway.asked[0].body)
    assert "typed and not saved" in sent and "open.py on disk" not in sent and "closed.py on disk" in sent


async def test_key_in_prompt_is_sent_only_after_yes(program: Program) -> None:
    program.gateway.reply(Reply(Text("ok")))
    async with editing(program, *MODEL, client=EditorClient(["no", "yes"])) as editor:
        session = await editor.begin(program.cwd)
        assert await editor.ask(session, f"use {KEY}") == "end_turn"
        assert not program.gateway.asked and KEY not in str(editor.client.questions)
        assert await editor.ask(session, f"use {KEY}") == "end_turn"
        assert len(program.gateway.asked) == 1


async def test_commands_print_and_choices_change_next_request(program: Program) -> None:
    program.gateway.reply(Reply(Text("one")), Reply(Text("two")), Reply(Text("three")))
    async with editing(program, *MODEL) as editor:
        session = await editor.begin(program.cwd)
        await editor.ask(session, "hi")
        names = [command.name for command in editor.client.of("available_commands_update")[0].available_commands]
        assert {"compact", "retry", "usage"} <= {*names}
        assert await editor.ask(session, "/usage") == "end_turn"
        assert "| xopenai/gpt-5.2 |" in editor.client.text()
        assert await editor.ask(session, "/retry") == "end_turn"
        await editor.ask(session, "/rename A title")
        assert editor.client.of("session_info_update")[-1].title == "A title"
        changed = await editor.agent.set_config_option(
            config_id="model", session_id=session, value="xresponses/gpt-5.2"
        )
        assert changed and changed.config_options[0].current_value == "xresponses/gpt-5.2"
        await editor.agent.set_config_option(config_id="thought_level", session_id=session, value="high")
        for option, value in (("model", "no/such"), ("thought_level", "huge"), ("mode", "root"), ("other", "x")):
            with pytest.raises(RequestError):
                await editor.agent.set_config_option(config_id=option, session_id=session, value=value)
        await editor.ask(session, "/unknown is text")
    last = program.gateway.asked[-1].body
    assert last["reasoning"]["effort"] == "high" and "/unknown is text" in str(last)


async def test_editor_is_told_of_no_command_that_it_lacks(program: Program) -> None:
    questions = ("one", "two", "three", "/compact")
    program.gateway.reply(*(Reply(Text("yes")) for _ in questions))
    async with editing(program, *MODEL) as editor:
        session = await editor.begin(program.cwd)
        for words in questions:
            assert await editor.ask(session, words) == "end_turn"
        told = editor.client.text("agent_thought_chunk")
        assert "Compacted: about " in told
        assert "/undo" not in told


async def test_prompt_over_budget_is_error_and_not_sent(program: Program) -> None:
    async with editing(program, "-m", "xanthropic/claude-opus-5", "--max-cost", "0.000001") as editor:
        session = await editor.begin(program.cwd)
        with pytest.raises(RequestError, match=r"0\.000001|limit|budget") as caught:
            await editor.ask(session, "hi")
    assert caught.value.data["outcome"] == "budget" and not program.gateway.asked  # type: ignore[index]


async def test_usage_update_has_window_and_cost_of_session(program: Program) -> None:
    assert program.run("models", "xanthropic/").code == 0  # the listing has the size of the window
    program.gateway.reply(Reply(Text("one"), usage=Usage(1_000, 20)), Reply(Text("two"), usage=Usage(3_000, 20)))
    async with editing(program, "-m", "xanthropic/claude-opus-5") as editor:
        session = await editor.begin(program.cwd)
        for _ in range(2):
            await editor.ask(session, "hi")
        found = [(update.used, update.size) for update in editor.client.of("usage_update")]
        costs = [update.cost.amount for update in editor.client.of("usage_update")]
    assert found == [(1_020, 200_000), (3_020, 200_000)]
    assert 0 < costs[0] < costs[1]


async def test_mcp_server_of_editor_is_connected_when_tools_are_on(program: Program) -> None:
    server = McpServerStdio(
        name="my dice!", command=sys.executable, args=["-m", "termchat.tools.mcp.demo_server"],
        env=[EnvVariable(name="PYTHONPATH", value=str(Path(__file__).parents[3]))],
    )  # fmt: skip

    def answer(request: RecordedRequest) -> Reply:
        if request.body["messages"][-1]["role"] != "tool" and "mcp_my-dice_dice" in str(request.body.get("tools")):
            return Reply(Call("mcp_my-dice_dice", {"sides": 6, "seed": 1}))
        return Reply(Text("fine"))

    program.gateway.always(answer)
    async with editing(program, *MODEL, client=EditorClient(["once"])) as editor:
        session = await editor.begin(program.cwd, [server])
        await editor.ask(session, "roll")
        await editor.ask(session, "roll")
        assert editor.client.text("agent_thought_chunk").count("not used while tools are off: my-dice") == 1
        await editor.agent.set_session_mode(mode_id="all", session_id=session)
        while not editor.client.questions:  # a question does not wait long for a server that starts slowly
            assert await editor.ask(session, "roll") == "end_turn"
        assert editor.client.of("tool_call_update")[-1].status == "completed"


async def test_no_save_and_no_tools_leave_out_chats_and_servers(program: Program) -> None:
    program.gateway.reply(Reply(Text("ok")))
    server = McpServerStdio(name="dice", command="dice", args=[], env=[])
    async with editing(program, *MODEL, "--no-save", "--no-tools") as editor:
        capabilities = (await editor.agent.initialize(1)).agent_capabilities
        assert capabilities and not capabilities.load_session
        opened = await editor.agent.new_session(str(program.cwd), mcp_servers=[server])
        assert opened.modes is None
        assert await editor.ask(opened.session_id, "hi") == "end_turn"
        assert "left out: dice. Tools are off (--no-tools)." in editor.client.text("agent_thought_chunk")
        assert (await editor.agent.list_sessions()).sessions == []
        with pytest.raises(RequestError, match="--no-save"):
            await editor.agent.load_session(cwd=str(program.cwd), session_id=opened.session_id, mcp_servers=[])
    assert b"hi" not in program.run("chats").out


async def test_missing_key_is_told_with_next_step(program: Program) -> None:
    program.configure("")
    async with editing(program) as editor:
        methods = (await editor.agent.initialize(1)).auth_methods
        assert methods and methods[0].id == "login"
        for request in (editor.agent.new_session(str(program.cwd)), editor.agent.authenticate("login")):
            with pytest.raises(RequestError, match=r"No API key\. Set OPENAI_API_KEY .* termchat login") as caught:
                await request
            assert caught.value.code == -32000
        program.configure(f'[providers.x]\nkey = "{KEY}"\nmodel = "m"\nopenai = "{program.gateway.url}/v1"\n')
        await editor.agent.authenticate("login")
        assert (await editor.agent.new_session(str(program.cwd))).session_id
