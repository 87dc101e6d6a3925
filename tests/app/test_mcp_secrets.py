"""Secrets of MCP servers: masked in what is saved, and resolved for the server that they belong to."""

from __future__ import annotations

from pathlib import Path

from termchat.app.mcp_sources import SecretTexts
from termchat.app.secrets import add_known_secrets
from termchat.app.user_functions import environment_without_keys
from termchat.config.credentials import Credentials
from termchat.config.load import Config, load_config
from termchat.core.errors import Failure
from termchat.core.redact import Redactor

ENV_SECRET, INLINE = "from-the-environment-41f7", "Bearer written-in-the-file-93aa"
CLIENT_SECRET = "secret-of-the-client-57be"


def config(folder: Path) -> Config:
    file = folder / "config.toml"
    file.write_text(
        '[mcp.a]\ncommand = "x"\nenv = { GITHUB_TOKEN = "env:GH", TZ = "Europe/Berlin", NO = "env:NOT_SET" }\n'
        f'[mcp.b]\nurl = "https://example.com/mcp"\nheaders = {{ Authorization = "{INLINE}" }}\n'
        'client_id = "me"\nclient_secret = "env:CLIENT"\n'
    )
    file.chmod(0o600)
    loaded = load_config({"HOME": str(folder)}, file)
    assert isinstance(loaded, Config)
    return loaded


def test_known_secrets_of_servers_are_masked(tmp_path: Path) -> None:
    redact = Redactor(shapes=False)
    add_known_secrets(redact, config(tmp_path), {"GH": ENV_SECRET, "CLIENT": CLIENT_SECRET})
    masked = redact(f"{ENV_SECRET} and {INLINE} and {CLIENT_SECRET} in Europe/Berlin")
    assert CLIENT_SECRET not in masked
    assert ENV_SECRET not in masked
    assert "written-in-the-file" not in masked
    assert "Europe/Berlin" in masked


def test_environment_without_keys_drops_variables_of_servers(tmp_path: Path) -> None:
    given = {"GH": "1", "CLIENT": "2", "HOME": "/home/me"}
    assert environment_without_keys(config(tmp_path), given) == {"HOME": "/home/me"}


def test_secret_texts_resolve_references_and_name_missing_one(tmp_path: Path) -> None:
    servers = config(tmp_path).mcp
    texts = SecretTexts(Credentials({"GH": ENV_SECRET}))
    assert texts.resolve(servers["b"]) == {"Authorization": INLINE}
    failure = texts.resolve(servers["a"])
    assert isinstance(failure, Failure)
    assert failure.message == "MCP server a: NO is empty: env:NOT_SET has no value."
    assert texts.resolve(servers["b"]) == {"Authorization": INLINE}
