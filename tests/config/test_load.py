"""The configuration: precedence, origins, and errors that name the wrong and the allowed values."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from termchat.config.load import Config, load_config
from termchat.config.settings import SETTINGS, Settings
from termchat.core.errors import Failure, FailureKind
from termchat.core.models import ApiProtocol, Timeouts
from termchat.core.provider import Effort


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path)}


def write(env: dict[str, str], text: str, mode: int = 0o600) -> Path:
    file = Path(env["HOME"]) / ".config" / "termchat" / "config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    file.chmod(mode)
    return file


def loaded(found: Config | Failure) -> Config:
    assert isinstance(found, Config), found
    return found


def load_failure(found: Config | Failure) -> Failure:
    assert isinstance(found, Failure)
    assert found.kind is FailureKind.BAD_CONFIG
    return found


def test_load_without_file_or_variables_gives_defaults(home: dict[str, str]) -> None:
    config = loaded(load_config(home))
    assert config.settings == Settings()
    assert config.notes == ()
    assert list(config.providers)[:3] == ["openai", "anthropic", "gemini"]
    assert list(config.providers)[-1] == "demo"
    assert {config.origin(key) for key in SETTINGS} == {"default"}


def test_load_records_origin_of_each_value(home: dict[str, str]) -> None:
    file = write(home, '# mine\nmodel = "a/b"\nthink = "low"\nidle_timeout = 7\n')
    config = loaded(load_config({**home, "TERMCHAT_IDLE_TIMEOUT": "9.5"}))
    config = loaded(config.with_flags({"think": "high", "max_tokens": None}))
    assert (config.settings.model, config.origin("model")) == ("a/b", f"{file}:2")
    assert (config.settings.idle_timeout, config.origin("idle_timeout")) == (9.5, "TERMCHAT_IDLE_TIMEOUT")
    assert (config.settings.think, config.origin("think")) == (Effort.HIGH, "--think")
    assert (config.settings.max_tokens, config.origin("max_tokens")) == (None, "default")


def test_load_idle_timeout_also_sets_first_content(home: dict[str, str]) -> None:
    assert loaded(load_config(home)).settings.timeouts == Timeouts()
    clocks = loaded(load_config({**home, "TERMCHAT_IDLE_TIMEOUT": "5"})).settings.timeouts
    assert (clocks.first_content, clocks.idle) == (5, 5)


def test_config_with_value_validates_key_and_value(home: dict[str, str]) -> None:
    config = loaded(load_config(home))
    assert loaded(config.with_value("usage", "off")).settings.usage == "off"
    assert "one of line, full, off" in load_failure(config.with_value("usage", "sometimes")).message
    assert load_failure(config.with_value("usag", "off")).hint == "Did you mean usage?"


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("temperature", "0.7", 0.7),
        ("temperature", "0", 0.0),
        ("top_p", "1", 1.0),
        ("seed", "42", 42),
        ("stop", "END", ("END",)),
        ("stop", '["a", "\\n"]', ("a", "\n")),
        ("stop", "[]", ()),
        ("system", "a=b", "a=b"),
    ],
)
def test_setting_from_file_flag_and_set_has_same_value(
    home: dict[str, str], key: str, text: str, value: object
) -> None:
    config = loaded(load_config(home))
    assert getattr(loaded(config.with_value(key, text)).settings, key) == value
    by_set = loaded(config.with_assignments([f"{key}=none", f"{key}={text}"] if key == "system" else [f"{key}={text}"]))
    assert (getattr(by_set.settings, key), by_set.origin(key)) == (value, "--set")
    flag = loaded(by_set.with_flags({key: list(value) if isinstance(value, tuple) else text}))
    assert (getattr(flag.settings, key), flag.origin(key)) == (value, SETTINGS[key].flag)
    file = write(home, f"{key} = {json.dumps(value)}\n")
    config = loaded(load_config(home))
    assert (getattr(config.settings, key), config.origin(key)) == (value, f"{file}:1")


@pytest.mark.parametrize(
    ("pair", "message", "hint"),
    [
        ("temp=1", "There is no setting temp.", "Did you mean temperature?"),
        ("temprature=1", "There is no setting temprature.", "Did you mean temperature?"),
        ("temperature=hot", '--set temperature must be a number from 0 to 2, not "hot".', "temperature: The sampling"),
        ("temperature=3", '--set temperature must be a number from 0 to 2, not "3".', "temperature: "),
        ("top_p=nan", '--set top_p must be a number from 0 to 1, not "nan".', "top_p: "),
        ('stop=["a", 1]', '--set stop must be a text, or a list such as ["END", "\\n\\n"], not', "stop: "),
        ("temperature", '--set takes KEY=VALUE, not "temperature".', "Did you mean temperature?"),
        ("providers.x.key=1", "There is no setting providers.x.key.", "Known names: model, "),
    ],
)
def test_set_flag_invalid_names_closest_setting(home: dict[str, str], pair: str, message: str, hint: str) -> None:
    failure = load_failure(loaded(load_config(home)).with_assignments([pair]))
    assert failure.message.startswith(message)
    assert failure.hint.startswith(hint)


@pytest.mark.parametrize("variable", ["TERMCHAT_IDLE_TIMEOUT", "TERMCHAT_CONNECT_TIMEOUT", "TERMCHAT_MAX_RETRIES"])
@pytest.mark.parametrize("value", ["soon", "-1", "nan", "1e999", "²"])
def test_load_invalid_variable_names_variable_and_value(home: dict[str, str], variable: str, value: str) -> None:
    failure = load_failure(load_config({**home, variable: value}))
    assert failure.message.startswith(f"{variable} must be a ")
    assert value in failure.message


def test_load_empty_variable_counts_as_unset(home: dict[str, str]) -> None:
    assert loaded(load_config({**home, "TERMCHAT_IDLE_TIMEOUT": "", "OPENAI_BASE_URL": " "})).settings == Settings()


WRONG = [
    ('model = "x\n', 1, "", "TOML"),
    ('a = 1\n\nthink = "low"\n', 1, "a is not a known key", ""),
    ('thnk = "low"\n', 1, "thnk is not a known key", "Did you mean think?"),
    ('x = 1\nthink = "hard"\n', 1, "x is not a known key", ""),
    ('model = "a/b"\nthink = "hard"\n', 2, "think must be one of off, minimal, low, medium, high, xhigh, max", ""),
    ("max_tokens = 0\n", 1, "max_tokens must be a whole number, 1 or more", ""),
    ("max_retries = true\n", 1, "max_retries must be a whole number, 0 or more", ""),
    ("idle_timeout = 0\n", 1, "idle_timeout must be a number of seconds above 0", ""),
    ("plain = 1\n", 1, "plain must be true or false", ""),
    ("model = 5\n", 1, "model must be the name of a model", ""),
    ("providers = 5\n", 1, "providers must be one table for each", ""),
    ("[providers]\nx = 5\n", 2, "providers.x must be a table", ""),
    ('[providers.x]\nkey = "env:X"\n', 1, "providers.x has no base URL", "openai ="),
    ('[providers.x]\n\nopenia = "h"\n', 3, "providers.x.openia is not a known key", "Did you mean openai?"),
    ("[providers.x]\nopenai = 5\n", 2, "providers.x.openai must be a base URL", ""),
    ('[providers.x]\nopenai = "ftp://h"\n', 2, "is not a base URL: ftp://h is not an http", ""),
    ('[providers.x]\nopenai = "h"\nstream = "no"\n', 3, "providers.x.stream must be true or false", ""),
    ('[providers.x]\nopenai = "h"\nroute = { "*" = "gemni" }\n', 3, "with one of openai, responses", ""),
    ('[providers.x]\nopenai = "h"\n[providers.x.route]\n"a" = "gemini"\n', 4, "route.a uses gemini", ""),
    ('[providers.x]\nopenai = "h"\nheaders = { a = 1 }\n', 3, "providers.x.headers must be a table of texts", ""),
    ('[providers."a/b"]\nopenai = "h"\n', 1, "is not a provider's name", ""),
    ('[providers.demo]\nopenai = "h"\n', 1, "is the built-in guide", ""),
    ('favourites = "x"\n', 1, "favourites must be an array", ""),
    ("[aliases]\nfast = 1\n", 2, "aliases.fast must be the name of a model", ""),
]


@pytest.mark.parametrize(("text", "line", "words", "hint"), WRONG)
def test_load_invalid_file_names_line_and_key(
    home: dict[str, str], text: str, line: int, words: str, hint: str
) -> None:
    file = write(home, text)
    failure = load_failure(load_config(home))
    assert failure.message.startswith(f"{file}:{line}:"), failure
    assert words in failure.message
    assert hint in failure.hint


def test_load_unreadable_file_or_wrong_encoding_is_an_error(home: dict[str, str], tmp_path: Path) -> None:
    file = write(home, "")
    file.write_bytes(b"\xff\xfe")
    assert "UTF-8" in load_failure(load_config(home)).message
    file.unlink()
    file.mkdir()
    assert str(file) in load_failure(load_config(home)).message
    assert loaded(load_config(home, tmp_path / "other.toml")).settings == Settings()


def test_load_syntax_error_hides_value(home: dict[str, str]) -> None:
    write(home, '[providers.x]\nkey = "sk-very-secret-1234\n')
    failure = load_failure(load_config(home))
    assert "Check key." in failure.hint
    assert "secret" not in failure.message + failure.hint


def test_load_file_with_key_must_be_private(home: dict[str, str]) -> None:
    row = '[providers.x]\nopenai = "https://h/v1"\nkey = "sk-1"\n'
    file = write(home, row, 0o644)
    failure = load_failure(load_config(home))
    assert f"{file}:3" in failure.message
    assert failure.hint == f"Run: chmod 600 {file}"
    file.chmod(0o600)
    assert loaded(load_config(home)).providers["x"].key == "sk-1"
    for source in ("env:X", "cmd:pass x", "file:~/.key", "keyring:x"):
        write(home, row.replace("sk-1", source), 0o644)
        loaded(load_config(home))


def test_load_file_providers_come_first_and_override_named_fields(home: dict[str, str]) -> None:
    write(home, '[providers.mine]\nopenai = "h.example/v1/"\n[providers.groq]\nmodel = "x"\n')
    config = loaded(load_config(home))
    assert list(config.providers)[:5] == ["mine", "groq", "openai", "anthropic", "gemini"]
    groq = config.providers["groq"]
    assert (groq.model, groq.key, groq.base_urls) == (
        "x", "env:GROQ_API_KEY", {ApiProtocol.CHAT: "https://api.groq.com/openai/v1"},
    )  # fmt: skip
    assert config.providers["mine"].base_urls == {ApiProtocol.CHAT: "https://h.example/v1"}
    assert config.notes == ("mine.openai: The base URL h.example/v1/ has no scheme; https:// was added.",)


OFFICIAL, CUSTOM, OTHER = "https://api.openai.com/v1", "https://gate.example/v1", "https://other.example/v1"


@pytest.mark.parametrize(
    ("variable", "row", "protocol", "url"),
    [
        ("", "", ApiProtocol.RESPONSES, OFFICIAL),
        (OFFICIAL, "", ApiProtocol.RESPONSES, OFFICIAL),
        (CUSTOM, "", ApiProtocol.CHAT, CUSTOM),
        ("", f'openai = "{CUSTOM}"', ApiProtocol.CHAT, CUSTOM),
        (OTHER, f'openai = "{CUSTOM}"', ApiProtocol.CHAT, OTHER),
        ("", f'responses = "{CUSTOM}"', ApiProtocol.RESPONSES, CUSTOM),
        ("", f'responses = "{CUSTOM}"\nopenai = "{OTHER}"', ApiProtocol.RESPONSES, CUSTOM),
        (CUSTOM, 'route = { "*" = "responses" }', ApiProtocol.RESPONSES, CUSTOM),
        ("", 'route = { "gpt-*" = "openai" }', ApiProtocol.CHAT, OFFICIAL),
    ],
)
def test_openai_uses_responses_and_chat_at_custom_base(
    home: dict[str, str], variable: str, row: str, protocol: ApiProtocol, url: str
) -> None:
    write(home, f"[providers.openai]\n{row}\n" if row else "")
    openai = loaded(load_config({**home, "OPENAI_BASE_URL": variable})).providers["openai"]
    assert openai.protocol_for("gpt-5.2") is protocol
    assert openai.base_urls[protocol] == url


def test_load_vendor_variables_set_base_urls(home: dict[str, str]) -> None:
    env = {"ANTHROPIC_BASE_URL": "https://a.example/anthropic/v1", "GOOGLE_GEMINI_BASE_URL": "g.example/v1beta"}
    config = loaded(load_config({**home, **env}))
    assert config.providers["anthropic"].base_urls == {ApiProtocol.ANTHROPIC: "https://a.example/anthropic"}
    assert config.providers["gemini"].base_urls == {ApiProtocol.GEMINI: "https://g.example/v1beta"}
    assert config.origin("providers.gemini.gemini") == "GOOGLE_GEMINI_BASE_URL"
    assert len(config.notes) == 2
    assert "OPENAI_BASE_URL" in load_failure(load_config({**home, "OPENAI_BASE_URL": "https://"})).message


def test_load_unencrypted_server_gives_one_note(home: dict[str, str]) -> None:
    write(home, '[providers.x]\nopenai = "http://10.0.0.7/v1"\n[providers.y]\nopenai = "localhost:9/v1"\n')
    notes = loaded(load_config(home)).notes
    assert [note for note in notes if "unencrypted" in note] == [
        "x is reached over unencrypted http://: http://10.0.0.7/v1"
    ]


def test_load_ignores_current_directory(home: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "work"
    for name in ("config.toml", "termchat/config.toml", ".config/termchat/config.toml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("nonsense = 1")
    monkeypatch.chdir(folder)
    assert loaded(load_config({**home, "XDG_CONFIG_HOME": ".config"})).settings == Settings()
