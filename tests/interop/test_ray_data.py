"""Rows and results in OpenAI's batch format, which Ray Data and Daft read: the programs of the guide's recipes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from termchat.core.models import ApiProtocol
from tests.cli.scripts.test_batch_recipes import recipe_blocks
from tests.gateway import Gateway, GatewayThread, Reply, Text
from tests.gateway.requests import RecordedRequest
from tests.interop.support import KEY, PATIENCE, installed, rows, script, venv

pytestmark = [pytest.mark.interop, pytest.mark.xdist_group("ray"), pytest.mark.timeout(900)]
ROWS = [
    {
        "custom_id": f"a{n}",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"model": "m", "messages": [{"role": "user", "content": f"say {n}"}]},
    }
    for n in range(4)
]
ANSWERS = {f"a{n}": f"re: say {n}" for n in range(4)}


def echo(request: RecordedRequest) -> Reply:
    return Reply(Text(f"re: {request.body['messages'][-1]['content']}"))


def run_recipe(python: Path, text: str, folder: Path, gateway: Gateway) -> None:
    """Run a program of the guide in a folder."""
    env = {"OPENAI_BASE_URL": f"{gateway.url}/v1", "OPENAI_API_KEY": KEY, "RAY_USAGE_STATS_ENABLED": "0"}
    done = subprocess.run(
        [str(python), "-c", text], env=os.environ | env, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=PATIENCE * 2, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]


def answer_rows(folder: Path, gateway: Gateway) -> Path:
    """Write `rows.jsonl` and answer it with `termchat batch --format openai`; return the results."""
    asked, answered = folder / "rows.jsonl", folder / "answers.jsonl"
    asked.write_text("".join(f"{json.dumps(row)}\n" for row in ROWS))
    config = rows(gateway.url, ApiProtocol.CHAT)
    done = script(
        folder, config, "batch", str(asked), "-m", "it/m", "--in-order", "--format", "openai", "-o", str(answered)
    )
    assert done.code == 0, done.err
    return answered


def texts(lines: list[dict[str, Any]]) -> dict[str, str]:
    return {row["custom_id"]: row["response"]["body"]["choices"][0]["message"]["content"] for row in lines}


def json_lines(*files: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def test_ray_data_answers_the_rows_that_termchat_answers(tmp_path: Path) -> None:
    ray = installed("ray", *venv("ray[data]", "aiohttp", "pydantic"))
    program = recipe_blocks("en")[-2][1]
    with GatewayThread() as gateway:
        gateway.allow_plain()
        gateway.always(echo)
        ours = answer_rows(tmp_path, gateway)
        run_recipe(ray / "bin" / "python", program, tmp_path, gateway)
        assert len(gateway.asked) == 2 * len(ROWS)
    assert texts(json_lines(ours)) == ANSWERS
    assert texts(json_lines(*(tmp_path / "answers").glob("*.json"))) == ANSWERS


def test_daft_reads_the_results_of_termchat(tmp_path: Path) -> None:
    daft = installed("daft", *venv("daft"))
    program = recipe_blocks("en")[-1][1]
    with GatewayThread() as gateway:
        gateway.always(echo)
        answer_rows(tmp_path, gateway)
        shown = "\nprint(daft.read_parquet('answers/*.parquet').to_pydict(), file=open('shown', 'w'))"
        run_recipe(daft / "bin" / "python", program + shown, tmp_path, gateway)
    assert (tmp_path / "shown").read_text().strip() == str({"custom_id": [*ANSWERS], "text": [*ANSWERS.values()]})
