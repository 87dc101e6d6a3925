"""Files of functions, and real workers that run them."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from termchat.tools.functions.pool import Launch, Loaded, WorkerPool

Pools: TypeAlias = Callable[..., WorkerPool]


def write(folder: Path, name: str, text: str) -> Path:
    """Write a file of functions."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(textwrap.dedent(text))
    return file


def launch(cwd: Path, **more: Any) -> Launch:
    return Launch(cwd, lambda: dict(os.environ), **{"path": tuple(path for path in sys.path if path), **more})


@pytest.fixture
async def pools(tmp_path: Path) -> AsyncIterator[Pools]:
    """A maker of pools of files, which end with the test."""
    async with AsyncExitStack() as stack:

        def make(*files: Path, **more: Any) -> WorkerPool:
            pool = WorkerPool([str(file) for file in files], launch(tmp_path, **more))
            stack.push_async_callback(pool.close)
            return pool

        yield make


async def call(pool: WorkerPool, name: str, **arguments: object) -> tuple[dict[str, Any], str, str]:
    """Call a function; return the answer, the output, and the live output."""
    live: list[str] = []
    answer, output = await pool.call(name, arguments, live.append, None)
    return answer, output, "".join(live)


def problems(loaded: Loaded) -> list[tuple[str, int, str]]:
    return [(Path(problem.file).name, problem.line, problem.words) for problem in loaded.problems]
