"""Times of start and end, compared with the bare libraries in one run: `python -m tests.bench.start [--rounds 9]`.

    first key      start of the process, without and with flags, to the first typed key on the screen; floor: a
                   prompt_toolkit prompt that imports the openai SDK on a thread
    to the wire    start of the process to the request at the server; floor: the bare SDK that streams and prints
    50 ms away     the same over TLS with a round trip of 50 ms, and how long the open connection waits for the request
    to the end     the reply's last byte sent to the end of the process; the same floor
    Tab            the call of a completion script, from its start to its end; floor: Python that does nothing

Medians of interleaved runs. Compare the ratios; the milliseconds depend on the machine.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, NamedTuple, TypeVar

import pyte

from tests.bench import peer
from tests.bench.clients import BASES, FLOOR_PROMPT, OURS, Home, floor_script, new_home, our_script
from tests.bench.server import Relay, relay
from tests.bench.store import database
from tests.bench.table import Goal, Plan, Row, interleaved, middle, progress, run
from tests.bench.terminal import NotShownError, Pty
from tests.gateway import Gateway, GatewayThread, Reply, Stall, Text

_T = TypeVar("_T")
_WIRE_GOALS = {"openai": 0.70, "responses": 0.70, "anthropic": 0.40, "gemini": 0.90}
_PROTOCOLS = {"chat": "openai", "responses": "responses", "anthropic": "anthropic", "gemini": "gemini"}
_AWAY = 0.05  # seconds of a round trip
_TALK = 0.2  # seconds from the first to the last word of a reply
_TRIES = 20.0  # seconds


def rows(plan: Plan) -> Iterator[Row]:
    """First key, time to the wire and to the end."""
    with new_home() as home, GatewayThread() as gateway:
        gateway.always(Reply(Text("hello"), Stall(_TALK), Text(" world")))
        gateway.allow_plain()
        gateway.expect_problems()  # the floor scripts send minimal requests
        home.serve(gateway.url)
        yield from _first_keys(plan, home, gateway)
        yield from _completions(plan, home)
        yield from _exchanges(plan, home, gateway)
        with relay(gateway.port, home.config.parent, _AWAY) as far:
            home.serve(far.url)
            yield from _far_exchange(plan, home.env | {"SSL_CERT_FILE": str(far.ca)}, gateway, far)


def _first_keys(plan: Plan, home: Home, gateway: Gateway) -> Iterator[Row]:
    floor = [sys.executable, "-c", FLOOR_PROMPT]
    ways = {"bare": [], "-m": ["-m", "demo/tour"], "-c": ["-c"]}
    measures = [lambda: key_seen(floor, home.env, "> x")]
    measures += [lambda flags=flags: key_seen([*OURS, *flags], home.env, "❯ x") for flags in ways.values()]
    with new_home() as full:
        full.database.parent.mkdir(parents=True)
        shutil.copyfile(database(messages=110_000, chats=50_000), full.database)
        full.serve(gateway.url)
        stored = {"50,000 chats": [], "50,000 chats, --chat of 10,000 messages": ["--chat", "long"]}
        measures += [lambda flags=flags: key_seen([*OURS, *flags], full.env, "❯ x") for flags in stored.values()]
        program = plan.peer.open(gateway.url)
        works = works_once(plan, program, lambda: any_key_seen(program, gateway.url)) is not None
        if works:
            measures.append(lambda: any_key_seen(program, gateway.url))
        first, *times = interleaved(plan.rounds, *measures)
    other = middle(times[len(ways) + len(stored)]) if works else None
    bare = middle(times[0])
    yield Row("first key, bare", bare, "ms", middle(first), Goal(1.2), other)
    for name, taken in zip([*ways, *stored][1:], times[1:], strict=False):
        yield Row(f"first key, {name}", middle(taken), "ms", middle(first), Goal(most=1.2 * bare, words="1.2 x bare"))


def _completions(plan: Plan, home: Home) -> Iterator[Row]:
    words = {"a model": ["-m", "o"], "a chat": ["--chat", ""], "an option": ["--no"]}
    calls = [[sys.executable, "-c", "pass"]]
    calls += [[*OURS, "completion", "--words", "zsh", *given] for given in words.values()]

    def ended(call: Sequence[str]) -> float:
        begun = time.perf_counter()
        subprocess.run(call, env=home.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
        return time.perf_counter() - begun

    floor, *times = interleaved(plan.rounds, *(lambda call=call: ended(call) for call in calls))
    for name, taken in zip(words, times, strict=True):
        yield Row(f"Tab, {name}", middle(taken), "ms", middle(floor), Goal(most=100))


class Exchange(NamedTuple):
    """Of one run, in seconds: start to the request, last byte of the reply to the end of the process."""

    wire: float
    end: float
    protocol: str


def _exchanges(plan: Plan, home: Home, gateway: Gateway) -> Iterator[Row]:
    def other() -> Exchange:
        return exchange(program, peer.environment(gateway.url), gateway)

    program = plan.peer.ask(gateway.url, "hi")
    spoken = works_once(plan, program, other)
    for protocol in BASES:
        commands = floor_script(protocol, gateway.url), our_script(protocol)
        taken: list[list[Exchange]] = []
        for _ in range(plan.rounds + 1):
            pair = [exchange(command, home.env, gateway) for command in commands]
            taken.append([*pair, other()] if spoken and spoken.protocol == protocol else pair)
        floor, own, *more = zip(*taken[1:], strict=True)
        for name, goal, read in (
            (f"{protocol}: start to the wire", Goal(_WIRE_GOALS[protocol]), lambda run: run.wire),
            (f"{protocol}: last byte to process end", Goal(most=15), lambda run: run.end),
        ):
            against = middle(map(read, more[0])) if more else None
            yield Row(name, middle(map(read, own)), "ms", middle(map(read, floor)), goal, against)


def _far_exchange(plan: Plan, env: Mapping[str, str], gateway: Gateway, far: Relay) -> Iterator[Row]:
    def timed(command: Sequence[str]) -> tuple[float, float]:
        return exchange(command, env, gateway).wire, far.first - far.ready

    commands = floor_script("openai", far.url), our_script("openai")
    taken = [[timed(command) for command in commands] for _ in range(plan.rounds + 1)][1:]
    floor, own = zip(*taken, strict=True)
    away = f"{_AWAY * 1e3:.0f} ms away"
    name = f"openai, {away}: start to the wire"
    yield Row(name, middle(a for a, _ in own), "ms", middle(a for a, _ in floor), Goal(_WIRE_GOALS["openai"]))
    # The server has the end of the handshake half a round trip after the client, as it has the request.
    name = f"openai, {away}: open connection waits for the request"
    yield Row(name, middle(b for _, b in own), "ms", middle(b for _, b in floor), Goal(least=10))


def works_once(plan: Plan, command: Sequence[str], trial: Callable[[], _T]) -> _T | None:
    """Try the other client once; return the figure, None if it cannot be measured."""
    if not command:
        return None
    try:
        return trial()
    except (NotShownError, TimeoutError, subprocess.SubprocessError, OSError) as error:
        progress(f"  {plan.peer.name}: {error}")
        return None


def exchange(command: Sequence[str], env: Mapping[str, str], gateway: Gateway) -> Exchange:
    """Run a script that asks one question; output is discarded."""
    before = len(gateway.requests)
    begin = time.monotonic()
    quiet = subprocess.DEVNULL
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(command, env=dict(env), stdin=quiet, stdout=quiet, stderr=errors) as process,
    ):
        try:
            while not (asked := [one for one in gateway.requests[before:] if one.kind == "reply"]):
                if process.poll() is not None or time.monotonic() > begin + _TRIES:
                    raise NotShownError(f"{command[:3]} sends no request{_last_line(errors)}")
                time.sleep(0.002)
            asked[0].answered.wait_blocking(_TRIES)
            sent = time.monotonic()
            timer = threading.Timer(_TRIES, process.kill)
            timer.start()
            process.wait()  # with a timeout it would poll
            end = time.monotonic()
            timer.cancel()
        finally:
            process.kill()
        if process.returncode:
            raise NotShownError(f"{command[:3]} failed with {process.returncode}{_last_line(errors)}")
    return Exchange(asked[0].at - begin, end - sent, _PROTOCOLS[str(asked[0].protocol)])


def _last_line(errors: IO[bytes]) -> str:
    errors.seek(0)
    lines = errors.read().decode(errors="replace").split("\n")
    return "".join(f": {line}" for line in [*filter(None, lines)][-1:])


def key_seen(command: Sequence[str], env: Mapping[str, str], wanted: str) -> float:
    """Seconds from the start of a program in a terminal until `x`, typed at once, shows after its prompt."""
    screen = pyte.Screen(80, 24)
    stream = pyte.ByteStream(screen)
    typed = False
    with Pty(command, env) as terminal:
        while time.monotonic() - terminal.began < _TRIES:
            stream.feed(terminal.pump(0.5) or b"")
            shown = [row.rstrip() for row in screen.display]
            if not typed and any(row.startswith(wanted[0]) for row in shown):
                terminal.write(b"x")
                typed = True
            if wanted in shown:
                return time.monotonic() - terminal.began
    raise NotShownError(f"{command} never showed {wanted!r}:\n" + "\n".join(screen.display))


def any_key_seen(command: Sequence[str], url: str) -> float:
    """Seconds until a program that is not known shows a key, typed as soon as it reads single keys."""
    screen = pyte.Screen(80, 24)
    stream = pyte.ByteStream(screen)
    typed = 0.0
    with Pty(command, peer.environment(url)) as terminal:
        while (now := time.monotonic()) - terminal.began < _TRIES:
            data = terminal.pump(0.002)
            if data is None:
                break
            stream.feed(data)
            if data and typed and any("\u00df" in row for row in screen.display):
                return time.monotonic() - terminal.began
            if terminal.raw and now > typed + 0.5:  # a key is lost if the program clears its input then
                terminal.write("\u00df".encode())
                typed = now
    raise NotShownError(f"{command[:3]} echoes no key of its own")


if __name__ == "__main__":
    sys.exit(run(rows, __doc__))
