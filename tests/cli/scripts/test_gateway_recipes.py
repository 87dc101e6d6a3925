"""The recipes of the guide's page on gateways: each is run as it stands, behind a proxy that opens TLS connections.

The addresses are the real ones: the proxy answers for every host, and passes the requests on to the gateway of the
tests, which answers in the dialect of that host. Servers on this machine are reached without a proxy; their ports are
those of the gateway.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fork_server import run_program
from tests.gateway import Gateway, GatewayThread, Quirk, Reasoning, Reply, Text
from tests.gateway.tls_proxy import TlsProxy

pytestmark = pytest.mark.xdist_group("gateway_recipes")

DOCS = Path(__file__).parents[3] / "termchat" / "docs"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PATIENCE = 60.0
KEY = "a-key-of-nobody-0123456789"
ANSWER = "Good day, wörld."
LOCAL = ("ollama", "llamacpp", "vllm", "litellm")
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"


@dataclass(frozen=True)
class Block:
    """A block of the page, and the requests that it makes: (host, path, model); no host for this machine."""

    requests: tuple[tuple[str, str, str], ...]
    quirks: frozenset[Quirk] = frozenset()
    after: str = ""  # a command that a file of configuration needs


RECIPES = {
    "ofox": Block((
        ("api.ofox.ai", f"/anthropic{MESSAGES}", "anthropic/claude-sonnet-5.5"),
        ("api.ofox.ai", CHAT, "openai/gpt-5.2"),
    ), frozenset({Quirk.PINGS, Quirk.USAGE_WITH_FINISH})),
    "ulovegpt": Block((
        ("www.ulovegpt.com", CHAT, "gpt-5.2"),
        ("www.ulovegpt.com", f"/anthropic{MESSAGES}", "claude-opus-5-5"),
        ("www.ulovegpt.com", "/v1beta/models/gemini-2.5-pro:streamGenerateContent", "gemini-2.5-pro"),
    ), frozenset({Quirk.UNKNOWN_EVENTS})),
    "myopenhub": Block((("api.myopenhub.com", CHAT, "auto"),), frozenset({Quirk.BLANK_FINISH})),
    "openrouter": Block(
        (("openrouter.ai", f"/api{CHAT}", "anthropic/claude-opus-5"),),
        frozenset({Quirk.REASONING_DETAILS, Quirk.USAGE_EVERYWHERE}),
    ),
    "local": Block((
        ("", CHAT, "qwen3"), ("", CHAT, "any"), ("", CHAT, "Qwen/Qwen3-8B"), ("", CHAT, "gpt-5.2"),
    ), frozenset({Quirk.REASONING_KEY})),
    "gpu": Block((("", CHAT, "Qwen/Qwen3-8B"),), frozenset({Quirk.THINK_TAGS}), 'termchat -m gpu "hello"'),
    "azure": Block(
        (("my-resource.openai.azure.com", f"/openai{CHAT}", "my-gpt"),),
        frozenset({Quirk.EMPTY_CHOICES_FIRST}),
        'export AZURE_OPENAI_API_KEY=...\ntermchat "hello"',
    ),
    "company proxy": Block((("api.openai.com", "/v1/responses", "gpt-5.2"),)),
    "proxy of a provider": Block(
        (("api.openai.com", "/v1/responses", "gpt-5.2"),), after='termchat -m openai/gpt-5.2 "hello"',
    ),
}  # fmt: skip


def recipe_texts(language: str) -> list[tuple[str, str]]:
    """Return the language and text of each block of the recipes."""
    page = (DOCS / language / "gateways.md").read_text("utf-8")
    return BLOCK.findall(page[page.index("\n## Recipes" if language == "en" else "\n## 示例") :])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, TlsProxy]]:
    with GatewayThread() as gateway, TlsProxy(gateway.port, tmp_path_factory.mktemp("tls")) as proxy:
        yield gateway, proxy


def test_recipes_are_the_same_in_both_languages() -> None:
    assert recipe_texts("en") == recipe_texts("zh")
    assert len(recipe_texts("en")) == len(RECIPES)


@pytest.mark.parametrize("name", RECIPES)
def test_gateway_recipe_is_answered_at_its_real_address(
    name: str, served: tuple[Gateway, TlsProxy], tmp_path: Path
) -> None:
    (gateway, proxy), recipe = served, RECIPES[name]
    kind, text = dict(zip(RECIPES, recipe_texts("en"), strict=True))[name]
    asked, hosts, problems = len(gateway.asked), len(proxy.hosts), len(gateway.problems)
    gateway.always(Reply(Reasoning("hm"), Text(ANSWER), quirks=recipe.quirks))
    config = _configuration(gateway, text if kind == "toml" else "", proxy)
    file = tmp_path / ".config" / "termchat" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(config)
    file.chmod(0o600)
    env = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "OPENAI_API_KEY": KEY}
    if "proxy" not in name:
        env |= {"HTTPS_PROXY": proxy.url, "SSL_CERT_FILE": str(proxy.authority)}
    for command in _commands(recipe.after if kind == "toml" else _behind(text, proxy), env):
        done = run_program(command, None, env=env, cwd=tmp_path, timeout=PATIENCE)
        assert (done.returncode, done.stdout.decode()) == (0, ANSWER), done.stderr.decode()
    assert [(request.path, request.model) for request in gateway.asked[asked:]] == [r[1:] for r in recipe.requests]
    assert set(proxy.hosts[hosts:]) == {host for host, _, _ in recipe.requests if host}
    assert gateway.problems[problems:] == []


def _configuration(gateway: Gateway, text: str, proxy: TlsProxy) -> str:
    """Return a block as configuration, with the servers without a key at the gateway, which wants one."""
    at, key = f"http://127.0.0.1:{gateway.port}/v1", f'key = "{KEY}"\n'
    text = text.replace("http://gpu.example.com:8000/v1", at).replace("[providers.gpu]\n", f"[providers.gpu]\n{key}")
    rows = (f'\n[providers.{name}]\nopenai = "{at}"\n' for name in LOCAL)
    return _behind(text, proxy) + key.join([*rows, ""])


def _behind(text: str, proxy: TlsProxy) -> str:
    """Return a block with the address and the certificate of the proxy."""
    return text.replace("http://proxy.example.com:3128", proxy.url).replace(
        "/etc/ssl/certs/company.pem", str(proxy.authority)
    )


def _commands(text: str, env: dict[str, str]) -> Iterator[list[str]]:
    """Yield the commands of a block; set the variables that it exports, with a key for `...`."""
    for line in text.splitlines():
        words = [word.replace("...", KEY) for word in shlex.split(line, comments=True)]
        exported = bool(words) and words[0] == "export"
        words = words[exported:]
        while words and "=" in words[0]:
            name, _, value = words.pop(0).partition("=")
            env[name] = value
        if words:
            assert words[0] == "termchat"
            yield [sys.executable, "-m", "termchat", *words[1:]]
