"""`termchat tools`, and functions of the user in scripts."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import KEY, PROTOCOLS, Program, on_terminal
from tests.gateway import Call, Reply, Text

WEATHER = """
import os
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal, TypedDict
from pydantic import BaseModel, Field
from termchat.functions import reads

@reads
def stations() -> list[str]:
    "The stations. There are few."
    return ["Bern"]

@dataclass
class Place:
    lat: Annotated[float, Field(ge=-90, le=90)]
    names: tuple[str, int] = ("", 0)

class Range(TypedDict, total=False):
    first: date

class Query(BaseModel):
    kind: Literal["now"] = "now"
    inner: "Query | None" = None
    extra: dict[str, list[int]] = {}

@reads
def rich(place: Place, span: Range, query: Query | None = None, mode: Literal[1, "a"] = 1,
         either: int | str = "x", anything: Any = None, many: list[Place] = []) -> str:
    "A rich schema."
    return f"{place} {span} {query}"

def forecast(city: str) -> str:
    return f"rain in {city}; " + " ".join(sorted(name for name in os.environ if "KEY" in name))
"""


@pytest.fixture
def folder(program: Program) -> Path:
    folder = program.home / ".config" / "termchat" / "tools"
    folder.mkdir(parents=True)
    (folder / "weather.py").write_text(WEATHER)
    return folder


def test_tools_lists_functions_with_file_and_line(program: Program, folder: Path) -> None:
    done = program.run("tools", "--json")
    assert (done.code, done.err) == (0, "")
    rows = {row["name"]: row for row in json.loads(done.out)}
    assert rows["stations"] == {
        "name": "stations",
        "effect": "read",
        "source": "~/.config/termchat/tools/weather.py:10",
        "offered": True,
        "description": "The stations. There are few.",
    }
    assert (rows["forecast"]["offered"], rows["run_shell"]["offered"]) == (False, False)
    assert "forecast\n" in program.run("tools").out.decode()


def test_tools_problem_is_named_and_code_is_1(program: Program, folder: Path) -> None:
    (folder / "broken.py").write_text("def f(x): ...\n\ndef g(y): ...\n")
    (folder / "bad.py").write_text("1 / 0\n")
    done = program.run("tools")
    assert done.code == 1
    assert "forecast\n" in done.out.decode()
    assert done.err.splitlines() == [
        "termchat: ~/.config/termchat/tools/bad.py:1: ZeroDivisionError: division by zero",
        "termchat: ~/.config/termchat/tools/broken.py:1: f: the parameter x has no type; write x: str, or rename the"
        " function to begin with _",
        "termchat: ~/.config/termchat/tools/broken.py:3: g: the parameter y has no type; write y: str, or rename the"
        " function to begin with _",
    ]


def test_tools_on_terminal_is_a_table_with_next_step(program: Program, folder: Path) -> None:
    screen, code = on_terminal(program, "tools")
    assert code == 0
    assert "weather.py:10" in screen
    assert "The stations\r\n" in screen
    assert "typed Python functions in" in screen


def test_tools_lists_packages_without_import(program: Program) -> None:
    site = program.home / "site"
    info = site / "termchat_sea-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: termchat-sea\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(
        "[termchat.tools]\ntide = sea:tide\n\n[termchat.providers]\nacme = sea:acme\n"
    )
    done = program.run("tools", "--json", env={"PYTHONPATH": os.pathsep.join((str(site), *_python_path()))})
    rows = [row for row in json.loads(done.out) if row["source"] == "package termchat-sea 1.2"]
    assert [(row["name"], row["description"]) for row in rows] == [
        ("tide", "a tool of a package, not loaded"),
        ("acme/", "a provider of a package, not loaded"),
    ]


def _python_path() -> list[str]:
    return [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_oneshot_function_is_called_without_the_keys(program: Program, folder: Path, protocol: str) -> None:
    program.gateway.reply(Reply(Call("forecast", {"city": "Bern"})))
    program.gateway.reply(Reply(Text("Take a coat.")))
    file = str(folder / "weather.py")
    flags = ("--functions", file, "--allow", "forecast")
    done = program.run("-m", f"x{protocol}/any", *flags, "rain?", env={"MY_KEY": "1", "OPENAI_API_KEY": KEY})
    assert (done.out, done.code) == (b"Take a coat.", 0)
    asked = json.dumps(program.gateway.asked[-1].body)
    assert "rain in Bern; MY_KEY" in asked
    assert "API_KEY" not in asked
    first = json.dumps(program.gateway.asked[0].body)
    assert "stations" in first
    assert "read_file" not in first


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_oneshot_rich_schema_is_sent_and_read(program: Program, folder: Path, protocol: str) -> None:
    arguments = {"place": {"lat": 47, "names": ["Bern", 3]}, "span": {"first": "2026-11-29"}, "query": {"inner": {}}}
    program.gateway.reply(Reply(Call("rich", arguments)))
    program.gateway.reply(Reply(Text("Good.")))
    done = program.run("-m", f"x{protocol}/any", "--tools", "rich", "go")
    assert (done.out, done.code) == (b"Good.", 0)
    asked = json.dumps(program.gateway.asked[-1].body)
    assert "Place(lat=47.0, names=('Bern', 3)) {'first': datetime.date(2026, 11, 29)} kind='now' inner=Query(" in asked


def test_oneshot_function_without_rule_is_declined(program: Program, folder: Path) -> None:
    program.gateway.reply(Reply(Call("forecast", {"city": "Bern"})))
    program.gateway.reply(Reply(Text("I cannot.")))
    done = program.run("-m", "xopenai/any", "--tools", "functions", "rain?")
    assert (done.out, done.code) == (b"I cannot.", 8)
    assert "declined: --allow forecast or --yes permits it" in done.err


def test_oneshot_function_that_hangs_is_stopped_at_its_limit(program: Program, folder: Path) -> None:
    mark = program.home / "pid"
    hang = (
        f"import os\ndef hang() -> None:\n    open({str(mark)!r}, 'w').write(str(os.getpid()))\n    while True: pass\n"
    )
    (folder / "hang.py").write_text(hang)
    program.gateway.reply(Reply(Call("hang", {})))
    program.gateway.reply(Reply(Text("It hangs.")))
    done = program.run("-m", "xopenai/any", "--tools", "hang", "--yes", "--set", "tool_timeout=2", "go")
    assert (done.out, done.code) == (b"It hangs.", 0)
    assert "limit" in json.dumps(program.gateway.asked[-1].body["messages"][-1])
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)


def test_oneshot_worker_that_dies_is_a_result(program: Program, folder: Path) -> None:
    (folder / "dies.py").write_text("import os\ndef dies() -> None: os._exit(9)\n")
    program.gateway.reply(Reply(Call("dies", {}), Call("stations", {})))
    program.gateway.reply(Reply(Text("It died.")))
    done = program.run("-m", "xopenai/any", "--tools", "functions", "--yes", "go")
    assert (done.out, done.code) == (b"It died.", 0)
    results = json.dumps(program.gateway.asked[-1].body["messages"][-2:])
    assert "dies ended its process with exit code 9" in results
    assert "Bern" in results


def test_oneshot_folder_is_loaded_only_for_tools_that_need_it(program: Program, folder: Path) -> None:
    mark = program.home / "imported"
    (folder / "weather.py").write_text(f"open({str(mark)!r}, 'w').close()\n{WEATHER}")
    program.gateway.always(Reply(Text("ok")))
    assert program.run("-m", "xopenai/any", "hello").code == 0
    assert program.run("-m", "xopenai/any", "--tools", "read_file", "hello").code == 0
    assert not mark.exists()
    assert program.run("-m", "xopenai/any", "--tools", "forecast", "hello").code == 0
    assert mark.exists()


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("gone.py", None, "gone.py: no such file or directory."),
        ("bad.py", "def f(:\n", "bad.py:1: invalid syntax."),
        ("notes.txt", "x = 1\n", "notes.txt: its name does not end in .py."),
    ],
)
def test_functions_flag_with_unusable_file_is_usage_error(
    program: Program, name: str, text: str | None, words: str
) -> None:
    file = program.home / name
    if text is not None:
        file.write_text(text)
    done = program.run("-m", "xopenai/any", "--functions", str(file), "hello")
    assert (done.code, done.out, program.gateway.asked) == (2, b"", [])
    assert words in done.err
