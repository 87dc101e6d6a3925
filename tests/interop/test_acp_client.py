"""`termchat acp` with a client that nobody here wrote, and its messages against the published JSON Schema."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.cli.conftest import Program, program
from tests.gateway import Call, Cut, Reasoning, Reply, Stall, Text
from tests.interop.support import PATIENCE, installed

__all__ = ["program"]
pytestmark = pytest.mark.interop
CLIENT = Path(__file__).with_name("acp_client.mjs")
PACKAGE = "@agentclientprotocol/sdk"
BY_KEY = {  # a key of a result -> its type in the schema
    "protocolVersion": "InitializeResponse",
    "sessionId": "NewSessionResponse",
    "stopReason": "PromptResponse",
    "sessions": "ListSessionsResponse",
    "configOptions": "LoadSessionResponse",
}
BY_METHOD = {"session/update": "SessionNotification", "session/request_permission": "RequestPermissionRequest"}


def test_sdk_client_holds_conversation_with_approval_stop_cut_and_load(program: Program) -> None:
    folder = installed("acp", ("npm", "install", "--prefix", "{}", "--no-audit", "--no-fund", PACKAGE))
    program.gateway.reply(
        Reply(Reasoning("hm"), Text("I write. "), Call("write_file", {"path": "new.txt", "text": "made\n"})),
        Reply(Text("Done 你好 😀 ")), Reply(Text("half"), Stall()), Reply(Text(" and cut"), Cut()),
    )  # fmt: skip
    agent = [sys.executable, "-m", "termchat", "acp", "-m", "xopenai/gpt-5.2", "--tools", "all"]
    command = ["node", str(CLIENT), str(folder), str(program.cwd), *agent]
    env = {**program.env, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, cwd=program.cwd, env=env, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    assert (seen["version"], seen["stops"], seen["code"]) == (1, ["end_turn", "cancelled"], 0)
    assert seen["options"] == [["allow_once", "allow_always", "allow_always", "reject_once"]]
    assert (program.cwd / "new.txt").read_text() == "made\n"
    assert seen["text"].startswith("I write. Done 你好 😀 half and cut") and "incomplete" in seen["error"]
    assert seen["listed"] == ["write the file"] and seen["replayed"] == "I write. Done 你好 😀 half and cut"
    schema = json.loads((folder / "node_modules" / PACKAGE / "schema" / "v1" / "schema.json").read_text())
    assert len(seen["lines"]) > 20
    for line in seen["lines"]:
        validate(json.loads(line), schema["$defs"])


def validate(message: dict[str, Any], types: dict[str, Any]) -> None:
    """Check a message of the agent against its type in the schema."""
    if "method" in message:
        name, value = BY_METHOD[message["method"]], message["params"]
    elif "error" in message:
        name, value = "Error", message["error"]
    else:
        value = message["result"]
        name = next((name for key, name in BY_KEY.items() if key in value), "CloseSessionResponse")
    jsonschema.Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": types}).validate(value)
