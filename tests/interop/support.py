"""Install servers, start them, and send requests to them."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from termchat.core.models import ApiProtocol, ModelRef, ProviderConfig
from termchat.engine.session import ChatSession
from termchat.engine.turn import TurnConfig
from termchat.providers.registry import ProviderRegistry
from tests.engine.support import TOOLBOX
from tests.faults.preloaded import Ran
from tests.providers.support import base_url, registry_config

FOLDER = Path(tempfile.gettempdir()) / f"termchat-interop-{os.getuid()}"
PATIENCE = 120.0
KEY = "sk-obviously-not-a-real-key"
_HOME = {
    "HOME": pwd.getpwuid(os.getuid()).pw_dir
}  # installers read settings in the user's home; the tests' home is empty


def installed(name: str, *commands: Sequence[str], seconds: float = 900) -> Path:
    """Install a server with these commands, in which `{}` is the folder; return the folder. Later runs reuse it.

    Skips the test with the reason when the installation fails.
    """
    folder = FOLDER / name
    if (folder / "ready").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for command in commands:
        words = [word.replace("{}", str(folder)) for word in command]
        if shutil.which(words[0]) is None:
            pytest.skip(f"{name} cannot be installed: there is no {words[0]}")
        try:
            done = subprocess.run(
                words, env=os.environ | _HOME, capture_output=True, text=True, timeout=seconds, check=False
            )
        except subprocess.TimeoutExpired:
            pytest.skip(f"{name} cannot be installed: it took longer than {seconds:.0f} s")
        if done.returncode:
            why = (done.stderr or done.stdout).strip().splitlines()
            pytest.skip(f"{name} cannot be installed: {why[-1] if why else done.returncode}")
    (folder / "ready").touch()
    return folder


def venv(*packages: str) -> tuple[Sequence[str], ...]:
    """The commands that create a virtual environment with these packages."""
    pip = ("{}/bin/python", "-m", "pip", "install", "-q", *packages)
    return (sys.executable, "-m", "venv", "{}"), pip


@contextmanager
def serving(command: Sequence[str], port: int, ready: str, log: Path, **env: str) -> Iterator[str]:
    """Run a server during the block; yield its URL once it answers the path `ready`."""
    url = f"http://127.0.0.1:{port}"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=os.environ | env, cwd=log.parent, stdout=output, stderr=output, stdin=subprocess.DEVNULL
        )
        try:
            _wait_for(url + ready, process, log)
            yield url
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            if httpx2.get(url, timeout=5, trust_env=False, headers={"authorization": f"Bearer {KEY}"}).is_success:
                return
        except httpx2.HTTPError:
            pass
        assert process.poll() is None, f"the server has ended:\n{log.read_text()[-800:]}"
        assert time.monotonic() < end, f"the server is not ready:\n{log.read_text()[-800:]}"
        time.sleep(0.05)  # until the next poll


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def provider_config(url: str, protocol: ApiProtocol, **fields: Any) -> ProviderConfig:
    """A provider of one protocol, named after it."""
    bases = {protocol: base_url(url, protocol)}
    return ProviderConfig(protocol.value, key=KEY, base_urls=bases, max_tokens={"*": 512}, source="test", **fields)


@asynccontextmanager
async def session(first: ModelRef, *provider_configs: ProviderConfig, **plan: Any) -> AsyncIterator[ChatSession]:
    """Open a session over the real engine and SDKs, with `look` and `count`; `plan` holds `TurnConfig` fields."""
    registry = ProviderRegistry(registry_config(*provider_configs))
    try:
        yield ChatSession(TurnConfig(first, registry, **{"tools": TOOLBOX, "max_rounds": 3, **plan}))
    finally:
        await registry.aclose()


def script(home: Path, rows: str, *arguments: str) -> Ran:
    """Run a one-shot process, or a subcommand, with these rows of configuration."""
    file = home / ".config" / "termchat" / "config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(rows)
    file.chmod(0o600)
    done = subprocess.run(
        [sys.executable, "-m", "termchat", *(() if arguments[0] == "batch" else ("-n",)), *arguments],
        env={"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C", "TERMCHAT_MAX_RETRIES": "0"},
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr.decode(), 0)


def rows(url: str, protocol: ApiProtocol, extra: str = "") -> str:
    return f'[providers.it]\nkey = "{KEY}"\n{protocol.value} = "{base_url(url, protocol)}"\n{extra}\n'
