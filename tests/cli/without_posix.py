"""Run termchat without the modules, functions and signals that Windows lacks: `python -m tests.cli.without_posix ...`.

The event loop refuses signal handlers and readers and writers of files, and `select` takes only sockets.
"""

from __future__ import annotations

import asyncio
import os
import pathlib
import platform
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import uuid
from typing import Any

MODULES = ("fcntl", "termios", "tty", "pty", "pwd", "grp", "resource", "readline", "curses", "syslog", "crypt", "spwd")
SIGNALS = ("SIGALRM", "SIGCHLD", "SIGCONT", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGSTOP", "SIGTSTP", "SIGTTIN",
           "SIGTTOU", "SIGUSR1", "SIGUSR2", "SIGWINCH", "alarm", "pthread_sigmask", "setitimer", "siginterrupt",
           "sigwait")  # fmt: skip
FUNCTIONS = ("O_CLOEXEC", "O_DIRECTORY", "O_NOCTTY", "O_NOFOLLOW", "O_NONBLOCK", "chown", "ctermid", "fchmod", "fchown",
             "fork", "getegid", "geteuid", "getgid", "getgroups", "getloadavg", "getpgid", "getpgrp", "getsid",
             "getuid", "killpg", "mkfifo", "nice", "openpty", "pathconf", "sched_getaffinity", "setpgid", "setsid",
             "statvfs", "sysconf", "tcgetpgrp", "tcsetpgrp", "ttyname", "uname")  # fmt: skip


def remove_posix() -> None:
    """Remove everything that Windows lacks from the modules that are loaded, and keep the missing ones from loading."""
    assert all((asyncio, pathlib, platform, socket, ssl, subprocess, tempfile, uuid)), "loaded before the removal"
    for name in MODULES:
        sys.modules[name] = None  # type: ignore[assignment]
    for module, names in ((signal, SIGNALS), (os, FUNCTIONS), (select, ("poll", "epoll"))):
        for name in names:
            if hasattr(module, name):
                delattr(module, name)
    os.supports_dir_fd = set()
    loaded: Any = shutil  # looked at supports_dir_fd when it was loaded
    loaded._use_fd_functions = False
    if sys.version_info >= (3, 14):  # it has chosen the function when it was loaded
        loaded._rmtree_impl = loaded._rmtree_unsafe
    if sys.version_info >= (3, 13):  # it calls sched_getaffinity
        os.process_cpu_count = os.cpu_count
    loop: Any = asyncio.SelectorEventLoop
    for name in ("add_signal_handler", "remove_signal_handler"):
        setattr(loop, name, _not_implemented)
    loop.add_reader, loop.add_writer = (_sockets_only(loop.add_reader), _sockets_only(loop.add_writer))
    select.select = _select(select.select)  # type: ignore[assignment]


def _not_implemented(*_: object) -> None:
    raise NotImplementedError


def _sockets_only(original: Any) -> Any:
    def checked(loop: Any, fd: Any, *more: Any) -> Any:
        if isinstance(fd, int) and not _is_socket(fd):
            raise NotImplementedError
        return original(loop, fd, *more)

    return checked


def _select(original: Any) -> Any:
    def checked(*given: Any) -> Any:
        if not all(_is_socket(fd) for group in given[:3] for fd in group):
            raise OSError(10038, "An operation was attempted on something that is not a socket")
        return original(*given)

    return checked


def _is_socket(fd: Any) -> bool:
    try:
        socket.socket(fileno=os.dup(fd if isinstance(fd, int) else fd.fileno())).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    remove_posix()
    from termchat.__main__ import main

    main()
