"""Times of start and end, compared with the bare libraries in one run: `python -m tests.bench.start [--runs 9]`.

    first key      start of the process, without and with flags, to the first typed key on the screen; floor: a
                   prompt_toolkit prompt that imports the openai SDK on a thread
    to the wire    start of the process to the request at the server; floor: the bare SDK that streams and prints
    to the end     the reply's last byte sent to the end of the process; the same floor

Medians of interleaved runs. Compare the ratios; the milliseconds depend on the machine.
"""

from __future__ import annotations

import argparse
import os
import pty
import select
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pyte

from tests.gateway import GatewayThread, Reply

FLOOR_PROMPT = """
import threading
from prompt_toolkit import PromptSession
threading.Thread(target=lambda: __import__("openai"), daemon=True).start()
PromptSession().prompt("> ")
"""
FLOOR_SDK = {
    "openai": """
import sys
from openai import OpenAI
client = OpenAI(api_key="sk-not-a-real-key", base_url=sys.argv[1] + "/v1", max_retries=0)
for chunk in client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}], stream=True):
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
""",
    "responses": """
import sys
from openai import OpenAI
client = OpenAI(api_key="sk-not-a-real-key", base_url=sys.argv[1] + "/v1", max_retries=0)
for event in client.responses.create(model="m", input="hi", store=False, stream=True):
    if event.type == "response.output_text.delta":
        print(event.delta, end="", flush=True)
""",
    "anthropic": """
import sys
from anthropic import Anthropic
client = Anthropic(api_key="sk-not-a-real-key", base_url=sys.argv[1] + "/anthropic", max_retries=0)
asked = dict(model="m", max_tokens=99, messages=[{"role": "user", "content": "hi"}])
for event in client.messages.create(stream=True, **asked):
    if event.type == "content_block_delta":
        print(event.delta.text, end="", flush=True)
""",
    "gemini": """
import sys
from google import genai
client = genai.Client(api_key="not-a-real-key", http_options={"base_url": sys.argv[1]})
for chunk in client.models.generate_content_stream(model="m", contents="hi"):
    print(chunk.text or "", end="", flush=True)
""",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as home:
        env = {"HOME": home, "PATH": os.environ["PATH"], "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        first_key(runs, env)
        with GatewayThread() as gateway:
            url = gateway.url
            gateway.always(Reply.text("hello"))
            gateway.allow_plain()
            gateway.expect_problems()  # the floor scripts send minimal requests
            bases = {"openai": "/v1", "responses": "/v1", "anthropic": "/anthropic", "gemini": ""}
            rows = (f'[providers.x{p}]\nkey = "sk-not-a-real-key"\n{p} = "{url}{base}"\n' for p, base in bases.items())
            config = Path(home, ".config", "termchat", "config.toml")
            config.parent.mkdir(parents=True)
            config.write_text("\n".join(rows))
            config.chmod(0o600)
            for protocol in bases:
                floor = [sys.executable, "-c", FLOOR_SDK[protocol], url]
                ours = [sys.executable, "-m", "termchat", "--no-tools", "-m", f"x{protocol}/m", "hi"]
                compare_exchange(protocol, runs, floor, ours, env, gateway.requests)


def first_key(runs: int, env: Mapping[str, str]) -> None:
    floor, ours = [sys.executable, "-c", FLOOR_PROMPT], [sys.executable, "-m", "termchat"]
    ways = {"": [], " with -m": ["-m", "demo/tour"], " with -c": ["-c"]}
    measures = [lambda: key_seen(floor, env, "> x")]
    measures += [lambda flags=flags: key_seen([*ours, *flags], env, "❯ x") for flags in ways.values()]
    first, *times = interleaved(runs, *measures)
    for name, taken in zip(ways, times, strict=True):
        report(f"first key{name}", first, taken)


def compare_exchange(
    protocol: str, runs: int, floor: list[str], ours: list[str], env: Mapping[str, str], requests: list
) -> None:
    def timed(command: list[str]) -> tuple[float, float]:
        begin = time.monotonic()
        subprocess.run(command, env=env, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        end = time.monotonic()
        request = requests[-1]
        return request.at - begin, end - request.at

    pairs = [(timed(floor), timed(ours)) for _ in range(runs + 1)][1:]
    report(f"{protocol}: to the wire", [a[0] for a, _ in pairs], [b[0] for _, b in pairs])
    report(f"{protocol}: wire to the end", [a[1] for a, _ in pairs], [b[1] for _, b in pairs])


def interleaved(runs: int, *measures: Callable[[], float]) -> list[list[float]]:
    """Run the measures in turn, `runs` times; the first round is discarded."""
    rounds = [[measure() for measure in measures] for _ in range(runs + 1)][1:]
    return [list(column) for column in zip(*rounds, strict=True)]


def key_seen(command: list[str], env: Mapping[str, str], wanted: str) -> float:
    """Seconds from the start of a program in a terminal until `x`, typed at once, shows after its prompt."""
    begin = time.monotonic()
    child, terminal = pty.fork()
    if child == 0:
        os.execvpe(command[0], command, dict(env))
    screen = pyte.Screen(80, 24)
    stream = pyte.ByteStream(screen)
    typed = False
    try:
        while time.monotonic() - begin < 20:
            if not select.select([terminal], [], [], 0.5)[0]:
                continue
            stream.feed(os.read(terminal, 65536))
            rows = [row.rstrip() for row in screen.display]
            if not typed and any(row.startswith(wanted[0]) for row in rows):
                os.write(terminal, b"x")
                typed = True
            if wanted in rows:
                return time.monotonic() - begin
        raise SystemExit(f"{command} never showed {wanted!r}:\n" + "\n".join(screen.display))
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        os.close(terminal)


def report(name: str, floor: list[float], ours: list[float]) -> None:
    a, b = statistics.median(floor), statistics.median(ours)
    print(f"{name:28} floor {a * 1000:7.1f} ms   termchat {b * 1000:7.1f} ms   ratio {b / a:5.2f}")


if __name__ == "__main__":
    main()
