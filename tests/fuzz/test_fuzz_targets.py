"""Each fuzz target with its seeds, changed a little and not at all, for a moment."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.__main__ import main
from tests.fuzz.targets import TARGETS, load_target, pieces

EXAMPLES = 40
_COSTLY = {"judge": 12, "markdown": 20}  # a parser's process, or a long document, for each example
_CHANGES = st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 40), st.binary(max_size=8)), max_size=4)
_ANY = st.binary(max_size=200)


def changed(seed: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    """Replace pieces of a seed."""
    for at, size, junk in changes:
        place = at % (len(seed) + 1)
        seed = seed[:place] + junk + seed[place + size :]
    return seed


@pytest.mark.parametrize("name", TARGETS)
def test_fuzz_target_holds_for_changed_seeds(name: str) -> None:
    target = load_target(name)
    assert target.seeds

    @settings(max_examples=_COSTLY.get(name, EXAMPLES))
    @given(st.builds(changed, st.sampled_from(target.seeds), _CHANGES) | _ANY)
    def holds(data: bytes) -> None:
        target.run(data)

    holds()


def test_fuzz_pieces_join_to_whole() -> None:
    assert list(pieces(b"abcdef", b"\1\2\0")) == [b"a", b"bc", b"def"]
    assert list(pieces("abcd", b"\3")) == ["abc", "d"]
    assert list(pieces(b"", b"\0")) == []


def test_fuzz_unknown_target_prints_targets(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nothing"]) == 2
    assert ", ".join(TARGETS) in capsys.readouterr().out
