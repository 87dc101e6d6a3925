"""Recorded streams with the quirks of real servers: their deltas, independent of the chunks of bytes.

`tests/wire` holds the recordings (`.sse`, the format of `--record`) and the expected deltas (`.txt`).
"""

from __future__ import annotations

import random
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from termchat.core.events import Delta, RequestAccepted
from termchat.providers.decoder import ServerError
from termchat.providers.http.recording import RecordedResponse, parse_recording
from termchat.providers.http.response_body import decode_body
from termchat.providers.replay import decoder_for
from tests import golden
from tests.gateway import Gateway, fault
from tests.providers.decode_support import new_ids
from tests.providers.support import provider_config, run_request

FOLDER = Path(__file__).parent.parent / "wire"
RECORDINGS = sorted(file.stem for file in FOLDER.glob("*.sse"))


def recording(name: str) -> RecordedResponse:
    (found,) = parse_recording((FOLDER / f"{name}.sse").read_bytes())
    return found


async def decoded(recorded: RecordedResponse, chunks: list[bytes]) -> list[str]:
    """The deltas of a body in these chunks as text, and its end or failure."""

    async def body() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    decoder = decoder_for(recorded, new_ids())
    deltas: list[Delta] = []
    try:
        async for delta in decode_body(body(), decoder):
            deltas.append(delta)  # noqa: PERF401, deltas before a failure are kept
    except ServerError as error:
        return [*map(golden.delta, deltas), f"failed: {error.body}"]
    return [*map(golden.delta, deltas), "whole" if decoder.finished else "cut"]


@pytest.mark.parametrize("name", RECORDINGS)
async def test_recording_decodes_to_golden_file(name: str, request: pytest.FixtureRequest) -> None:
    found = recording(name)
    text = "\n".join(await decoded(found, [found.body])) + "\n"
    golden.check(FOLDER / f"{name}.txt", text, update=bool(request.config.getoption("--update-golden")))


@pytest.mark.parametrize("name", RECORDINGS)
async def test_recording_decodes_equally_for_any_split(name: str) -> None:
    found, seed = recording(name), random.randrange(1 << 32)
    whole, rng = await decoded(found, [found.body]), random.Random(seed)
    for turn in range(100):
        size = rng.choice([1, 3, 17, 200]) if turn else 1
        cuts = sorted(rng.sample(range(len(found.body)), max(1, len(found.body) // size // 2)))
        chunks = [found.body[a:b] for a, b in zip([0, *cuts], [*cuts, len(found.body)], strict=True)]
        assert await decoded(found, chunks) == whole, f"seed {seed}, split {turn}"


@pytest.mark.parametrize("name", RECORDINGS)
async def test_recording_decodes_equally_through_sdk(gateway: Gateway, name: str) -> None:
    found = recording(name)
    gateway.reply(fault.Body(found.body, found.content_type))
    made = provider_config(gateway.url, found.protocol, quirks=frozenset(found.quirks))
    deltas, _ = await run_request(made, name=found.model)
    expected = [line for line in await decoded(found, [found.body]) if not line.startswith(("failed", "cut", "whole"))]
    ours, theirs = golden.Names(), re.compile("new([0-9]+)")
    deltas = [delta for delta in deltas if not isinstance(delta, RequestAccepted)]
    assert [ours(golden.delta(delta)) for delta in deltas] == [theirs.sub(r"id\1", line) for line in expected]
