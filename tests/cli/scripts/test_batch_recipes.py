"""The recipes of the guide's page on batches: each is run in a real shell, against one gateway, a few at a time."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.gateway import Gateway, GatewayThread, Reply, Text, fault
from tests.gateway.answers import Answer
from tests.gateway.batches import BatchPlan
from tests.gateway.requests import RecordedRequest

pytestmark = pytest.mark.xdist_group("batch_recipes")

DOCS = Path(__file__).parents[3] / "termchat" / "docs"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PATIENCE = 120  # seconds of one recipe, on a machine under load
PROMPTS = [{"id": f"a{n}", "prompt": f"say {n}"} for n in range(6)]
ALL = [f"re: say {n}" for n in range(6)]
CONFIG = '[providers.g]\nkey = "env:RECIPE_KEY"\nopenai = "{url}/v1"\n'
BEFORE = "sleep() { :; }; "  # the pause before another attempt


def recipe_blocks(language: str) -> list[tuple[str, str]]:
    """Return the language and text of each block of code of the recipes."""
    page = (DOCS / language / "batch.md").read_text("utf-8")
    first = page.index("\n## Recipes" if language == "en" else "\n## 示例")
    return BLOCK.findall(page[first:])


def _as_it_is(text: str) -> str:
    return BEFORE + text


def _as_array(text: str) -> str:
    """Run a job once for each task of its array, as Slurm does."""
    first, last = re.findall(r"^#SBATCH --array=(\d+)-(\d+)$", text, re.MULTILINE)[0]
    tasks = f"for t in $(seq {first} {last}); do SLURM_ARRAY_TASK_ID=$t bash job.sh & done; wait"
    return f"cat > job.sh <<'END'\n{text}END\n{tasks}; termchat batch merge part*.ndjson > out.ndjson"


def _as_workflow(text: str) -> str:
    """Run the steps of a job for each value of its matrix."""
    (values,) = re.findall(r"shard: \[(.*)\]", text)
    (step,) = re.findall(r"- run: (.*)", text)
    each = [step.replace("${{ matrix.shard }}", value) for value in values.split(", ")]
    return "\n".join([*each, "termchat batch merge part*.ndjson > out.ndjson"])


def _as_makefile(text: str) -> str:
    return f"cat > Makefile <<'END'\n{text}END\nmake -s && make -s"


def _as_crontab(text: str) -> str:
    """Run the command of a line twice, as on two nights."""
    *times, command = text.strip().split(" ", 5)
    assert re.fullmatch(r"[\d*]+( [\d*]+){4}", " ".join(times))
    assert "%" not in command, "cron takes % for a line break"
    return f'mkdir -p .local/bin; ln -s "$(command -v termchat)" .local/bin\n{command} && {command}'


@dataclass(frozen=True)
class Recipe:
    """A way to run a block, the programs that it needs and the exit code."""

    how: Callable[[str], str] = _as_it_is
    needs: str = "bash"
    out: str = "out.ndjson"
    asked: int = 6  # requests for a reply


RECIPES = {
    "shell": Recipe(),
    "parallel": Recipe(needs="parallel"),
    "slurm": Recipe(_as_array),
    "workflow": Recipe(_as_workflow),
    "make": Recipe(_as_makefile, "make"),
    "cron": Recipe(_as_crontab),
    "jq": Recipe(needs="jq", out="labels.csv"),
    "again": Recipe(asked=7),
    "overnight": Recipe(asked=0),
    "rows": Recipe(needs="jq", out="answers.jsonl"),
}
PROGRAMS = ("ray", "daft")  # the blocks of Python at the end: tests/interop/test_ray_data.py runs them


class RecipeRuns:
    """Run recipes against one gateway, each in a directory and with an API key of its own."""

    def __init__(self, gateway: Gateway, top: Path) -> None:
        self.gateway, self.top = gateway, top
        self.refused: set[str] = set()
        program = top / "bin" / "termchat"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m termchat "$@"\n')
        program.chmod(0o755)
        gateway.batches.default = BatchPlan(polls=0)
        gateway.always(self._answer)

    def run(self, name: str) -> Path:
        """Run a recipe; return its directory."""
        cwd = self.top / name
        config = cwd / ".config" / "termchat" / "config.toml"
        config.parent.mkdir(parents=True)
        config.write_text(CONFIG.format(url=self.gateway.url))
        config.chmod(0o600)
        (cwd / "prompts.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in PROMPTS))
        items = [{"sku": row["id"], "title": row["prompt"]} for row in PROMPTS]
        (cwd / "items.jsonl").write_text("".join(f"{json.dumps(item)}\n" for item in items))
        env = {
            "PATH": f"{self.top / 'bin'}{os.pathsep}{os.environ['PATH']}", "HOME": str(cwd), "LANG": "C.UTF-8",
            "TERMCHAT_MODEL": "g/m", "TERMCHAT_MAX_RETRIES": "0", "RECIPE_KEY": key_of(name),
        }  # fmt: skip
        text = dict(zip(RECIPES, recipe_blocks("en"), strict=False))[name][1]
        done = subprocess.run(
            ["bash", "-c", RECIPES[name].how(text)], env=env, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        (cwd / "stderr").write_text(done.stderr)
        assert (done.returncode, name == "overnight" or not done.stderr) == (0, True), done.stderr
        return cwd

    def asked(self, name: str) -> int:
        return sum(key_of(name) in request.headers["authorization"] for request in self.gateway.asked)

    def _answer(self, request: RecordedRequest) -> Answer:
        key = request.headers["authorization"]
        if key_of("again") in key and key not in self.refused:
            self.refused.add(key)
            return fault.status(429, retry_after="0.01")
        return Reply(Text(f"re: {request.body['messages'][-1]['content']}"))


def key_of(name: str) -> str:
    return f"key-{name}-0123456789"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RecipeRuns, dict[str, Future[Path]]]]:
    """All recipes whose programs are installed, a few at a time."""
    with GatewayThread() as gateway, ThreadPoolExecutor(3) as pool:
        runs = RecipeRuns(gateway, tmp_path_factory.mktemp("recipes"))
        yield runs, {name: pool.submit(runs.run, name) for name, it in RECIPES.items() if shutil.which(it.needs)}


@pytest.mark.skipif(sys.platform != "linux", reason="the recipes use GNU tools")
@pytest.mark.parametrize("name", RECIPES)
def test_recipe_answers_every_prompt_once(name: str, running: tuple[RecipeRuns, dict[str, Future[Path]]]) -> None:
    runs, found = running
    if name not in found:
        pytest.skip(f"there is no {RECIPES[name].needs}")
    cwd = found[name].result(PATIENCE)
    texts = [text_of(line) for line in (cwd / RECIPES[name].out).read_text().splitlines()]
    assert (sorted(texts), runs.asked(name)) == (ALL, RECIPES[name].asked), (cwd / "stderr").read_text()


def text_of(line: str) -> str:
    """The answer in a line of results, in each of the three formats."""
    if line.startswith('"'):
        return line.split(",")[1].strip('"').replace("One word for: ", "")
    row = json.loads(line)
    return row["text"] if "text" in row else row["response"]["body"]["choices"][0]["message"]["content"]


def test_recipes_of_both_languages_have_the_same_code() -> None:
    found = recipe_blocks("en")
    assert found == recipe_blocks("zh")
    assert len(found) == len(RECIPES) + len(PROGRAMS)
    for form, text in found[-len(PROGRAMS) :]:
        assert form == "python"
        compile(text, "recipe", "exec")


@pytest.mark.parametrize("name", ["parallel", "slurm"])
def test_recipe_of_shell_has_valid_syntax(name: str) -> None:
    text = dict(zip(RECIPES, recipe_blocks("en"), strict=False))[name][1]
    done = subprocess.run(["bash", "-n", "-c", text], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (0, "")
