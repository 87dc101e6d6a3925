"""Start termchat in a test by a fork of a process that has imported it.

An import takes a third of a second of processor time, and a thousand tests start a process. `ProgramProcess` is a
`subprocess.Popen`, `run_program` runs one to its end, `start_terminal_program` starts in a pseudo-terminal. They fork
where a new interpreter would do the same. The new process is a child of the test process, and has its own command line,
environment, working directory, umask, standard streams and terminal. A command that tests the start itself, such as one
with `-c`, a variable of Python or another locale, runs in a new interpreter, and so does every command outside Linux.
"""

from __future__ import annotations

import atexit
import ctypes
import fcntl
import gc
import json
import logging
import os
import pkgutil
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from functools import _lru_cache_wrapper
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
_PROTOCOLS = ("openai", "responses", "anthropic", "gemini")
_MODULES = ("termchat", "tests.pty.program")  # run by `python -m`
_AT_START = ("PYTHON", "LD_", "LC_", "MALLOC_", "TERMCHAT_EAGER_SDK")  # variables that are read before or on import
_LATE = ("pygments.lexers.python", "pygments.unistring", "rich.style", "tests.ui.fakes", "typer")  # imported on use
_LOCALES = ("C", "C.UTF-8")
_PR_SET_CHILD_SUBREAPER = 36  # prctl(2)


class ProgramProcess(subprocess.Popen[bytes]):
    """A process with pipes, forked from the fork server if possible."""

    def _execute_child(self, *arguments: Any) -> None:
        command, executable, preexec, _, pass_fds, cwd, env, _, _, shell = arguments[:10]
        pipes = arguments[10:16]
        streams = [fd if fd >= 0 else number for number, fd in enumerate((pipes[0], pipes[3], pipes[5]))]
        if executable or preexec or pass_fds or shell or env is None or not _is_forked(command, env):
            super()._execute_child(*arguments)  # type: ignore[misc]
            return
        self.pid = _client().start(command, streams, env, cwd or os.getcwd(), terminal=False)
        self._child_created = True
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]


def run_program(
    command: Sequence[str], stdin: bytes | None = None, *, env: Mapping[str, str], cwd: Path, timeout: float = 60
) -> subprocess.CompletedProcess[bytes]:
    """Run a command to its end; without `stdin`, standard input is the null device. Raise TimeoutExpired (seconds)."""
    source = subprocess.DEVNULL if stdin is None else subprocess.PIPE
    with ProgramProcess(
        command, stdin=source, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, cwd=cwd
    ) as process:
        try:
            out, error = process.communicate(stdin, timeout)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(command, process.returncode, out, error)


def start_terminal_program(command: Sequence[str], terminal: int, env: Mapping[str, str]) -> int:
    """Run a command in the root of the repository, with a terminal (file descriptor) of its own; return its pid."""
    if _is_forked(command, env):
        return _client().start(command, (terminal,) * 3, env, ROOT, terminal=True)
    pid = os.fork()
    if pid == 0:
        _take_streams((terminal,) * 3, terminal=True)
        os.chdir(ROOT)
        os.execvpe(command[0], list(command), dict(env))
    return pid


def _is_forked(command: Sequence[str], env: Mapping[str, str]) -> bool:
    extra = [name for name in env if name.startswith(_AT_START) and (name, env[name]) != ("PYTHONPATH", str(ROOT))]
    return (
        sys.platform == "linux"
        and list(command[:2]) == [sys.executable, "-m"]
        and command[2] in _MODULES
        and env.get("LANG", "C") in _LOCALES
        and not extra
    )


class _Client:
    """The fork server and the connection to it, of one test process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._link, theirs = socket.socketpair()
        with theirs:
            self._server = subprocess.Popen(
                [sys.executable, "-m", "tests.fork_server", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)},
                cwd=ROOT,
                pass_fds=[theirs.fileno()],
            )
        atexit.register(self._close)

    def _close(self) -> None:
        self._link.close()
        self._server.wait()

    def start(
        self, command: Sequence[str], streams: Sequence[int], env: Mapping[str, str], cwd: str | Path, *, terminal: bool
    ) -> int:
        """Start a command with three file descriptors as its standard streams; return its pid."""
        umask = os.umask(0)
        os.umask(umask)
        job = {"command": list(command[2:]), "env": dict(env), "cwd": str(cwd), "umask": umask, "terminal": terminal}
        data = json.dumps(job).encode()
        with self._lock:
            _adopt_orphans(True)
            try:
                socket.send_fds(self._link, [len(data).to_bytes(4)], streams)
                self._link.sendall(data)
                answer = self._link.recv(4)
            finally:
                _adopt_orphans(False)
        assert answer, "the fork server has ended"
        return int.from_bytes(answer)


_clients: list[_Client] = []
_clients_lock = threading.Lock()


def _client() -> _Client:
    with _clients_lock:
        if not _clients:
            _clients.append(_Client())
        return _clients[0]


def _adopt_orphans(adopt: bool) -> None:
    """Set if this process becomes the parent of its descendants whose parent has ended (Linux)."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, int(adopt), 0, 0, 0)


def main() -> None:
    """Serve; return in each forked process when it has run its module."""
    import_all()
    _run_module(_serve(socket.socket(fileno=int(sys.argv[1]))))


def import_all() -> None:
    """Send a request in each protocol to a closed port, which imports the SDKs; then import everything else."""
    import termchat
    from termchat.app import Options, run_app

    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    with tempfile.TemporaryDirectory() as home, Path(os.devnull).open("w") as nowhere, redirect_stderr(nowhere):
        file = Path(home, "termchat", "config.toml")
        file.parent.mkdir()
        rows = (f'[providers.{protocol}]\nkey = "k"\n{protocol} = "http://127.0.0.1:1"\n' for protocol in _PROTOCOLS)
        file.write_text("".join(rows))
        file.chmod(0o600)
        env = {"HOME": home, "XDG_CONFIG_HOME": home, "XDG_DATA_HOME": home}
        for protocol in _PROTOCOLS:
            run_app(Options("hello", settings={"model": f"{protocol}/any", "max_retries": "0"}, read_input=False), env)
    for number, handler in handlers.items():  # a run leaves its own, and a program would not notice a signal
        signal.signal(number, handler)
    for module in pkgutil.walk_packages(termchat.__path__, "termchat."):
        if not module.name.endswith("__main__"):
            try:
                import_module(module.name)
            except ImportError:  # of another platform
                pass
    for name in _LATE:
        import_module(name)
    gc.unfreeze()  # `get_objects` returns no frozen ones
    for found in gc.get_objects():  # a cache may hold what belongs to the process: its name, its home, its folders
        if isinstance(found, _lru_cache_wrapper) and found.__module__.startswith("termchat."):
            found.cache_clear()
    tempfile.tempdir = None
    logger = logging.getLogger("termchat")
    logger.handlers.clear()  # of the requests
    logger.propagate = True
    gc.collect()
    gc.freeze()


def _serve(link: socket.socket) -> list[str]:
    """Fork a process for each job; return its command in the process. Exit at the end of the connection."""
    while True:
        size, streams, _, _ = socket.recv_fds(link, 4, 3)
        if not size:
            sys.exit()
        data = b""
        while len(data) < int.from_bytes(size):
            data += link.recv(int.from_bytes(size) - len(data))
        job = json.loads(data)
        ours, theirs = os.pipe()
        between = os.fork()
        if between == 0:
            pid = os.fork()
            if pid == 0:
                return _become(job, streams)
            os.write(theirs, pid.to_bytes(4))
            os._exit(0)
        os.waitpid(between, 0)  # the process is a child of the test process from now on
        link.sendall(os.read(ours, 4))
        for fd in (ours, theirs, *streams):
            os.close(fd)


def _become(job: dict[str, Any], streams: Sequence[int]) -> list[str]:
    _take_streams(streams, terminal=job["terminal"])
    os.environ.clear()
    os.environ.update(job["env"])
    if os.environ.get("LANG", "C") == "C":
        os.environ["LC_CTYPE"] = "C.UTF-8"  # as the interpreter does (PEP 538)
    time.tzset()
    os.umask(job["umask"])
    os.chdir(job["cwd"])
    sys.path[0] = job["cwd"]
    for fd, name in enumerate(("stdin", "stdout", "stderr")):
        old = getattr(sys, name)
        buffering = 1 if fd == 2 or (fd == 1 and os.isatty(fd)) else -1
        mode = "w" if fd else "r"
        new = open(fd, mode, buffering, old.encoding, old.errors, "\n", closefd=False)  # noqa: SIM115 - until the exit
        setattr(sys, name, new)
        setattr(sys, f"__{name}__", new)
    return job["command"]


def _take_streams(streams: Sequence[int], *, terminal: bool) -> None:
    """Make file descriptors the standard streams, close all others; with `terminal`, they are the controlling one."""
    if terminal:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, signal.SIG_DFL)  # a shell ignores them in a background job
        fcntl.ioctl(streams[0], termios.TIOCSCTTY, 0)
    for number, fd in enumerate(streams):
        os.dup2(fd, number)
    os.closerange(3, 256)


def _run_module(command: list[str]) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # as the interpreter does
    sys.argv[1:] = command[1:]
    runpy.run_module(command[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
