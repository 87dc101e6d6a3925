"""Time in which the process is suspended, or the machine sleeps, is no stall: nothing was given up, nothing is lost.

`test_pump` and `test_clocks` have the same by a clock of the test's own.
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
from tests.gateway import Gate, Gateway, Reply, Text
from tests.providers.support import MODELS, PROTOCOLS

PATIENCE = 30.0
CLOCK = 1.0  # seconds without data that are a stall, see support.py


def test_oneshot_suspended_twice_completes_without_stall(gateway_thread: Gateway, tmp_path: Path) -> None:
    """In all protocols at once, and twice: before the first word, and in the middle of the reply."""

    def suspended_twice(speech: ApiProtocol) -> tuple[int, bytes, bytes]:
        before, between = gates = Gate(), Gate()
        model = f"{MODELS[speech]}-{speech.value}"
        gateway_thread.reply(Reply(before, Text("one "), between, Text("two")), model=model)
        with _script(tmp_path / speech.value, gateway_thread.url, speech, model) as process:
            for gate in gates:
                gate.reached.wait_blocking(PATIENCE)
                _suspend(process, 2.5 * CLOCK)
                gate.open()
            out, err = process.communicate(timeout=PATIENCE)
        return process.returncode, out, err

    with ThreadPoolExecutor() as threads:
        assert list(threads.map(suspended_twice, PROTOCOLS)) == [(0, b"one two", b"")] * len(PROTOCOLS)


@contextmanager
def _script(home: Path, url: str, speech: ApiProtocol, model: str) -> Iterator[subprocess.Popen[bytes]]:
    configure(home, provider("it", url, speech, hasty=True))
    command = [sys.executable, "-m", "termchat", "-n", "-m", f"it/{model}", "hello"]
    env = {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C"}
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _suspend(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Stop a process, and let it go on when so much time has passed."""
    process.send_signal(signal.SIGSTOP)
    stopped = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
    assert stopped is not None and stopped.si_status == signal.SIGSTOP
    time.sleep(seconds)  # time itself is what this is about
    process.send_signal(signal.SIGCONT)
