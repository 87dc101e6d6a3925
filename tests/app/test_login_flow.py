"""Test the dialogue of a login over a scripted user, the real checks and the gateway."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest

from termchat.app.setup import AppSetup
from termchat.commands.setup.diagnosis import diagnose
from termchat.commands.setup.login_flow import run_login
from termchat.commands.setup.ports import DialogCancelledError, TextQuestion
from termchat.config.credentials import Credentials
from termchat.config.load import Config, load_config
from termchat.core.effects import Choice, Effect, UseModel
from termchat.core.models import ApiProtocol, CheckState, ModelInfo, ModelRef, ProviderConfig
from termchat.core.redact import Redactor
from termchat.core.sanitize import Safe
from termchat.core.style import TextRole
from termchat.providers.http.local_servers import find_local_servers
from tests.gateway import Gateway, Reply, fault

T = TypeVar("T")
KEY = "sk-planted-0123456789-4f2a"
WRONG = "sk-wrong-0123456789-zzzz"
STOP = "<stop>"
_CHAT = ApiProtocol.CHAT


class ScriptedUser:
    """A dialogue whose answers are given: a part of the label of a row, or a text.

    shown   the printed lines
    asked   the titles and prompts, in order; defaults in brackets
    """

    def __init__(self, *answers: str) -> None:
        self._answers = list(answers)
        self.shown: list[str] = []
        self.asked: list[str] = []

    def show(self, words: Safe, role: TextRole = TextRole.DIM) -> None:
        self.shown.append(words)

    async def choose(self, title: Safe, choices: Sequence[Choice], at: int = 0) -> int:
        self.asked.append(title)
        answer = self._next()
        found = [n for n, choice in enumerate(choices) if answer in choice.label]
        assert found, f"{title}: {answer} is none of {[choice.label for choice in choices]}"
        return found[0]

    async def ask(self, question: TextQuestion) -> str:
        self.asked.append(f"{question.prompt} [{question.default}]")
        answer = self._next()
        return question.default if answer == "=" else answer

    async def wait(self, words: Safe, work: Coroutine[Any, Any, T]) -> T:
        return await work

    def _next(self) -> str:
        answer = self._answers.pop(0)
        if answer == STOP:
            raise DialogCancelledError
        return answer

    @property
    def text(self) -> str:
        return "\n".join(self.shown)

    @property
    def left(self) -> list[str]:
        return self._answers


class InUse:
    """The providers of a run that records what is configured."""

    def __init__(self) -> None:
        self.configured: list[ProviderConfig] = []
        self.listed: Sequence[ModelInfo] = ()

    def configure(self, config: ProviderConfig, models: Sequence[ModelInfo] = ()) -> None:
        self.configured.append(config)
        self.listed = models


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def setup_of(home: Path, in_use: InUse, redact: Redactor, **env: str) -> AppSetup:
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin", **env}
    config = load_config(environment)
    assert isinstance(config, Config)
    return AppSetup(config, environment, Credentials(environment), in_use, (redact,))


def used(effects: Sequence[Effect]) -> list[ModelRef]:
    return [effect.model for effect in effects if isinstance(effect, UseModel)]


def written(home: Path) -> dict[str, Any]:
    file = home / ".config" / "termchat" / "config.toml"
    return tomllib.loads(file.read_text())["providers"] if file.exists() else {}


async def test_login_to_gateway_with_two_protocols_uses_both(gateway: Gateway, home: Path) -> None:
    gateway.expect_problems()
    gateway.key = KEY
    gateway.reply(Reply.text("ok"), Reply.text("ok"))
    user = ScriptedUser(
        "Another", "mine", "openai", f"{gateway.url}/v1", "anthropic", "=", "No", KEY, "Yes", "config", "claude-opus-5"
    )
    in_use, redact = InUse(), Redactor(shapes=False)
    effects = await run_login(user, setup_of(home, in_use, redact), "")
    assert user.left == [], user.asked
    assert f"Base URL (anthropic) [{gateway.url}/anthropic]" in user.asked
    assert {str(request.protocol) for request in gateway.asked} == {"chat", "anthropic"}
    assert used(effects) == [ModelRef("mine", "claude-opus-5")]
    row = written(home)["mine"]
    assert row["key"] == KEY
    assert (row["openai"], row["anthropic"]) == (f"{gateway.url}/v1", f"{gateway.url}/anthropic")
    assert row["route"]["claude-*"] == "anthropic"
    assert row["route"]["*"] == "openai"
    assert in_use.configured[-1].protocol_for("claude-opus-5") == "anthropic"
    assert ModelRef("mine", "claude-opus-5") in [info.ref for info in in_use.listed]
    assert KEY not in user.text
    assert redact(f"it is {KEY}") == "it is …4f2a"


async def test_nothing_is_spent_without_agreement(gateway: Gateway, home: Path) -> None:
    gateway.expect_problems()
    user = ScriptedUser("Another", "mine", "openai", f"{gateway.url}/v1", "No", KEY, "No", "Nowhere", "gpt-5.2")
    effects = await run_login(user, setup_of(home, InUse(), Redactor()), "")
    assert used(effects) == [ModelRef("mine", "gpt-5.2")]
    assert gateway.asked == []
    assert any(line.startswith("Try a reply too? It costs") and "$" in line for line in user.asked)
    assert written(home) == {}


async def test_login_for_this_run_that_is_repeated_can_still_be_kept(gateway: Gateway, home: Path) -> None:
    gateway.expect_problems()
    setup = setup_of(home, InUse(), Redactor())
    user = ScriptedUser("Another", "mine", "openai", f"{gateway.url}/v1", "No", KEY, "No", "Nowhere", "gpt-5.2")
    await run_login(user, setup, "")
    assert written(home) == {}
    await run_login(ScriptedUser(KEY, "No", "config", "gpt-5.2"), setup, "mine")
    assert written(home) == {"mine": {"key": KEY, "openai": f"{gateway.url}/v1", "model": "gpt-5.2"}}


async def test_login_with_address_as_name_or_no_address_asks_again(home: Path) -> None:
    user = ScriptedUser("Another", "127.0.0.1:8808", "api.example.com", "mine", "openai", "", STOP)
    await run_login(user, setup_of(home, InUse(), Redactor()), "")
    assert user.asked.count("Name []") == 3
    assert user.shown.count("That is an address, which is asked for next. Enter a name such as work.") == 2
    assert "The provider needs an address." in user.shown


async def test_only_the_wrong_part_is_entered_again(gateway: Gateway, home: Path) -> None:
    gateway.expect_problems()
    gateway.key = KEY
    user = ScriptedUser(
        "Another", "mine", "openai", "http://127.0.0.1:9/v1", "No", WRONG,
        "Change the base URL", f"{gateway.url}/v1", "Enter another key", KEY, "No", "Nowhere", "gpt-5.2",
    )  # fmt: skip
    effects = await run_login(user, setup_of(home, InUse(), Redactor()), "")
    assert used(effects) == [ModelRef("mine", "gpt-5.2")]
    assert [line for line in user.asked if line.startswith("Name")] == ["Name []"]
    assert user.asked.count("What should be changed?") == 2
    assert "Base URL (openai) [http://127.0.0.1:9/v1]" in user.asked  # can be edited
    assert sum(line.startswith("Key of mine") for line in user.asked) == 2
    assert WRONG not in user.text
    assert KEY not in user.text


async def test_each_of_two_addresses_is_changed_by_its_protocol(gateway: Gateway, home: Path) -> None:
    gateway.expect_problems()
    gateway.key = KEY
    user = ScriptedUser(
        "Another", "mine", "openai", f"{gateway.url}/v1", "anthropic", "http://127.0.0.1:9", "No", KEY,
        "anthropic: change", f"{gateway.url}/anthropic", "No", "Nowhere", "gpt-5.2",
    )  # fmt: skip
    assert used(await run_login(user, setup_of(home, InUse(), Redactor()), "")) == [ModelRef("mine", "gpt-5.2")]
    assert "Base URL (anthropic) [http://127.0.0.1:9]" in user.asked


@pytest.mark.parametrize(
    ("answer", "finding", "step", "first"),
    [
        (fault.bad_key(), "from the login of this run", "Paste another key.", "Enter another key"),
        (fault.status(403), "403", "paste another one", "Enter another key"),
        (fault.status(404), "404", "base URL", "Change the base URL"),
        (fault.quota(), "out of credit", "The key is accepted", "Keep it as it is"),
        (fault.status(429), "Rate limited", "Try again in a moment.", "Try again"),
        (fault.reset(), "Cannot reach", "Check the connection", "Try again"),
        (fault.html_200(), "not an API reply", "base URL", "Change the base URL"),
    ],
)
async def test_each_outcome_has_words_and_a_step(
    gateway: Gateway, home: Path, answer: fault.Fault, finding: str, step: str, first: str
) -> None:
    gateway.models_answer = answer

    class FirstRow(ScriptedUser):
        rows: Sequence[Choice] = ()

        async def choose(self, title: Safe, choices: Sequence[Choice], at: int = 0) -> int:
            self.rows = choices
            return await super().choose(title, choices, at)

    user = FirstRow("Another", "mine", "openai", f"{gateway.url}/v1", "No", KEY, STOP)
    effects = await run_login(user, setup_of(home, InUse(), Redactor()), "")
    assert used(effects) == []
    assert finding in user.text
    assert step in user.text
    assert user.rows[0].label == first
    assert KEY not in user.text
    assert written(home) == {}


async def test_key_of_environment_is_offered_and_nothing_is_written(gateway: Gateway, home: Path) -> None:
    gateway.expect_problems()
    gateway.key = KEY
    user = ScriptedUser("Use OPENAI_API_KEY", "No", "gpt-5.2")
    env = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{gateway.url}/v1"}
    effects = await run_login(user, setup_of(home, InUse(), Redactor(), **env), "openai")
    assert used(effects) == [ModelRef("openai", "gpt-5.2")]
    assert written(home) == {}


async def test_places_of_a_key_are_a_variable_and_a_command(gateway: Gateway, home: Path) -> None:
    gateway.expect_problems()
    gateway.key = KEY
    secret = home / "secret"
    secret.write_text(f"{KEY}\n")
    start = ("Another", "mine", "openai", f"{gateway.url}/v1", "No", KEY, "No")
    user = ScriptedUser(*start, "environment", "MINE_KEY", "gpt-5.2")
    await run_login(user, setup_of(home, InUse(), Redactor()), "")
    assert written(home)["mine"]["key"] == "env:MINE_KEY"
    assert "export MINE_KEY=..." in user.text
    (home / ".config" / "termchat" / "config.toml").unlink()
    wrong, right = f"echo {KEY}", f"cat {secret}"
    user = ScriptedUser(*start, "command", wrong, "command", "echo other", "command", right, "gpt-5.2")
    await run_login(user, setup_of(home, InUse(), Redactor()), "")
    assert written(home)["mine"]["key"] == f"cmd:{right}"
    assert "has the key in it" in user.text
    assert "prints another key" in user.text
    assert KEY not in user.text


async def test_source_of_a_key_can_be_named_instead(gateway: Gateway, home: Path) -> None:
    gateway.expect_problems()
    gateway.key = KEY
    user = ScriptedUser("Another", "mine", "openai", f"{gateway.url}/v1", "No", "env:MINE", "No", "gpt-5.2")
    await run_login(user, setup_of(home, InUse(), Redactor(), MINE=KEY), "")
    assert user.left == []
    assert written(home)["mine"]["key"] == "env:MINE"


async def test_source_that_fails_is_reported_after_a_trial_without_key(gateway: Gateway, home: Path) -> None:
    gateway.expect_problems()
    gateway.key = KEY
    file = home / ".config" / "termchat" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(f'[providers.mine]\nopenai = "{gateway.url}/v1"\nlocal = true\n')
    user = ScriptedUser("cmd:false", "Enter another key", KEY, "Nowhere", "gpt-5.2")
    await run_login(user, setup_of(home, InUse(), Redactor()), "mine")
    assert user.left == []
    assert user.text.count("mine wants a key.") == 1
    assert "The key command false failed: exit code 1." in user.text


async def test_leaving_at_any_question_writes_nothing(gateway: Gateway, home: Path) -> None:
    gateway.expect_problems()
    answers = ["Another", "mine", "openai", f"{gateway.url}/v1", "No", KEY, "No", "config"]
    for n in range(len(answers)):
        in_use = InUse()
        user = ScriptedUser(*answers[:n], STOP)
        effects = await run_login(user, setup_of(home, in_use, Redactor()), "")
        assert (used(effects), in_use.configured, written(home)) == ([], [], {})


async def test_full_diagnosis_is_made_only_after_a_yes(gateway: Gateway, home: Path) -> None:
    gateway.expect_problems()
    file = home / ".config" / "termchat" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(f'[providers.mine]\nkey = "{KEY}"\nopenai = "{gateway.url}/v1"\nmodel = "gpt-4.1"\n')
    file.chmod(0o600)
    user = ScriptedUser("No")
    found = await diagnose(user, setup_of(home, InUse(), Redactor()), (), full=True)
    assert gateway.asked == []
    assert any("3 requests to mine/gpt-4.1: about $" in line for line in user.shown)
    assert {check.state for check in found if check.name == "stream"} == {CheckState.SKIPPED}
    assert KEY not in user.text


async def test_local_search_asks_only_this_machine(gateway: Gateway) -> None:
    here = f"http://127.0.0.1:{gateway.port}/v1"
    gateway.expect_problems()
    urls = {
        "here": here,
        "far": "http://192.0.2.1:11434/v1",
        "named": "http://models.invalid:1234/v1",
        "tls": "https://127.0.0.1:9/v1",
    }
    configs = [ProviderConfig(name, base_urls={_CHAT: url}, local=True) for name, url in urls.items()]
    found = await find_local_servers([*configs, ProviderConfig("remote", base_urls={_CHAT: here})])
    assert [(server.provider, server.locked) for server in found] == [("here", True)]
    assert len(gateway.requests) == 1
    assert gateway.requests[0].key in (None, "")


async def test_local_search_ends_in_time_with_silent_server(gateway: Gateway) -> None:
    left = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(4096):
            pass
        writer.close()
        await writer.wait_closed()
        left.set()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    config = ProviderConfig("slow", base_urls={_CHAT: f"http://127.0.0.1:{port}/v1"}, local=True)
    began = asyncio.get_running_loop().time()
    assert await find_local_servers([config], 0.2) == ()
    assert asyncio.get_running_loop().time() - began < 5
    await asyncio.wait_for(left.wait(), 30)
    server.close()
    await server.wait_closed()
