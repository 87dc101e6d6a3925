"""The lines of `termchat config`."""

from __future__ import annotations

from pathlib import Path

from termchat.cli.config import config_lines
from termchat.config.credentials import Credentials
from termchat.config.load import Config, load_config
from termchat.config.settings import SETTINGS


def test_config_lines_give_value_and_origin_without_keys(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        'favourites = ["x/a"]\nthink = "low"\n[aliases]\nfast = "x/a"\n'
        '[providers.x]\nopenai = "https://h/v1"\nkey = "sk-secret-1234567"\n'
    )
    file.chmod(0o600)
    env = {
        "HOME": str(tmp_path),
        "TERMCHAT_MODEL": "x/a",
        "OPENAI_API_KEY": "sk-other",
        "OPENAI_BASE_URL": "http://o/v1",
    }
    config = load_config(env, file)
    assert isinstance(config, Config)
    lines = {str(line.key): (line.value, line.where) for line in config_lines(config, Credentials(env))}
    assert set(SETTINGS) <= set(lines)
    assert lines["model"] == ("x/a", "TERMCHAT_MODEL")
    assert lines["think"] == ("low", f"{file}:2")
    assert lines["max_retries"] == ("2", "default")
    assert lines["aliases.fast"][0] == "x/a"
    assert lines["favourites"][0] == "x/a"
    assert lines["providers.x.openai"] == ("https://h/v1", f"{file}:6")
    assert lines["providers.x.key"][0] == "the configuration"
    assert lines["providers.openai.openai"] == ("http://o/v1", "OPENAI_BASE_URL")
    assert lines["providers.openai.key"] == ("OPENAI_API_KEY", "built in")
    assert lines["providers.anthropic.key"][0] == "ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN (not set)"
    assert "sk-" not in str(lines)
    assert not [key for key in lines if key.startswith(("providers.groq.openai", "providers.ollama", "providers.demo"))]
    assert (
        str(next(iter(config_lines(config, Credentials(env)))))
        == "model                        = x/a  (TERMCHAT_MODEL)"
    )
