"""Time in which the process is suspended, or the machine sleeps, is no stall: nothing was given up, nothing is lost.

`test_pump` and `test_clocks` have the same by a clock of the test's own.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from termchat.core.models import Protocol
from tests.faults.homes import configure, provider
from tests.gateway import Gate, Gateway, Reply, Text
from tests.providers.house import MODELS, SPEECHES

PATIENCE = 30.0
CLOCK = 1.0  # seconds without data that are a stall, see homes.py


@pytest.mark.parametrize("speech", SPEECHES)
def test_a_script_that_was_suspended_goes_on(gateway_thread: Gateway, tmp_path: Path, speech: Protocol) -> None:
    """Twice: before the first word, and in the middle of the reply."""
    before, between = Gate(), Gate()
    gateway_thread.reply(Reply(before, Text("one "), between, Text("two")))
    configure(tmp_path, provider("it", gateway_thread.url, speech, hasty=True))
    command = [sys.executable, "-m", "termchat", "-n", "-m", f"it/{MODELS[speech]}", "hello"]
    env = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "LANG": "C"}
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        for gate in (before, between):
            gate.reached.wait_blocking(PATIENCE)
            _suspend(process, 2.5 * CLOCK)
            gate.open()
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, out, err) == (0, b"one two", b"")


def _suspend(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Stop a process, and let it go on when so much time has passed."""
    process.send_signal(signal.SIGSTOP)
    stopped = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
    assert stopped is not None and stopped.si_status == signal.SIGSTOP
    time.sleep(seconds)  # time itself is what this is about
    process.send_signal(signal.SIGCONT)
