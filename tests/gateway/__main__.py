"""Run the gateway: `python -m tests.gateway [--port 8808] [--minutes 60]`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib

from tests.gateway import reading
from tests.gateway.requests import RecordedRequest
from tests.gateway.scenario import BEHAVIOURS, select_answer
from tests.gateway.server import MODELS, Gateway
from tests.gateway.signatures import Protocol

_HELLO = """The gateway listens on {url} for {minutes:g} minutes. In the shell that runs termchat:

  export OPENAI_BASE_URL={url}/v1 OPENAI_API_KEY=sk-not-a-real-key
  export ANTHROPIC_BASE_URL={url}/anthropic ANTHROPIC_API_KEY=sk-ant-not-a-real-key
  export GOOGLE_GEMINI_BASE_URL={url} GEMINI_API_KEY=AIza-not-a-real-key

or in its configuration:

  [providers.gateway]
  key = "sk-not-a-real-key"
  openai = "{url}/v1"
  responses = "{url}/v1"
  anthropic = "{url}/anthropic"
  gemini = "{url}"
  route = {{ "claude*" = "anthropic", "gemini*" = "gemini", "gpt*" = "responses", "*" = "openai" }}

Model names, or whole messages, with a meaning: {behaviours}
"""


async def serve(port: int, minutes: float) -> None:
    """Serve for `minutes`."""
    gateway = Gateway(port=port)
    gateway.models = {protocol: (*MODELS[protocol], *BEHAVIOURS) for protocol in Protocol}
    gateway.always(select_answer)
    gateway.allow_plain()
    gateway.on_request = _print
    async with gateway:
        print(_HELLO.format(url=gateway.url, minutes=minutes, behaviours=" ".join(BEHAVIOURS)), flush=True)
        await asyncio.sleep(minutes * 60)


def _print(request: RecordedRequest) -> None:
    verdict = "; ".join(request.problems) or "valid"
    if request.kind != "reply":
        print(f"{request.method} {request.path}: {verdict}", flush=True)
        return
    count = len(reading.messages(request))
    print(f"{request.protocol} {request.model}, {count} messages: {verdict}", flush=True)


def main() -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser(prog="python -m tests.gateway", description=__doc__)
    parser.add_argument("--port", type=int, default=8808)
    parser.add_argument("--minutes", type=float, default=60)
    options = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(options.port, options.minutes))


if __name__ == "__main__":
    main()
