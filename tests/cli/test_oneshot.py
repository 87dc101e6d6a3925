"""One-shot: the Unix filter, over all four protocols."""

from __future__ import annotations

import json
import os
import signal
import subprocess

import pytest

from tests.cli.conftest import KEY, PATIENCE, PROTOCOLS, Program, on_terminal
from tests.fork_server import ProgramProcess
from tests.gateway import Block, Call, Citation, Reasoning, Refusal, Reply, Search, Stall, Text, fault

REPLY = "# Héllo\r\n\n你好 🙂 \x1b[31mred\x1b[0m\ttab\x07\n```py\nx = 1\n```\n\nno line end"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_oneshot_pipe_gets_exact_bytes_of_reply(program: Program, protocol: str) -> None:
    pieces = [REPLY[n : n + 3] for n in range(0, len(REPLY), 3)]
    program.gateway.reply(Reply(Reasoning("let me think"), Text(*pieces)))
    done = program.run("-m", f"x{protocol}/any", "say", "it")
    assert done.out == REPLY.encode()
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("reply", "code", "words"),
    [
        (Reply(Text("so ", "far"), fault.cut()), 5, "incomplete"),
        (Reply(Text("so ", "far"), finish="length"), 3, "token limit"),
        (Reply(Text("so ", "far"), finish="content_filter"), 4, "filter"),
        (Reply(Text("so ", "far"), Stall()), 6, "No data for"),
    ],
    ids=["cut", "length", "filter", "stall"],
)
def test_oneshot_incomplete_reply_is_printed_with_reason_and_code(
    program: Program, protocol: str, reply: Reply, code: int, words: str
) -> None:
    program.gateway.reply(reply)
    done = program.run("-m", f"x{protocol}/any", "--idle-timeout", "2", "go on")
    if protocol == "anthropic" and code == 4:
        words = "declined"  # Anthropic reports a filter as a refusal
    assert (done.out, done.code) == (b"so far", code)
    assert words in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("status", "code", "tries", "words"),
    [(401, 77, 1, "refused the key"), (429, 75, 2, "Rate limited"), (529, 75, 2, "overloaded"), (500, 1, 2, "500")],
)
def test_oneshot_error_status_gives_message_tries_and_code(
    program: Program, protocol: str, status: int, code: int, tries: int, words: str
) -> None:
    program.gateway.always(fault.status(status, echo_key=True, retry_after="0.01"))
    done = program.run("-m", f"x{protocol}/any", "hello")
    assert (done.code, done.out, len(program.gateway.asked)) == (code, b"", tries)
    assert words in done.err
    assert KEY not in done.err


FLAGS = ("--temperature", "0.25", "--top-p", "0.75", "--stop", "END", "--stop", "FIN", "--seed", "7")


PAGE = Citation("https://a.example/x", "A\x1b[1m")
SEARCHED = Reply(Search("tea", (PAGE,)), Text("Tea "), Block(), Text("is hot."), PAGE)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_oneshot_search_prints_sources_on_stderr_only(program: Program, protocol: str) -> None:
    program.gateway.always(SEARCHED)
    done = program.run("-m", f"x{protocol}/any", "--search", "--tools", "read", "tea?")
    notice = "termchat: any does not support web search; left out.\n" if protocol == "openai" else ""
    asked = "" if protocol == "openai" else "termchat: ● searched the web · tea\n"
    tools = "termchat: any does not support tools together with a reply schema or web search; left out.\n"
    notice = tools if protocol == "gemini" else notice
    sources = "Sources:\n1. A␛[1m (https://a.example/x)\n"
    assert (done.out, done.err, done.code) == (b"Tea is hot.", f"{notice}{asked}{sources}", 0)
    assert program.run("-q", "-m", f"x{protocol}/any", "--search", "tea?").err == ""


def test_search_sources_are_saved_and_exported(program: Program) -> None:
    program.gateway.always(SEARCHED)
    program.run("-m", "xanthropic/any", "--search", "tea?")
    for form, words in (
        ("md", "Sources:\n\n1. [A␛[1m](<https://a.example/x>)"),
        ("txt", "[searched the web: tea]\nTea is hot.\nSources:\n1. A"),
        (
            "html",
            '<p>Tea is hot.</p>\n\n<p class="note">Sources:</p>\n<ol class="note"><li><a href="https://a.example/x">A',
        ),
        ("json", '"citations": [["https://a.example/x"'),
    ):
        exported = program.run("chats", "export", "--format", form, "tea?").out.decode()
        plain = exported.replace("\x1b", "␛").replace("\\[", "[")
        assert words in plain or words in plain.replace('":[', '": ['), exported
    program.gateway.reply(Reply.text("ok"))
    assert program.run("-m", "xanthropic/any", "--search", "--chat", "tea?", "sure?").code == 0
    blocks = program.gateway.asked[-1].body["messages"][1]["content"]
    assert [block["type"] for block in blocks] == ["server_tool_use", "web_search_tool_result", "text", "text"]
    assert blocks[3]["citations"]


def test_oneshot_refusal_prints_reason_of_provider(program: Program) -> None:
    program.gateway.reply(Reply(Refusal("I will\nnot.\x1b[1m")))
    done = program.run("-m", "xanthropic/any", "do it")
    assert (done.out, done.code) == (b"", 4)
    assert "termchat: Reason given by the provider: I will not.␛[1m (general harms)\n" in done.err
    assert "the model declined" in done.err


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_oneshot_sampling_flags_are_sent(program: Program, protocol: str) -> None:
    program.gateway.reply(Reply.text("ok"))
    done = program.run("-m", f"x{protocol}/any", *FLAGS, "hello")
    assert (done.out, done.code) == (b"ok", 0)
    lacking = {"responses": "stop sequences, seed", "anthropic": "seed"}.get(protocol)
    assert done.err == (f"termchat: any does not support {lacking}; left out.\n" if lacking else "")
    body = program.gateway.asked[0].body
    sent = body | body.get("generationConfig", {})
    assert (sent["temperature"], sent.get("top_p", sent.get("topP"))) == (0.25, 0.75)
    stops = sent.get("stop", sent.get("stop_sequences", sent.get("stopSequences")))
    assert stops == (None if protocol == "responses" else ["END", "FIN"])
    assert sent.get("seed") == (7 if protocol in ("openai", "gemini") else None)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_oneshot_schema_reply_that_matches_exits_0(program: Program, protocol: str) -> None:
    reply = '{"name": "Ada", "age": 36}\n'
    program.gateway.reply(Reply.text(reply))
    done = program.run("-m", f"x{protocol}/any", "--schema", "name, age int", "who?")
    assert (done.out, done.err, done.code) == (reply.encode(), "", 0)
    assert '"additionalProperties": false' in json.dumps(program.gateway.asked[0].body)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ('{"name": "Ada", "age": "36"}', "The reply does not match the schema: age: '36' is not of type 'integer'."),
        ("Sure! Here you go.", "The reply is not JSON (Expecting value at 1:1)."),
    ],
)
def test_oneshot_schema_reply_that_differs_is_printed_and_exits_1(
    program: Program, protocol: str, reply: str, words: str
) -> None:
    program.gateway.reply(Reply.text(reply))
    done = program.run("-m", f"x{protocol}/any", "--schema", "name, age int", "who?")
    assert (done.out, done.err, done.code) == (reply.encode(), f"termchat: {words}\n", 1)


def test_oneshot_schema_incomplete_reply_exits_as_incomplete(program: Program) -> None:
    program.gateway.reply(Reply(Text('{"name": "A'), finish="length"), Reply.text('da", "age": 36}'))
    done = program.run("-m", "xopenai/any", "--schema", "name, age int", "who?")
    assert (done.out, done.code) == (b'{"name": "A', 3)
    program.gateway.forget()
    program.gateway.reply(Reply(Text('{"name": "A'), finish="length"), Reply.text('da", "age": 36}'))
    done = program.run("-q", "-m", "xopenai/any", "--continue-cut", "1", "--schema", "name, age int", "who?")
    assert (done.out, done.err, done.code) == (b'{"name": "Ada", "age": 36}', "", 0)


def test_oneshot_schema_checks_text_after_tool_calls(program: Program) -> None:
    program.gateway.reply(Reply(Text("I look."), Call("current_time")), Reply.text('{"now": "late"}'))
    done = program.run("-m", "xopenai/any", "--tools", "read", "--schema", "now", "what time is it?")
    assert (done.out, done.code) == (b'I look.\n{"now": "late"}', 0)


@pytest.mark.parametrize(
    ("given", "words"), [("age itn", "field 1: unknown type itn."), ("s.json", "s.json:1:2: not JSON")]
)
def test_oneshot_invalid_schema_is_usage_error(program: Program, given: str, words: str) -> None:
    (program.cwd / "s.json").write_text("{")
    done = program.run("-m", "xopenai/any", "--schema", given, "hello")
    assert (done.code, done.out, program.gateway.asked) == (2, b"", [])
    assert words in done.err


def test_oneshot_set_applies_and_flag_has_precedence(program: Program) -> None:
    program.gateway.reply(Reply.text("ok"))
    (program.cwd / "role.md").write_text("Be terse.\n")
    pairs = ("temperature=0.5", "seed=3", "system=@role.md", "model=xopenai/any")
    done = program.run(*(word for pair in pairs for word in ("--set", pair)), "--seed", "4", "hello")
    body = program.gateway.asked[0].body
    assert (done.code, body["temperature"], body["seed"], body["model"]) == (0, 0.5, 4, "any")
    assert body["messages"][0] == {"role": "system", "content": "Be terse."}


@pytest.mark.parametrize(
    ("pair", "words"), [("temprature=1", "Did you mean temperature?"), ("seed=x", "--set seed must be a whole number")]
)
def test_oneshot_invalid_set_is_usage_error(program: Program, pair: str, words: str) -> None:
    done = program.run("--set", pair, "hello")
    assert (done.code, done.out) == (2, b"")
    assert words in done.err


def test_oneshot_stdin_is_appended_to_question(program: Program) -> None:
    program.gateway.reply(Reply.text("ok"))
    assert program.run("-m", "xopenai/any", "what is", "this", stdin="Zeile 1\nünï\n".encode()).out == b"ok"
    assert program.gateway.asked[0].body["messages"] == [{"role": "user", "content": "what is this\n\nZeile 1\nünï\n"}]


def test_oneshot_n_ignores_stdin(program: Program) -> None:
    program.gateway.reply(Reply.text("ok"))
    program.run("-n", "-m", "xopenai/any", "-p", "models are fun", stdin=b"ignored")
    assert program.gateway.asked[0].body["messages"][0]["content"] == "models are fun"


def test_oneshot_files_and_system_prompt_are_sent(program: Program) -> None:
    (program.cwd / "note.txt").write_text("wörds")
    (program.cwd / "dot.png").write_bytes(b"\x89PNG\r\n\x1a\nrest")
    (program.cwd / "role.md").write_text("Be terse.\n")
    program.gateway.reply(Reply.text("ok"))
    done = program.run("-m", "xopenai/any", "-s", "@role.md", "-f", "note.txt", "-f", "dot.png", "look")
    assert done.code == 0
    system, question = program.gateway.asked[0].body["messages"]
    assert system == {"role": "system", "content": "Be terse."}
    kinds = [part["type"] for part in question["content"]]
    assert kinds == ["text", "image_url", "text"]
    assert "wörds" in question["content"][0]["text"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_oneshot_tool_call_separates_texts_by_newline(program: Program, protocol: str) -> None:
    program.gateway.reply(
        Reply(Text("Let me see."), Call("calculate", {"expression": "2*(3+4)"})), Reply.text("It is 14.")
    )
    done = program.run("-m", f"x{protocol}/any", "--tools", "calculate", "calculate")
    assert done.out == b"Let me see.\nIt is 14."
    assert "calculate" in done.err
    assert "14" in str(program.gateway.asked[1].body)


def test_oneshot_no_tools_sends_no_tools(program: Program) -> None:
    program.gateway.reply(Reply(Text("fine"), Citation("https://example.com", "Example")))
    program.run("--no-tools", "--tools", "read", "-m", "xopenai/any", "hi")
    assert "tools" not in program.gateway.asked[0].body


def test_oneshot_sigint_exits_130_and_closes_connection(program: Program) -> None:
    program.gateway.reply(Reply(Text("so ", "far"), Stall()))
    running = program.start("-m", "xopenai/any", "go on")
    assert running.stdout
    assert os.read(running.stdout.fileno(), 100)  # the reply has started
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=PATIENCE)
    assert running.returncode == 130
    assert b"Traceback" not in errors
    program.gateway.asked[0].wait_closed_blocking()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_oneshot_signal_exits_with_its_code(program: Program, number: signal.Signals, code: int) -> None:
    program.gateway.reply(Reply(Text("so ", "far"), Stall()))
    running = program.start("-m", "xopenai/any", "go on")
    assert running.stdout
    assert os.read(running.stdout.fileno(), 100)
    running.send_signal(number)
    running.communicate(timeout=PATIENCE)
    assert running.returncode == code


def test_oneshot_closed_pipe_exits_141_silently(program: Program) -> None:
    program.gateway.reply(Reply(Text(*["word "] * 200_000)))
    running = program.start("-m", "xopenai/any", "go on")
    assert running.stdout
    assert running.stderr
    assert os.read(running.stdout.fileno(), 10)
    running.stdout.close()
    errors = running.stderr.read()
    running.stderr.close()
    assert (running.wait(PATIENCE), errors) == (141, b"")


def test_oneshot_slow_stdin_prints_notice_and_waits(program: Program) -> None:
    program.gateway.reply(Reply.text("ok"))
    running = ProgramProcess(
        program.command("-m", "xopenai/any", "sum"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=program.env,
        cwd=program.cwd,
    )
    assert running.stderr
    assert b"Waiting for standard input" in running.stderr.readline()
    out, _ = running.communicate(b"late", timeout=PATIENCE)
    assert (running.returncode, out) == (0, b"ok")
    assert program.gateway.asked[0].body["messages"][0]["content"] == "sum\n\nlate"


def test_provider_timeouts_override_defaults(program: Program) -> None:
    config = program.home / ".config" / "termchat" / "config.toml"
    row = "[providers.xopenai]\n"
    program.configure(config.read_text().replace(row, row + "timeouts = { idle = 1, first = 30 }\n"))
    program.gateway.reply(Reply(Text("so ", "far"), Stall()))
    done = program.run("-m", "xopenai/any", "go on")
    assert (done.code, done.out) == (6, b"so far")
    assert "1 s" in done.err


@pytest.mark.parametrize("way", ["HTTP_PROXY", "ALL_PROXY", "proxy"])
def test_proxy_from_environment_or_provider_is_used(program: Program, way: str) -> None:
    row = f'proxy = "{program.gateway.url}"\n' if way == "proxy" else ""
    program.configure(f'[providers.far]\nkey = "{KEY}"\nopenai = "http://models.invalid/v1"\n{row}')
    program.gateway.reply(Reply.text("from afar"))
    done = program.run("-m", "far/any", "hello", env={} if way == "proxy" else {way: program.gateway.url})
    assert (done.code, done.out) == (0, b"from afar"), done.err


def test_no_proxy_variable_is_honoured(program: Program) -> None:
    program.configure(f'[providers.far]\nkey = "{KEY}"\nopenai = "http://models.invalid/v1"\n')
    done = program.run("-m", "far/any", "hello", env={"HTTP_PROXY": program.gateway.url, "NO_PROXY": "models.invalid"})
    assert (done.code, done.out) == (1, b"")
    assert "models.invalid" in done.err
    assert program.gateway.requests == []


def test_reply_on_terminal_has_one_carriage_return_a_line(program: Program) -> None:
    program.gateway.reply(Reply(Text("# One\n\n- two\n- three\n\n```py\nx = 1\n```\n\nfour")))
    shown, code = on_terminal(program, "-m", "xopenai/any", "-q", "hello")
    assert (code, shown.count("\n")) == (0, shown.count("\r\n"))
    assert "\r\r" not in shown


def test_reply_on_terminal_of_unknown_size_is_80_columns_wide(program: Program) -> None:
    program.gateway.reply(Reply.text("word " * 40))
    shown, code = on_terminal(program, "-m", "xopenai/any", "-q", "hello", columns=0)
    assert code == 0
    assert max(map(len, shown.split("\r\n"))) in range(70, 120)


@pytest.mark.parametrize("columns", [40, 80])
def test_oneshot_error_on_terminal_wraps_between_words(program: Program, columns: int) -> None:
    arguments = ("-m", "xopenai/any", "-f", "nothing.txt", "hi")
    shown, code = on_terminal(program, *arguments, columns=columns)
    rows = shown.replace("\r", "").split("\n")
    assert code == 2
    assert all(len(row) <= columns for row in rows)
    assert len(rows) > (3 if columns == 40 else 2)
    assert " ".join(rows).split() == program.run(*arguments).err.split()


@pytest.mark.parametrize(("options", "effort"), [((), "high"), (("--think", "low"), "low")])
def test_oneshot_model_with_effort_sends_both(program: Program, options: tuple[str, ...], effort: str) -> None:
    program.gateway.reply(Reply.text("ok"))
    assert program.run("-m", "xopenai/any:high", *options, "hello").code == 0
    body = program.gateway.asked[0].body
    assert (body["model"], body["reasoning_effort"]) == ("any", effort)
