"""Real processes: their output, their end, and nothing that outlives them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
import tracemalloc
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from termchat.tools.process.captured_output import HEAD_BYTES, TAIL_BYTES
from termchat.tools.process.process_limits import memory_limit
from termchat.tools.process.run_process import ProcessEnd, ProcessRequest, ProcessResult, run_process

LINUX = sys.platform == "linux"


def request(tmp_path: Path, *pipeline: tuple[str, ...], seconds: float = 60.0, **more: object) -> ProcessRequest:
    environment = {"PATH": os.environ["PATH"]}
    return ProcessRequest(pipeline, tmp_path, environment, seconds, **more)  # type: ignore[arg-type]


def sh(text: str) -> tuple[str, ...]:
    return ("/bin/sh", "-c", text)


async def run(tmp_path: Path, *pipeline: tuple[str, ...], seconds: float = 60.0, **more: object) -> ProcessResult:
    return await run_process(request(tmp_path, *pipeline, seconds=seconds, **more), lambda text: None)


def alive(pid: int) -> bool:
    """Return True for a process that exists and is no zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return b") Z" not in Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:  # it has just ended, or there is no /proc
        return not Path("/proc/self").exists()


async def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


def pids(folder: Path) -> list[int]:
    """Return the pids that a script has written, one file each."""
    return [int(text) for file in folder.glob("*.pid") if (text := file.read_text().strip())]


async def all_end(folder: Path) -> None:
    """Wait until the processes of `pids` have ended: a killed one takes a moment on a busy machine."""
    await until(lambda: not any(map(alive, pids(folder))))


async def ended(work: Awaitable[object]) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        await work


async def test_process_writes_both_streams_in_order_to_output(tmp_path: Path) -> None:
    live: list[str] = []
    answer = await run_process(request(tmp_path, sh("echo one; echo two >&2; echo three")), live.append)
    assert answer == ProcessResult(ProcessEnd.EXITED, (0,), "one\ntwo\nthree\n")
    assert "".join(live) == answer.text


async def test_output_is_live_while_process_runs(tmp_path: Path) -> None:
    live: list[str] = []
    script = sh("echo first; while [ ! -e go ]; do sleep 0.02; done; echo second")
    task = asyncio.create_task(run_process(request(tmp_path, script), live.append))
    await until(lambda: live == ["first\n"])
    assert not task.done()
    (tmp_path / "go").touch()
    assert (await task).text == "first\nsecond\n"


async def test_character_split_over_writes_is_decoded_once(tmp_path: Path) -> None:
    live: list[str] = []
    script = sh(r"printf '\360\237'; sleep 0.1; printf '\230\200\n'; printf '\377.\000.'")
    answer = await run_process(request(tmp_path, script), live.append)
    assert answer.text == "".join(live) == "😀\n\ufffd.\ufffd."


async def test_pipeline_joins_processes_without_shell(tmp_path: Path) -> None:
    (tmp_path / "a b;c").write_text("3\n1\n2\n")
    answer = await run(tmp_path, ("cat", "a b;c"), ("sort",), ("head", "-n", "2"))
    assert (answer.text, answer.codes) == ("1\n2\n", (0, 0, 0))


async def test_pipeline_ends_when_its_reader_ends(tmp_path: Path) -> None:
    answer = await run(tmp_path, ("yes",), ("head", "-n", "1"))
    assert (answer.end, answer.text, answer.codes) == (ProcessEnd.EXITED, "y\n", (-signal.SIGPIPE, 0))


async def test_exit_code_and_signal_are_told(tmp_path: Path) -> None:
    assert (await run(tmp_path, sh("exit 7"))).codes == (7,)
    assert (await run(tmp_path, sh("kill -KILL $$"))).codes == (-signal.SIGKILL,)


async def test_missing_program_raises_os_error_and_leaves_nothing(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd")) if LINUX else 0
    with pytest.raises(FileNotFoundError):
        await run(tmp_path, sh("echo $$ > a.pid; sleep 600"), (str(tmp_path / "absent"),))
    await all_end(tmp_path)
    if LINUX:
        await until(lambda: len(os.listdir("/proc/self/fd")) <= before)


async def test_input_is_empty_and_terminal_out_of_reach(tmp_path: Path) -> None:
    answer = await run(tmp_path, sh("cat; tty; (stty raw < /dev/tty) 2>/dev/null || echo none; ps -o tty= -p $$"))
    assert answer.text.split() == ["not", "a", "tty", "none", "?"]


async def test_descriptors_of_termchat_are_not_inherited(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.set_inheritable(write, True)
    try:
        probe = "import os\nfor n in range(3, 256):\n  try: os.fstat(n); print('open', n)\n  except OSError: pass"
        assert (await run(tmp_path, (sys.executable, "-c", probe))).text == ""
    finally:
        os.close(read)
        os.close(write)


async def test_process_that_closes_its_output_is_waited_for(tmp_path: Path) -> None:
    answer = await run(tmp_path, sh("exec >&- 2>&-; sleep 0.2; touch done; exit 3"))
    assert answer.codes == (3,)
    assert (tmp_path / "done").exists()


async def test_child_that_holds_output_does_not_outlive_process(tmp_path: Path) -> None:
    answer = await run(tmp_path, sh("sleep 600 & echo $! > a.pid; echo out"))
    assert (answer.end, answer.codes, answer.text) == (ProcessEnd.EXITED, (0,), "out\n")
    assert pids(tmp_path)
    await all_end(tmp_path)


@pytest.mark.parametrize("stubborn", [False, True])
async def test_time_limit_ends_whole_group(tmp_path: Path, stubborn: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("termchat.tools.process.run_process.GRACE_SECONDS", 0.2 if stubborn else 20)
    trap = "trap '' TERM;" if stubborn else ""
    script = sh(f"{trap} (echo $$ > a.pid; sleep 600) & echo $$ > b.pid; echo out; sleep 600; sleep 600")
    answer = await run(tmp_path, script, seconds=2)  # enough for the lines before the sleep
    assert answer.end is ProcessEnd.TIMED_OUT
    assert answer.codes == ((-signal.SIGKILL,) if stubborn else (-signal.SIGTERM,))
    assert answer.text == "out\n"
    assert pids(tmp_path)
    await all_end(tmp_path)


async def test_program_may_clean_up_after_sigterm(tmp_path: Path) -> None:
    script = sh("trap 'echo bye; touch clean; exit 0' TERM; echo ready; while :; do sleep 0.02; done")
    answer = await run(tmp_path, script, seconds=2)
    assert (answer.end, answer.codes) == (ProcessEnd.TIMED_OUT, (0,))
    assert answer.text.startswith("ready\n") and answer.text.endswith("bye\n")
    assert (tmp_path / "clean").exists()


ESCAPE = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open('escaped.pid', 'w').write(str(os.getpid()))
        time.sleep(600)
    os._exit(0)
os.wait()
while not os.path.exists('escaped.pid') or not open('escaped.pid').read(): time.sleep(0.01)
"""


@pytest.mark.parametrize("last", ["", "time.sleep(600)"])
async def test_daemon_in_session_of_its_own_is_ended(tmp_path: Path, last: str) -> None:
    answer = await run(tmp_path, (sys.executable, "-c", ESCAPE + last), seconds=4.0 if last else 60.0)
    assert answer.end is (ProcessEnd.TIMED_OUT if last else ProcessEnd.EXITED)
    assert len(pids(tmp_path)) == 1
    await all_end(tmp_path)


async def test_cancel_ends_whole_group(tmp_path: Path) -> None:
    script = sh("(echo $$ > a.pid; sleep 600) & sleep 600 & echo $! > b.pid; echo $$ > c.pid; sleep 600")
    task = asyncio.create_task(run(tmp_path, script))
    await until(lambda: len(pids(tmp_path)) == 3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await all_end(tmp_path)


async def test_second_cancel_kills_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("termchat.tools.process.run_process.GRACE_SECONDS", 60)
    task = asyncio.create_task(run(tmp_path, sh("trap '' TERM; echo $$ > a.pid; while :; do sleep 0.05; done")))
    await until(lambda: len(pids(tmp_path)) == 1)
    task.cancel()
    await asyncio.wait((task,), timeout=0.2)
    assert not task.done()
    task.cancel()
    async with asyncio.timeout(30):
        await ended(task)
    await all_end(tmp_path)


async def test_error_of_reader_ends_process(tmp_path: Path) -> None:
    def broken(text: str) -> None:
        raise RuntimeError("the card is gone")

    with pytest.raises(RuntimeError, match="the card is gone"):
        await run_process(request(tmp_path, sh("echo $$ > a.pid; echo out; sleep 600")), broken)
    await all_end(tmp_path)


async def test_endless_output_is_stopped_in_bounded_memory(tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        answer = await run(tmp_path, ("yes", "0123456789" * 10), folder=tmp_path / "outputs", limit=4_000_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answer.end is ProcessEnd.OUTPUT_LIMIT
    assert answer.path and answer.path.stat().st_size == 4_000_000
    assert answer.path.stat().st_mode & 0o777 == 0o600
    assert len(answer.text) < HEAD_BYTES + TAIL_BYTES + 300
    assert peak < 2_000_000


async def test_fast_output_leaves_loop_responsive(tmp_path: Path) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    ticker = asyncio.create_task(tick())
    answer = await run(tmp_path, sh("head -c 8000000 /dev/zero | tr '\\0' x"), limit=16_000_000)
    ticker.cancel()
    assert "of 8000000 bytes]" in answer.text
    assert ticks > 100


async def test_many_small_writes_become_few_pieces(tmp_path: Path) -> None:
    live: list[str] = []
    script = "import sys\nfor n in range(20000): sys.stdout.write('x'); sys.stdout.flush()"
    answer = await run_process(request(tmp_path, (sys.executable, "-c", script)), live.append)
    assert answer.text == "x" * 20_000
    assert len(live) < 2_000


async def test_long_output_is_whole_in_file(tmp_path: Path) -> None:
    answer = await run(tmp_path, ("seq", "50000"), folder=tmp_path / "outputs")
    whole = "".join(f"{n}\n" for n in range(1, 50001))
    assert answer.path and answer.path.read_text() == whole
    cut = re.search(r"\n\[output cut: (\d+) of (\d+) bytes, the whole is in (.*)\]\n", answer.text)
    assert cut and int(cut[2]) == len(whole) and cut[3] == str(answer.path)
    assert answer.text[: cut.start()] == whole[:HEAD_BYTES]
    assert answer.text[cut.end() :] == whole[-TAIL_BYTES:]
    assert int(cut[1]) == HEAD_BYTES + TAIL_BYTES


@pytest.mark.skipif(not LINUX, reason="other systems do not tell the memory of processes")
async def test_processes_that_take_too_much_memory_together_are_stopped(tmp_path: Path) -> None:
    hog = f"{sys.executable} -c 'kept = b\"x\" * 50_000_000; print(len(kept), flush=True); input()'"
    result = await run(tmp_path, sh(f"mkfifo wait; for n in 1 2 3; do {hog} <> wait & done; wait"), memory=100_000_000)
    assert (result.end, result.text.count("50000000")) == (ProcessEnd.MEMORY_LIMIT, 3)


@pytest.mark.skipif(not LINUX, reason="other systems do not tell which processes a command has")
async def test_command_with_too_many_processes_is_stopped(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    start = f"for n in $(seq 30); do sleep 600 & echo $! >> {pids}; done; exec >&- 2>&-; wait"
    result = await run(tmp_path, sh(start), processes=20)
    assert result.end is ProcessEnd.PROCESS_LIMIT
    assert not any(alive(int(pid)) for pid in pids.read_text().split())


@pytest.mark.skipif(not LINUX, reason="other systems have no such limits")
async def test_process_is_first_to_end_without_memory_and_has_limit_of_its_own(tmp_path: Path) -> None:
    limited = "until [ $(cat /proc/self/oom_score_adj) = 1000 ]; do :; done; ulimit -d"
    result = await run(tmp_path, ("/bin/bash", "-c", f"{limited}; exit 0"))
    assert result.text == f"{memory_limit() // 1024}\n"
