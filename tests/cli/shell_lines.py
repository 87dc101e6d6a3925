"""Shell lines and what each has to print: the table of `test_shell_lines.py`.

A line runs in bash with `termchat` in its path, in an empty directory. The name of the model chooses the answer of the
gateway (`ANSWERS`). `ready FILE` waits for a file; the gateway makes the file `asked` when the first request arrives.
`saved TEXT` waits until a part of the reply is on disk.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.gateway import Call, Cut, Reasoning, Refusal, Reply, Stall, Text, fault

PNG = r"\211PNG\r\n\032\n\000\000"
LONG = "word " * 40_000  # more than a pipe holds
ANSWERS = {
    "any": Reply.text("hello"),
    "bytes": Reply(Text("h", "é\r\n", "你🙂\x1b[31m\t\x07")),
    "code": Reply(Text("One:\n```sh\necho one\n```\nTwo:\n```py\nx = 2\n```\n")),
    "codecut": Reply(Text("```sh\necho one\n```\n```sh\nrm -rf tmp"), Cut()),
    "think": Reply(Reasoning("hm"), Text("so")),
    "ada": Reply.text('{"name": "Ada", "age": 36, "tags": ["x"]}'),
    "wrong": Reply.text('{"name": 1}'),
    "cut": Reply(Text("so ", "far"), Cut()),
    "stall": Reply(Text("so ", "far"), Stall()),
    "silent": fault.silence(),
    "length": Reply(Text("so far"), finish="length"),
    "filter": Reply(Text("so far"), finish="content_filter"),
    "refusal": Reply(Refusal()),
    "long": Reply(Text(*[LONG[n : n + 500] for n in range(0, len(LONG), 500)])),
    "endless": Reply(Text(*[LONG[n : n + 500] for n in range(0, len(LONG), 500)]), Stall()),
    "s401": fault.status(401),
    "s429": fault.status(429, retry_after="0.01"),
    "s400": fault.status(400),
    "clock": Reply(Text("I look."), Call("current_time", {})),
    "shell": Reply(Text("I look."), Call("run_shell", {"command": "ls"})),
}
AFTER_TOOL = Reply.text("Done.")


@dataclass(frozen=True)
class Line:
    """A shell line.

    code     its exit code
    out      its standard output, None for any; `begins` and `has` are parts of it
    err      part of its standard error; "" for none at all, None for any
    sent     parts of the bodies of its requests, as JSON
    asked    the number of its requests, None for any
    records  its standard output is NDJSON or JSON of the frozen formats
    """

    shell: str
    code: int
    out: str | None = None
    err: str | None = ""
    sent: tuple[str, ...] = ()
    asked: int | None = None
    has: tuple[str, ...] = ()
    records: bool = False


S = "termchat -m g/"
LINES = {
    # Input
    "words": Line("termchat hello there", 0, "hello", sent=('"hello there"',), asked=1),
    "prompt option": Line("termchat -p models -n < /dev/zero", 0, "hello", sent=('"models"',)),
    "prompt after dashes": Line("termchat -- --version", 0, "hello", sent=('"--version"',)),
    "pipe": Line("printf 'a\\r\\nb\\n' | termchat sum up", 0, "hello", sent=('"sum up\\n\\na\\r\\nb\\n"',)),
    "picture on stdin": Line(f"printf '{PNG}' | termchat look", 0, "hello", sent=("image_url", "data:image/png")),
    "pdf on stdin": Line(
        "printf '%%PDF-1.7 x' | termchat read", 0, "hello", sent=('"file_data": "data:application/pdf',)
    ),
    "nul on stdin": Line("printf 'a\\0b' | termchat read", 2, "", "is binary", asked=0),
    "latin on stdin": Line("printf 'caf\\351' | termchat read", 2, "", "iconv", asked=0),
    "200 MB on stdin": Line("head -c 200M /dev/zero | tr '\\0' a | termchat sum", 2, "", "larger than 32 MB", asked=0),
    "empty stdin": Line("termchat < /dev/null; termchat -q < <(:)", 2, "", "No prompt given", asked=0),
    "endless pipe": Line("mkfifo p; exec 3<>p; termchat --stdin-timeout 0.3 hi <&3", 2, "", "--stdin-timeout", asked=0),
    "endless pipe in time": Line("mkfifo p; exec 3<>p; termchat --timeout 0.4 hi <&3", 6, "", "--timeout", asked=0),
    "endless pipe skipped": Line("mkfifo p; exec 3<>p; termchat --no-stdin hi <&3", 0, "hello"),
    "endless system prompt": Line(
        "mkfifo p; exec 3<>p; termchat -s @p --stdin-timeout 0.3 hi", 2, "", "0.3 s", asked=0
    ),
    "endless schema": Line(
        "mkfifo p; exec 3<>p; termchat --schema ./p --stdin-timeout 0.3 hi", 2, "", "0.3 s", asked=0
    ),
    "locale C": Line("echo x > ü; LC_ALL=C termchat -f 'ü*' grüße", 0, "hello", sent=("grüße", 'name=\\"ü')),
    "file": Line("echo one > a.txt; termchat -f a.txt hi", 0, "hello", sent=('<file name=\\"a.txt\\">\\none',)),
    "glob": Line(
        "mkdir -p s/t; touch s/t/b.py s/a.py s/x.pyc; echo '*.py[co]' > .gitignore; termchat --file 's/**/*.py*' hi",
        0, "hello", sent=('name=\\"s/a.py', 'name=\\"s/t/b.py'),
    ),
    "glob with secret": Line("echo k > .env.local; termchat -f '.e*' hi", 2, "", "may hold secrets", asked=0),
    "glob with binary": Line(
        "echo a > a; printf 'a\\0' > b; termchat -f '[ab]' hi", 0, "hello", "left out: b: neither"
    ),
    "glob without file": Line("termchat -f '*.nope' hi", 2, "", "it names no file", asked=0),
    "directory": Line("mkdir d; touch d/a; termchat -f d/ hi", 0, "hello", sent=('name=\\"d/\\">\\na\\n',)),
    "directory without slash": Line("mkdir d; termchat -f d hi", 2, "", "'/**'", asked=0),
    "private address": Line("termchat -f $URL/page hi", 2, "", "not a public address", asked=0),
    "system prompt": Line("termchat --system Short. hi", 0, "hello", sent=('"role": "system", "content": "Short."',)),
    "role": Line("echo x=1 | termchat -r review lang=Go ok?", 0, "hello", sent=("You review Go.", "ok?\\n\\nx=1")),
    "messages": Line(
        """printf '[{"role":"developer","content":"S"},{"role":"user","content":[{"type":"text","text":"A"}]},"""
        """{"role":"assistant","content":"B"}]' > m; termchat --messages m C""",
        0, "hello", sent=('"system", "content": "S"', '"A"', '"assistant", "content": "B"', '"user", "content": "C"'),
    ),
    "messages on stdin": Line(
        """echo '{"messages":[{"role":"user","content":"A"}]}' | termchat --messages -""", 0, "hello", sent=('"A"',)
    ),
    "messages on endless stdin": Line(
        "mkfifo p; exec 3<>p; termchat --messages - --stdin-timeout 0.3 <&3", 2, "", "--stdin-timeout", asked=0
    ),
    "messages of nobody": Line(
        """echo '[{"role":"dog","content":"A"}]' | termchat --messages -""", 2, "", '"dog"', asked=0
    ),
    "messages without question": Line(
        """echo '[{"role":"assistant","content":"A"}]' | termchat --messages - """, 2, "", "not of the user", asked=0
    ),
    "chat": Line(
        "termchat -q one; id=$(termchat chats --json | grep -o '\"id\": *\"[^\"]*' | head -1 | cut -d'\"' -f4);"
        "termchat --chat $id two",
        0, "hellohello", sent=('"one"', '"assistant", "content": "hello"}, {"role": "user", "content": "two"'), asked=2,
    ),
    "last chat without terminal": Line("setsid termchat -c hi", 2, "", "--chat", asked=0),
    "server of one run": Line(
        "termchat --base-url $URL/anthropic --protocol anthropic --key env:LINE_KEY -m any hi", 0, "hello", asked=1
    ),
    "key of a file": Line(
        "echo $LINE_KEY > k; termchat --base-url $URL/v1 --key file:k -m any hi", 0, "hello", asked=1
    ),
    "key of a command": Line(
        "termchat --base-url $URL/v1 --key 'cmd:echo $LINE_KEY' -m any hi", 0, "hello", asked=1
    ),
    "literal key": Line(
        "termchat --base-url $URL/v1 --key $LINE_KEY -m any hi", 0, "hello", "list of processes", asked=1
    ),
    "two keys for gemini": Line(
        "export GEMINI_API_KEY=k GOOGLE_API_KEY=k GOOGLE_GEMINI_BASE_URL=$URL; termchat -m gemini/any hi",
        0, "hello",
    ),
    "server that wants a key": Line(
        "termchat --base-url $URL/v1 -m any hi", 77, "", "wants a key (401 invalid_api_key), and none was sent", asked=0
    ),
    "replay of nothing": Line("termchat replay nope", 2, "", "Cannot replay nope: no such file", asked=0),
    "key without server": Line("termchat --key env:K hi", 2, "", "--base-url", asked=0),
    # Requests
    "parameters": Line(
        "termchat -m g/any --temperature 0.5 --top-p 0.5 --seed 7 --stop END --max-tokens 9 --speed cheap hi",
        0, "hello", sent=('"temperature": 0.5', '"top_p": 0.5', '"seed": 7', '["END"]', '_tokens": 9', '"flex"'),
    ),
    "effort": Line("termchat --think low --set seed=8 hi", 0, "hello", sent=('"reasoning_effort": "low"', '"seed": 8')),
    "search": Line(
        "termchat --base-url $URL/v1 --protocol responses --key env:LINE_KEY -m any --search hi",
        0, "hello", sent=('"type": "web_search"',),
    ),
    "tool": Line(
        S + "clock --tools current_time hi", 0, "I look.\nDone.", "current_time", sent=('"tool_calls"',), asked=2
    ),
    "no tools": Line("termchat --tools read --no-tools hi", 0, "hello", asked=1),
    "allowed tool": Line(
        S + "shell --tools run --allow 'run_shell(ls)' hi", 0, "I look.\nDone.", "run_shell ls", asked=2
    ),
    "tools by yes": Line(S + "shell --tools run --yes hi", 0, "I look.\nDone.", "run_shell ls", asked=2),
    "declined tool": Line(S + "shell --tools run hi", 8, "I look.\nDone.", "--yes permits it", asked=2),
    "denied tool": Line(
        S + "clock --tools read --deny current_time hi", 8, "I look.\nDone.", "The rule current_time denies it", asked=2
    ),
    "rounds": Line(S + "clock --tools read --max-rounds 1 hi", 8, "I look.", "1", asked=1),
    "calls": Line(S + "clock --tools read --max-calls 1 hi", 0, "I look.\nDone.", "current_time", asked=2),
    "functions": Line(
        "printf 'def f(a: int) -> int:\\n    \"Twice.\"\\n    return 2 * a\\n' > f.py; termchat --functions f.py hi",
        0, "hello", sent=('"name": "f"',),
    ),
    "dry run": Line(
        "termchat --dry-run --ndjson hi", 0, None, asked=0,
        has=('"method": "POST"', '"content": "hi"', '"authorization": "…'),
    ),
    "dry run in a chat": Line(
        "termchat -q one > f; id=$(termchat chats --json | grep -o '\"id\": *\"[^\"]*' | head -1 | cut -d'\"' -f4);"
        "termchat --chat $id --set max_cost_day=1 --set unpriced=allow --dry-run two | grep -c 'one\\|hello\\|two';"
        "termchat chats export $id > f; grep -c one f; grep -c two f",
        1, "3\n2\n0\n", asked=1,
    ),
    # Output
    "exact bytes": Line(S + "bytes --raw -v hi", 0, "hé\r\n你🙂\x1b[31m\t\x07", "tok"),
    "plain": Line(S + "bytes --plain --accessible --theme light -q hi", 0, "hé\r\n你🙂\x1b[31m\t\x07"),
    "first block": Line(S + "code -x hi", 0, "echo one\n"),
    "second block": Line(S + "code --block 2 hi", 0, "x = 2\n"),
    "all blocks": Line(S + "code --extract --block all hi | sh", 127, "one\n", "not found"),
    "no block": Line(S + "any -x hi", 1, "", "The reply has no code block."),
    "too few blocks": Line(S + "code --block 3 hi", 1, "", "2 code blocks, but no block 3"),
    "block of nothing": Line(S + "code --block none hi", 2, "", "from 1 on, or all", asked=0),
    "block of cut reply": Line(S + "codecut --block all hi", 5, "echo one\n", "incomplete"),
    "schema": Line(
        S + "ada --schema 'name: of a person, age int, tags [str]' hi", 0, ANSWERS["ada"].steps[0].text,  # type: ignore
        sent=('"of a person"', '"integer"', '"array"'),
    ),
    "invalid reply": Line(S + "wrong --schema name hi", 1, '{"name": 1}', "1 is not of type 'string'", asked=1),
    "repaired reply": Line(S + "wrong --schema name --schema-retries 2 hi", 1, '{"name": 1}', "Asking again", asked=3),
    "json": Line(
        S + "think --json hi", 0, None, has=('"text":"so"', '"reasoning":"hm"', '"outcome":"complete"'), records=True
    ),
    "ndjson": Line(
        S + "think --ndjson hi", 0, None, has=('"start"', '"text":"hm"', '"finish_reason":"stop"'), records=True
    ),
    "json of tool": Line(S + "shell --json --tools run hi", 8, None, "permits", has=('"declined"',), records=True),
    "ndjson of tool": Line(
        S + "clock --ndjson --tools read hi", 0, None, "current", has=('"tool_result"',), records=True
    ),
    "json of cut": Line(S + "cut --json hi", 5, None, "incomplete", has=('"text":"so far"', '"cut"'), records=True),
    "json of invalid": Line(S + "wrong --json --schema name hi", 1, None, "string", has=('"failed"',), records=True),
    "ndjson without key": Line(
        "termchat -m openai/x --ndjson hi", 77, None, "OPENAI_API_KEY", has=('"no_key"',), records=True
    ),
    "json without prompt": Line(
        "termchat --json < /dev/null", 2, None, "No prompt", has=('"exit_code":2',), records=True
    ),
    "ndjson in time": Line(
        S + "stall --ndjson --timeout 1.5 hi", 6, None, "--timeout", has=('"stalled"',), records=True
    ),
    "json and ndjson": Line("termchat --json --ndjson hi", 2, "", "exclude each other", asked=0),
    "file kept by cut": Line(
        f"echo old > f; chmod 640 f; ln -s f l; {S}cut -o l hi; echo $?; cat f; cat l.partial; stat -Lc %a l",
        0, "5\nold\nso far640\n", "as before",
    ),
    "file replaced": Line(
        f"echo old > f; chmod 640 f; ln -s f l; {S}any -o l hi; cat f; stat -c %a f; ls", 0, "hello640\nasked\nf\nl\n"
    ),
    "output to dash": Line("termchat --output - hi; termchat -o /dev/stdout hi", 0, "hellohello"),
    "output to nowhere": Line("termchat -o none/f hi", 2, "", "no such file", asked=0),
    "output to full disk": Line("termchat -o /dev/full hi", 1, "", "no space left"),
    "record": Line("termchat --record r hi; grep -c response r", 0, "hello1\n"),
    "record to full disk": Line("termchat --record /dev/full hi", 0, "hello", "full is incomplete: no space"),
    "schemas": Line(
        "termchat schema json && termchat schema ndjson", 0, None, has=('"termchat --json"', '"exit_code"')
    ),
    "schema of nothing": Line("termchat schema jsn", 2, "", "Did you mean json?"),
    # Exit codes
    "length": Line(S + "length hi", 3, "so far", "token limit"),
    "continued": Line(S + "length --continue-cut 1 hi", 3, "so farso far", "continuing", asked=2),
    "filter": Line(S + "filter hi", 4, "so far", "filter"),
    "refusal": Line(S + "refusal --json hi", 4, None, "declined", has=('"refused"',), records=True),
    "cut": Line(S + "cut hi", 5, "so far", "incomplete"),
    "stall": Line(S + "stall --idle-timeout 3 --connect-timeout 5 hi", 6, "so far", "No data for"),
    "late": Line(S + "stall --timeout 1.5 hi", 6, None, "--timeout"),
    "budget": Line("termchat -m costly/any --max-cost 0.0001 --ndjson hi", 7, None, "budget", records=True, asked=0),
    "overloaded": Line(
        S + "s429 --retries 1 --ndjson hi", 75, None, "Tried 2 times", has=('"retry"',), records=True, asked=2
    ),
    "refused key": Line(S + "s401 hi", 77, "", "refused the key", asked=1),
    "bad request": Line(S + "s400 --no-save hi", 1, "", "400"),
    "unknown option": Line("termchat --nope hi", 2, "", "--nope", asked=0),
    # Pipes, signals, closed streams
    "reader gone": Line(S + "long hi | head -c 9; exit ${PIPESTATUS[0]}", 141, "word word"),
    "reader gone before the first byte": Line(S + "any hi | true; exit ${PIPESTATUS[0]}", 141, ""),
    "reader of json gone": Line(S + "long --json hi | head -c 9; exit ${PIPESTATUS[0]}", 141, '{"v":1,"t'),
    "reader of lines gone": Line(S + "long --ndjson hi | head -c 9; exit ${PIPESTATUS[0]}", 141, '{"v":1,"t'),
    "full disk": Line("termchat hi > /dev/full", 1, "", "no space left"),
    "full disk for json": Line("termchat --json hi > /dev/full", 1, "", "no space left"),
    "full disk for ndjson": Line("termchat --ndjson hi > /dev/full", 1, "", "no space left"),
    "output closed": Line("termchat hi >&-", 1, "", "bad file"),
    "output closed but a file": Line("termchat -o f hi >&-; cat f", 0, "hello"),
    "input closed": Line("termchat hi <&-", 0, "hello"),
    "errors closed": Line(S + "cut hi 2>&-", 5, "so far"),
    "errors to full disk": Line(S + "cut hi 2>/dev/full", 5, "so far"),
    "all closed": Line("termchat hi <&- >&- 2>&-", 1, ""),
    "no terminal": Line("setsid termchat hi", 0, "hello"),
    "interrupted": Line(f"set -m; {S}stall hi & p=$!; ready asked; kill -INT $p; wait $p", 130, None, "stopped"),
    "interrupted with file": Line(
        f"set -m; {S}endless -o f hi & p=$!; saved 'word word'; kill -INT $p; wait $p; echo $?;"
        "head -c 9 f.partial; cat f",
        1, "130\nword word", None,
    ),
    "interrupted before first byte": Line(
        f"set -m; {S}silent --json hi & p=$!; ready asked; kill -INT $p; wait $p", 130, None, "stopped",
        has=('"cancelled"',), records=True,
    ),
    "ended before first byte": Line(f"{S}silent hi & p=$!; ready asked; kill -TERM $p; wait $p", 143, "", "stopped"),
    "hung up under nohup": Line(
        f"trap '' HUP; {S}stall hi & p=$!; ready asked; kill -HUP $p; kill $p; wait $p", 143, None, "stopped"
    ),
    "hung up": Line(f"{S}stall hi & p=$!; ready asked; kill -HUP $p; wait $p", 129, None, "stopped"),
    "ended with stuck reader": Line(
        f"mkfifo p; exec 3<>p; {S}endless --ndjson hi > p & p=$!; ready asked; kill -TERM $p; wait $p; c=$?;"
        "exec 4<p 3>&-; cat <&4; exit $c",
        143, None, None, has=('"start"',), records=True,
    ),
    "ended with stuck reader of json": Line(
        f"mkfifo p; exec 3<>p; {S}endless --json hi > p & p=$!; saved 'word word'; kill -TERM $p; wait $p",
        143, None, "stopped",
    ),
    "late with stuck reader": Line(f"mkfifo p; exec 3<>p; {S}long --json --timeout 3 hi > p", 6, "", None),
    "slow reader": Line(S + "long --ndjson hi | slowly", 0, None, has=('"end"',), records=True),
}  # fmt: skip
