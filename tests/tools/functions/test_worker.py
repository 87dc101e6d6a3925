"""Functions in a real worker process: results, hostile functions, concurrent and cancelled calls."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from termchat.tools.functions.pool import WORKERS
from termchat.tools.functions.worker_process import WorkerEndedError
from tests.tools.functions.conftest import Pools, call, problems, write

VALUES = """
    import asyncio, enum
    from dataclasses import dataclass
    from typing import TypedDict
    import pydantic

    @dataclass
    class Point:
        x: int

    class Options(TypedDict, total=False):
        depth: int

    PNG = b"\\x89PNG\\r\\n\\x1a\\n123"

    class Odd:
        def __str__(self) -> str:
            return "odd"

    class Liar:
        def __str__(self) -> str:
            raise ValueError("no text")

    def text() -> str: return "as\\nit is"
    def number() -> float: return 1.5
    def nothing() -> None: print("printed")
    def silent() -> None: pass
    def record() -> dict: return {"p": Point(1), "é": [True, None], "o": Odd()}
    def odd() -> Odd: return Odd()
    def liar() -> Liar: return Liar()
    def cycle() -> list:
        found = []
        found.append(found)
        return found
    def image() -> bytes: return PNG
    def mixed() -> list: return ["before", PNG]
    def binary() -> bytes: return b"\\xff\\x00"
    def items():
        yield 1
        yield 2
    async def later() -> str:
        await asyncio.sleep(0)
        return "later"
    async def stream():
        yield "a"
        yield "b"
    def options(o: Options) -> int: return o["depth"]
"""
IMAGE = {"image": base64.b64encode(b"\x89PNG\r\n\x1a\n123").decode(), "mime": "image/png"}


async def test_worker_returned_values_become_parts(tmp_path: Path, pools: Pools) -> None:
    pool = pools(write(tmp_path, "values.py", VALUES))
    loaded = await pool.load()
    assert loaded.problems == ()
    expected = {
        "text": "as\nit is",
        "number": "1.5",
        "record": '{"p":{"x":1},"é":[true,null],"o":"odd"}',
        "odd": '"odd"',
        "cycle": "[[...]]",
        "binary": "[2 bytes of binary data]",
        "items": "[1,2]",
        "later": "later",
        "stream": '["a","b"]',
    }
    answers = {name: (await call(pool, name))[0] for name in expected}
    assert answers == {name: {"parts": [{"text": text}]} for name, text in expected.items()}
    assert (await call(pool, "image"))[0] == {"parts": [IMAGE]}
    assert (await call(pool, "mixed"))[0] == {"parts": [{"text": "before"}, IMAGE]}
    assert await call(pool, "nothing") == ({"parts": []}, "printed\n", "printed\n")
    assert (await call(pool, "silent"))[0] == {"parts": []}
    assert "liar returned a value that has no text: ValueError: no text" in (await call(pool, "liar"))[0]["failed"]
    assert (await call(pool, "options", o={"depth": 3}))[0] == {"parts": [{"text": "3"}]}


HOSTILE = """
    import os, subprocess, sys, threading, time

    def fail(city: str) -> None:
        print("looking", city)
        def inner() -> None:
            raise ValueError(f"no weather in {city}")
        inner()

    def recurse() -> None: recurse()
    def leave() -> None: exit(3)
    def interrupt() -> None: raise KeyboardInterrupt
    def vanish() -> None:
        print("going", end="", file=sys.stderr)
        os._exit(7)
    def crash() -> None: os.kill(os.getpid(), 11)
    def flood() -> None:
        while True:
            print("x" * 10_000)
    def fork() -> str:
        os.fork()
        return "once"
    def shut() -> str:
        sys.stdout.close()
        sys.stderr = None
        os.close(1)
        return "shut"
    def close_all() -> str:
        os.closerange(3, 100)
        return "gone"
    def wander() -> str:
        os.chdir("/")
        return os.getcwd()
    def where() -> str: return os.getcwd()
    def ask() -> str: return input("name? ")
    def shell() -> None: subprocess.run(["sh", "-c", "echo from a program; echo wrong >&2"], check=True)
    def huge() -> str: return "y" * 20_000_000
    def images() -> list: return [b"\\x89PNG\\r\\n\\x1a\\n" + bytes(18_000_000)] * 3
    def chatter() -> str:
        threading.Thread(target=lambda: [print("z") or time.sleep(0.001) for _ in range(50)], daemon=True).start()
        return "started"
    def pid() -> int: return os.getpid()
    def hang(file: str) -> None:
        open(file, "w").write(str(os.getpid()))
        while True:
            pass
    def wait_for(file: str) -> str:
        while not os.path.exists(file):
            time.sleep(0.005)
        return "found"
    def touch(file: str) -> str:
        open(file, "w").close()
        return "touched"
"""


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    return write(tmp_path, "hostile.py", HOSTILE)


async def test_worker_exception_names_file_and_line_of_user(hostile: Path, pools: Pools) -> None:
    pool = pools(hostile)
    await pool.load()
    answer, output, _ = await call(pool, "fail", city="Bern")
    line = hostile.read_text().splitlines().index('        raise ValueError(f"no weather in {city}")') + 1
    words = answer["failed"].splitlines()
    assert words[0] == "fail failed: ValueError: no weather in Bern"
    assert words[1].endswith(f"hostile.py:{line + 1} in fail: inner()")
    assert words[2].endswith(f'hostile.py:{line} in inner: raise ValueError(f"no weather in {{city}}")')
    assert len(words) == 3
    assert output == "looking Bern\n"
    assert "maximum recursion depth" in (await call(pool, "recurse"))[0]["failed"]
    assert len((await call(pool, "recurse"))[0]["failed"].splitlines()) == 2
    assert (await call(pool, "leave"))[0]["failed"].startswith("leave tried to end the program: exit(3)\n  at ")
    assert (await call(pool, "interrupt"))[0]["failed"].startswith("interrupt was interrupted")
    assert "EOFError" in (await call(pool, "ask"))[0]["failed"]
    assert (await call(pool, "fail", city=1))[0] == {
        "failed": "fail: the argument 'city': input should be a valid string"
    }


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("vanish", "ended its process with exit code 7\ngoing"),
        ("crash", "ended its process by signal 11 (SIGSEGV)"),
        ("flood", "was stopped at the limit of 16 MB of output\n"),
        ("close_all", "ended its process"),
    ],
)
async def test_worker_that_ends_is_told_and_replaced(hostile: Path, pools: Pools, name: str, words: str) -> None:
    pool = pools(hostile)
    await pool.load()
    with pytest.raises(WorkerEndedError) as ended:
        await call(pool, name)
    assert str(ended.value).startswith(words)
    assert len(str(ended.value)) < 3_000
    assert (await call(pool, "fork"))[0] == {"parts": [{"text": "once"}]}


async def test_worker_survives_functions_that_change_it(hostile: Path, pools: Pools, tmp_path: Path) -> None:
    pool = pools(hostile)
    await pool.load()
    first = (await call(pool, "pid"))[0]
    assert (await call(pool, "shut"))[0] == {"parts": [{"text": "shut"}]}
    assert (await call(pool, "shell"))[1] == "from a program\nwrong\n"
    assert (await call(pool, "wander"))[0] == {"parts": [{"text": "/"}]}
    assert (await call(pool, "where"))[0] == {"parts": [{"text": str(tmp_path)}]}
    await call(pool, "fork")
    await call(pool, "chatter")
    text = (await call(pool, "huge"))[0]["parts"][0]["text"]
    assert text.endswith("y\n[cut: 16000000 of 20000000 characters]")
    assert (await call(pool, "images"))[0] == {"failed": "the result is larger than 60 MB"}
    assert (await call(pool, "pid"))[0] == first


async def test_worker_calls_at_the_same_time_do_not_wait(hostile: Path, pools: Pools, tmp_path: Path) -> None:
    pool = pools(hostile)
    await pool.load()
    file = str(tmp_path / "signal")
    async with asyncio.timeout(30):
        answers = await asyncio.gather(call(pool, "wait_for", file=file), call(pool, "touch", file=file))
    assert [answer["parts"][0]["text"] for answer, _, _ in answers] == ["found", "touched"]


async def test_worker_calls_beyond_the_limit_wait_for_a_worker(tmp_path: Path, pools: Pools) -> None:
    text = """
        import os, time
        from pathlib import Path

        def hold(folder: Path) -> int:
            (folder / str(os.getpid())).touch()
            while not (folder / "go").exists():
                time.sleep(0.005)
            return os.getpid()
    """
    pool = pools(write(tmp_path, "hold.py", text))
    await pool.load()
    (folder := tmp_path / "pids").mkdir()
    calls = [asyncio.create_task(call(pool, "hold", folder=str(folder))) for _ in range(WORKERS + 2)]
    async with asyncio.timeout(60):
        while len(list(folder.iterdir())) < WORKERS:
            await asyncio.sleep(0.005)
        (folder / "go").touch()
        pids = [answer["parts"][0]["text"] for answer, _, _ in await asyncio.gather(*calls)]
    assert len(pids) == WORKERS + 2
    assert len(set(pids)) == WORKERS


async def test_worker_cancelled_call_ends_its_process_only(hostile: Path, pools: Pools, tmp_path: Path) -> None:
    pool = pools(hostile)
    await pool.load()
    file, other = tmp_path / "pid", str(tmp_path / "other")
    waiting = asyncio.create_task(call(pool, "wait_for", file=other))
    hanging = asyncio.create_task(call(pool, "hang", file=str(file)))
    async with asyncio.timeout(30):
        while not (file.exists() and file.read_text()):
            await asyncio.sleep(0.005)
        hanging.cancel()
        with suppress(asyncio.CancelledError):
            await hanging
        await _end_of(int(file.read_text()))
        await call(pool, "touch", file=other)
        assert (await waiting)[0] == {"parts": [{"text": "found"}]}


async def test_worker_whose_termchat_is_gone_ends_with_its_function(
    hostile: Path, pools: Pools, tmp_path: Path
) -> None:
    pool = pools(hostile)
    await pool.load()
    file = tmp_path / "pid"
    hanging = asyncio.create_task(call(pool, "hang", file=str(file)))
    async with asyncio.timeout(30):
        while not (file.exists() and file.read_text()):
            await asyncio.sleep(0.005)
        (worker,) = pool._busy
        worker._link.shutdown(2)  # as the system does when termchat is killed
        with pytest.raises(WorkerEndedError):
            await hanging
        await _end_of(int(file.read_text()))


async def _end_of(pid: int) -> None:
    with suppress(ProcessLookupError):
        while True:
            os.kill(pid, 0)
            await asyncio.sleep(0.005)


async def test_load_reports_each_problem_with_file_and_line(tmp_path: Path, pools: Pools) -> None:
    files = [
        write(tmp_path, "broken.py", "import os\n\n1 / 0\n"),
        write(tmp_path, "dies.py", "import os\nprint('bye')\nos._exit(4)\n"),
        write(tmp_path, "empty.py", "x = 1\n"),
        write(tmp_path, "exits.py", "import sys\nsys.exit('no')\n"),
        write(tmp_path, "slow.py", "import time\ntime.sleep(1000)\n"),
        write(tmp_path, "syntax.py", "def f(:\n"),
        write(
            tmp_path,
            "typed.py",
            """
            import textwrap
            from textwrap import dedent

            def good(x: int) -> int: return x

            def untyped(
                y: int,
                x,
            ): ...

            def _private(x): ...
            def good2(x: int = 1) -> int: return x
            def mcp_x() -> None: ...
            def größe() -> None: ...
            class Thing: ...
            """,
        ),
        write(tmp_path, "zwice.py", "def good(x: int) -> int: return x\n"),
    ]
    pool = pools(*files, tmp_path / "gone.py", load_seconds=6)
    loaded = await pool.load()
    assert [(row.name, Path(row.file).name, row.line) for row in loaded.functions] == [
        ("good", "typed.py", 5),
        ("good2", "typed.py", 13),
    ]
    found = problems(loaded)
    assert [(file, line) for file, line, _ in found] == [
        ("dies.py", 0),
        ("slow.py", 0),
        ("broken.py", 3),
        ("empty.py", 0),
        ("exits.py", 2),
        ("syntax.py", 1),
        ("typed.py", 9),
        ("typed.py", 14),
        ("typed.py", 15),
        ("zwice.py", 1),
        ("gone.py", 0),
    ]
    words = [text for _, _, text in found]
    assert words[0] == "its import ended its process with exit code 4\nbye"
    assert words[1] == "its import took longer than 6 s"
    assert words[2:6] == ["ZeroDivisionError: division by zero", "it defines no public function", "SystemExit: no",
                          "SyntaxError: invalid syntax"]  # fmt: skip
    assert "write x: str" in words[6]
    assert words[9] == f"good is defined in {files[6]}:5 already"
    assert "No such file" in words[10]
    assert (await call(pool, "good", x=2))[0] == {"parts": [{"text": "2"}]}


async def test_load_reads_only_names_of_all_and_finds_decorated_ones(tmp_path: Path, pools: Pools) -> None:
    write(tmp_path, "_shared.py", "def twice(x: int) -> int: return 2 * x\n")
    write(tmp_path, "json.py", "raise RuntimeError('not the library')\n")
    file = write(
        tmp_path,
        "chosen.py",
        """
        from functools import cache
        import json
        from _shared import twice
        from termchat.functions import reads

        __all__ = ["chosen"]

        @reads
        @cache
        def chosen(x: int) -> str:
            "Chosen."
            return json.dumps(twice(x))

        def other(x: int) -> int: return x
        """,
    )
    pool = pools(file, path=(*sys.path, str(tmp_path)))
    loaded = await pool.load()
    assert [(row.name, row.effect, row.description) for row in loaded.functions] == [("chosen", "read", "Chosen.")]
    assert loaded.problems == ()
    assert (await call(pool, "chosen", x=4))[0] == {"parts": [{"text": "8"}]}
    assert not (tmp_path / "__pycache__").exists()


async def test_check_of_arguments_calls_nothing(tmp_path: Path, pools: Pools) -> None:
    mark = tmp_path / "called"
    pool = pools(write(tmp_path, "f.py", f"def f(x: int) -> None: open({str(mark)!r}, 'w')\n"))
    await pool.load()
    assert await pool.check("f", {"x": 1}) == ""
    assert "'x': input should be a valid integer" in await pool.check("f", {"x": json.loads('"a"')})
    assert not mark.exists()


async def test_pool_close_ends_idle_workers(tmp_path: Path, pools: Pools) -> None:
    pool = pools(write(tmp_path, "f.py", "import os\ndef pid() -> int: return os.getpid()\n"))
    await pool.load()
    pid = int((await call(pool, "pid"))[0]["parts"][0]["text"])
    await pool.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
