"""Another program of the same user cannot read the keys in the memory of termchat."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fork_server import ROOT

KEY = "sk-obviously-not-a-real-key-77aa"
_PR_CAPBSET_DROP = 24  # prctl(2)
_READS_ALL = (19, 21, 38)  # CAP_SYS_PTRACE, CAP_SYS_ADMIN and CAP_PERFMON (capabilities(7)), which root has


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is of Linux")
def test_child_process_cannot_read_the_environment_of_termchat(tmp_path: Path) -> None:
    config = tmp_path / "termchat" / "config.toml"
    config.parent.mkdir()
    config.write_text(
        '[providers.x]\nopenai = "http://127.0.0.1:9/v1"\n'
        'key = "cmd:cat /proc/self/environ /proc/$PPID/environ > read; echo key-of-the-command"\n'
    )
    libc = ctypes.CDLL(None)

    def drop_capabilities() -> None:
        for capability in _READS_ALL:
            libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)

    done = subprocess.run(
        [sys.executable, "-m", "termchat", "-m", "x/any", "--no-save", "--dry-run", "hi"],
        env={"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "MY_KEY": KEY},
        preexec_fn=drop_capabilities, cwd=tmp_path, timeout=60,
        stdin=subprocess.DEVNULL, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    read = next(tmp_path.rglob("read")).read_bytes()
    assert read.count(KEY.encode()) == 1  # the command has the environment of the user; that of termchat is closed
    assert b"key-of-the-command" not in done.stdout
