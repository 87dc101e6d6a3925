"""Test that endless or oversized answers do not grow the memory of the process, in all protocols.

Each case is a process, whose peak memory the operating system reports. The limits are wide, since only growth with
the size of the answer matters.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from termchat.core.models import ApiProtocol
from termchat.core.outcomes import ExitCode
from tests.faults.preloaded import ForkServer, Ran
from tests.faults.support import configure, provider
from tests.faults.table import BOMB, PACKED
from tests.gateway import Gateway, Repeat, Reply, Text, fault
from tests.gateway.answers import Answer
from tests.providers.support import MODELS, PROTOCOLS

pytestmark = pytest.mark.timeout(600)  # a million pieces take minutes on a busy machine
ALL = pytest.mark.parametrize("protocol", PROTOCOLS)
MB = 1_000_000
MOST = 80 * MB  # five times the longest event that is accepted; each case sends more or never ends
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
# One reader reads all bodies: the response of an SDK or, for Gemini, of the HTTP transport. Two protocols suffice.
CASES = [(name, protocol) for protocol in (ApiProtocol.CHAT, ApiProtocol.GEMINI) for name in IN_THE_BODY]
CASES += [(name, protocol) for protocol in PROTOCOLS for name in IN_THE_HEAD]


# Pieces per reply. The code behind the decoders is shared, so only Anthropic sends a million, in about ten seconds.
PIECES = {
    ApiProtocol.CHAT: 100_000,
    ApiProtocol.RESPONSES: 100_000,
    ApiProtocol.ANTHROPIC: 1_000_000,
    ApiProtocol.GEMINI: 50_000,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fork_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ForkServer]:
    async with ForkServer(tmp_path_factory.mktemp("memory")) as running:
        yield running


async def run_question(fork_server: ForkServer, gateway: Gateway, home: Path, protocol: ApiProtocol) -> Ran:
    configure(home, provider("it", gateway.url, protocol))
    return await fork_server.run(
        ["--retries", "0", "-m", f"it/{MODELS[protocol]}", "hello"], {"HOME": str(home), "LANG": "C"}, home
    )


@pytest.mark.parametrize(("name", "protocol"), CASES)
@pytest.mark.asyncio(loop_scope="module")
async def test_memory_endless_answer_is_bounded(
    fork_server: ForkServer, gateway_thread: Gateway, tmp_path: Path, protocol: ApiProtocol, name: str
) -> None:
    answers, code = HOSTILE[name]
    gateway_thread.reply(*answers)
    ran = await run_question(fork_server, gateway_thread, tmp_path, protocol)
    assert ran.code == code, ran.err
    assert ran.memory < MOST
    assert len(ran.err) < 2000


@ALL
@pytest.mark.asyncio(loop_scope="module")
async def test_memory_endless_model_list_is_bounded(
    fork_server: ForkServer, gateway_thread: Gateway, tmp_path: Path, protocol: ApiProtocol
) -> None:
    gateway_thread.models_answer = fault.endless_json()
    configure(tmp_path, provider("it", gateway_thread.url, protocol))
    ran = await fork_server.run(["models"], {"HOME": str(tmp_path), "LANG": "C"}, tmp_path)
    assert ran.memory < 2 * MOST
    assert "not an API reply" in ran.err


@ALL
@pytest.mark.asyncio(loop_scope="module")
async def test_memory_of_tiny_pieces_exceeds_large_ones_by_under_50_mb(
    fork_server: ForkServer, gateway_thread: Gateway, tmp_path: Path, protocol: ApiProtocol
) -> None:
    """Decoder, pump, assembly, recorder and output keep the text but not each piece."""
    count = PIECES[protocol]
    large = Reply(Text(*["tok " * 10_000] * (count // 10_000)))
    tiny = Reply(Text("tok ", "tok ", "tok ")).after(1, Repeat(count - 2))
    peaks = {}
    for name, reply in (("large", large), ("tiny", tiny)):
        gateway_thread.reply(reply)
        ran = await run_question(fork_server, gateway_thread, tmp_path / name, protocol)
        assert (ran.code, ran.out == b"tok " * count, ran.err) == (0, True, "")
        peaks[name] = ran.memory
    assert peaks["tiny"] - peaks["large"] < 50 * MB, peaks
