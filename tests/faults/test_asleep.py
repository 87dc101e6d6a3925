"""Test that time in which the process is suspended does not count as a stall.

`tests/engine/test_pump.py` tests the same with a simulated clock.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from termchat.core.models import ApiProtocol
from tests.faults.support import configure, provider
from tests.fork_server import ProgramProcess
from tests.gateway import Gate, Gateway, Reply, Text
from tests.providers.support import MODELS, PROTOCOLS

DEADLINE = 30.0  # seconds
STALL = 2.0  # seconds without data that count as a stall (`short_timeouts` in support.py)


def test_oneshot_suspended_twice_completes_without_stall(gateway_thread: Gateway, tmp_path: Path) -> None:
    """Suspend before the first word and again in the middle of the reply, in all protocols at once."""

    def suspended_twice(protocol: ApiProtocol) -> tuple[int, bytes, bytes]:
        before, between = gates = Gate(), Gate()
        model = f"{MODELS[protocol]}-{protocol.value}"
        gateway_thread.reply(Reply(before, Text("one "), between, Text("two")), model=model)
        with _script(tmp_path / protocol.value, gateway_thread.url, protocol, model) as process:
            for gate in gates:
                gate.reached.wait_blocking(DEADLINE)
                _suspend(process, 2 * STALL)
                gate.open()
            out, err = process.communicate(timeout=DEADLINE)
        return process.returncode, out, err

    with ThreadPoolExecutor() as threads:
        assert list(threads.map(suspended_twice, PROTOCOLS)) == [(0, b"one two", b"")] * len(PROTOCOLS)


@contextmanager
def _script(home: Path, url: str, protocol: ApiProtocol, model: str) -> Iterator[subprocess.Popen[bytes]]:
    configure(home, provider("it", url, protocol, short_timeouts=True))
    command = [sys.executable, "-m", "termchat", "-n", "-m", f"it/{model}", "hello"]
    env = {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C"}
    process = ProgramProcess(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _suspend(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Stop a process with SIGSTOP and continue it after some seconds."""
    process.send_signal(signal.SIGSTOP)
    stopped = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
    assert stopped is not None and stopped.si_status == signal.SIGSTOP
    time.sleep(seconds)  # the elapsed time is under test
    process.send_signal(signal.SIGCONT)
