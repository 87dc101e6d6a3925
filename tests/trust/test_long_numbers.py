"""A number with more digits than Python reads, or than a float or a date holds, stops nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from termchat.batch.vendors import BatchIntent
from termchat.config.setting_types import IntegerType, SecondsType
from termchat.config.toml_file import ConfigError, read_toml
from termchat.core.effects import Choice
from termchat.core.models import ModelInfo, ModelRef
from termchat.core.sanitize import Safe, safe, safe_format
from termchat.core.style import TextRole
from termchat.providers.protocols.openai_chat.decode import ChatDecoder
from termchat.serve.models_face import anthropic_model
from termchat.store import json_fields
from termchat.ui.phrases import age
from termchat.ui.plain.line_dialog import LineDialog
from termchat.ui.plain.line_reader import LineReader
from termchat.ui.terminal.capabilities import background, supports_hyperlinks, supports_progress
from termchat.ui.terminal.input_decoder import InputDecoder
from tests.providers.decode_support import fed, new_ids

LONG = "9" * 5000


async def test_number_typed_in_a_dialogue_is_asked_for_again() -> None:
    written: list[str] = []

    def write(lines: list[Safe], role: TextRole) -> None:
        written.extend(lines)

    reader = LineReader(0)
    reader.put(f"{LONG}\n2\n")
    dialog = LineDialog(reader, write, lambda words: None, lambda: None)  # type: ignore[arg-type]
    choices = [Choice(safe(name), Safe(""), ()) for name in ("one", "two")]
    assert await dialog.choose(safe_format("Choose"), choices) == 1
    assert "Enter a number from 1 to 2." in written


@pytest.mark.parametrize("sequence", [f"\x1b[{LONG}u", f"\x1b[97;{LONG}u", f"\x1b[27;{LONG};13~", "\x1b[55296u"])
def test_key_with_a_long_code_types_no_digit_and_no_surrogate(sequence: str) -> None:
    decoder = InputDecoder()
    typed = "".join(getattr(piece, "text", "") for piece in (*decoder.feed(sequence, 0.0), *decoder.flush(9.0)))
    typed.encode()
    assert "9" not in typed


@pytest.mark.parametrize("number", [LONG, "²"])
def test_number_in_the_environment_counts_as_unknown(number: str) -> None:
    assert background({"COLORFGBG": f"0;{number}"}) == "any"
    assert not supports_hyperlinks({"TERM": "xterm", "VTE_VERSION": number})
    assert not supports_progress({"VTE_VERSION": number})
    assert not supports_progress({"TERM_PROGRAM": "iTerm.app", "TERM_PROGRAM_VERSION": number})


@pytest.mark.parametrize("index", [LONG, "²"])
def test_index_of_a_call_that_is_no_number_joins_its_pieces(index: str) -> None:
    piece: dict[str, Any] = {"index": index, "id": "a", "function": {"name": "clock", "arguments": "{}"}}
    deltas = fed(ChatDecoder(new_id=new_ids()), {"choices": [{"index": 0, "delta": {"tool_calls": [piece]}}]})
    assert any(getattr(delta, "name", "") == "clock" for delta in deltas)


def test_number_in_the_configuration_is_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f"retries = {LONG}\n")
    with pytest.raises(ConfigError, match="too many digits"):
        read_toml(file)


@pytest.mark.parametrize("read", [IntegerType().read, SecondsType().read])
def test_setting_beyond_any_use_is_refused(read: Callable[[object], object]) -> None:
    assert read(10**400) is None


def test_row_of_a_vendor_with_a_long_number_is_not_of_the_batch() -> None:
    intent = BatchIntent("token", 0.0, 3)
    assert [intent.row_number(f"token-{number}") for number in (LONG, "2", "3")] == [None, 2, None]


@pytest.mark.parametrize("cost", ["NaN", "Infinity", "1e9999999"])
def test_cost_that_no_sum_can_hold_is_no_record(cost: str) -> None:
    with pytest.raises(json_fields.InvalidRecord):
        json_fields.decimal({"cost": cost}, "cost")


def test_time_outside_of_the_calendar_is_shown_as_its_end() -> None:
    assert anthropic_model(ModelInfo(ModelRef("a", "b"), created=1_770_000_000_000))["created_at"].startswith("9999-")
    assert age(-1e12, 1.7e9) == "1970-01-01"
