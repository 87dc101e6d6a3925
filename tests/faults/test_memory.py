"""What has no end, or is far too much, is given up or let pass: the process holds little of it, in all protocols.

Each case is a process of its own, whose peak the system tells. The limits are wide: what is looked for is memory
that grows with what the server sends.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from termchat.core.models import ApiProtocol
from termchat.core.outcomes import ExitCode
from tests.faults.preloaded import Ran, Warm
from tests.faults.support import configure, provider
from tests.faults.table import BOMB, PACKED
from tests.gateway import Gateway, Repeat, Reply, Text, fault
from tests.gateway.answers import Answer
from tests.providers.support import MODELS, PROTOCOLS

ALL = pytest.mark.parametrize("speech", PROTOCOLS)
MB = 1_000_000
MOST = 80 * MB  # five times the longest event that is taken; each case sends more, or would
IN_THE_BODY: dict[str, tuple[tuple[Answer, ...], ExitCode]] = {
    "a line of 20 MB": ((Reply(Text("one "), fault.huge_line(20 * MB)),), ExitCode.CUT),
    "a line without end": ((fault.endless_line(),), ExitCode.ERROR),
    "an event of lines without end": ((fault.endless_data_lines(),), ExitCode.ERROR),
    "comments without end": ((fault.endless_line(b": x\n", b": xxx\n" * 5000),), ExitCode.CUT),
    "the size of a chunk without end": ((fault.endless_chunk_size(),), ExitCode.CUT),
    "JSON without end": ((fault.endless_json(),), ExitCode.ERROR),
    "a bomb of 200 MB": ((fault.gzip_bomb(),), ExitCode.ERROR),
}
IN_THE_HEAD: dict[str, tuple[tuple[Answer, ...], ExitCode]] = {
    "headers without end": ((fault.endless_headers(),), ExitCode.ERROR),
    "a header without end": ((fault.endless_header(),), ExitCode.ERROR),
    "an error without end": ((fault.endless_error(),), ExitCode.ERROR),
    "a bomb as an error": ((fault.Status(400, body=BOMB, headers=PACKED),), ExitCode.ERROR),
}
HOSTILE = IN_THE_BODY | IN_THE_HEAD
# Bodies are read by one reader of ours, which has the response of an SDK or, for Gemini, of the transport.
CASES = [(name, speech) for speech in (ApiProtocol.CHAT, ApiProtocol.GEMINI) for name in IN_THE_BODY]
CASES += [(name, speech) for speech in PROTOCOLS for name in IN_THE_HEAD]


PIECES = {
    ApiProtocol.CHAT: 100_000,
    ApiProtocol.RESPONSES: 100_000,
    ApiProtocol.ANTHROPIC: 1_000_000,
    ApiProtocol.GEMINI: 50_000,
}
"""What follows the decoders is the same for all, so one protocol goes all the way: it takes some ten seconds."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def warm(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Warm]:
    async with Warm(tmp_path_factory.mktemp("memory")) as running:
        yield running


async def asked(warm: Warm, gateway: Gateway, home: Path, speech: ApiProtocol) -> Ran:
    configure(home, provider("it", gateway.url, speech))
    return await warm.run(
        ["--retries", "0", "-m", f"it/{MODELS[speech]}", "hello"], {"HOME": str(home), "LANG": "C"}, home
    )


@pytest.mark.parametrize(("name", "speech"), CASES)
@pytest.mark.asyncio(loop_scope="module")
async def test_memory_endless_answer_is_bounded(
    warm: Warm, gateway_thread: Gateway, tmp_path: Path, speech: ApiProtocol, name: str
) -> None:
    answers, code = HOSTILE[name]
    gateway_thread.reply(*answers)
    ran = await asked(warm, gateway_thread, tmp_path, speech)
    assert ran.code == code, ran.err
    assert ran.memory < MOST
    assert len(ran.err) < 2000


@ALL
@pytest.mark.asyncio(loop_scope="module")
async def test_memory_endless_model_list_is_bounded(
    warm: Warm, gateway_thread: Gateway, tmp_path: Path, speech: ApiProtocol
) -> None:
    gateway_thread.models_answer = fault.endless_json()
    configure(tmp_path, provider("it", gateway_thread.url, speech))
    ran = await warm.run(["models"], {"HOME": str(tmp_path), "LANG": "C"}, tmp_path)
    assert ran.memory < 2 * MOST
    assert "not an API reply" in ran.err


@ALL
@pytest.mark.asyncio(loop_scope="module")
async def test_memory_of_tiny_pieces_exceeds_large_ones_by_under_50_mb(
    warm: Warm, gateway_thread: Gateway, tmp_path: Path, speech: ApiProtocol
) -> None:
    """Through decoder, pump, assembly, recorder and output: the text is held, and not each piece of it."""
    count = PIECES[speech]
    large = Reply(Text(*["tok " * 10_000] * (count // 10_000)))
    tiny = Reply(Text("tok ", "tok ", "tok ")).after(1, Repeat(count - 2))
    peaks = {}
    for name, reply in (("large", large), ("tiny", tiny)):
        gateway_thread.reply(reply)
        ran = await asked(warm, gateway_thread, tmp_path / name, speech)
        assert (ran.code, ran.out == b"tok " * count, ran.err) == (0, True, "")
        peaks[name] = ran.memory
    assert peaks["tiny"] - peaks["large"] < 50 * MB, peaks
