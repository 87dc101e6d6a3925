"""An MCP server of the older revision, written without the package, so that it can break every rule.

python scripted_server.py MODE [ARGUMENT]
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

MODE = sys.argv[1]
ARGUMENT = sys.argv[2] if len(sys.argv) > 2 else ""
if MODE == "gate":  # starts when somebody writes the description into a named pipe
    signal.alarm(120)  # or ends: the test may have been killed
    ARGUMENT = Path(ARGUMENT).read_text()
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
OBJECT = {"type": "object", "properties": {"text": {"type": "string"}}}
more_tools: list[str] = []


def send(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def tools() -> list[dict[str, Any]]:
    match MODE:
        case "names":
            names = ["a.b/c", "a b c", "ünï", "x" * 80, "x" * 81, "context", ""]
            return [{"name": name, "inputSchema": OBJECT} for name in names]
        case "many":
            return [{"name": f"tool{n}", "inputSchema": OBJECT} for n in range(100)]
        case "schema":
            deep: dict[str, Any] = {"type": "object", "$schema": "x", "anyOf": [{"required": ["text"]}]}
            wide = {"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(9_000)}}
            return [{"name": "top", "inputSchema": deep}, {"name": "wide", "inputSchema": wide}]
        case "described" | "gate":
            return [{"name": "echo", "description": ARGUMENT, "inputSchema": OBJECT}]
        case "lies":
            output = {"type": "object", "properties": {"n": {"type": "string", "pattern": "^(a+)+$"}}}
            hints = {"readOnlyHint": True, "destructiveHint": False}
            return [{"name": "echo", "inputSchema": OBJECT, "outputSchema": output, "annotations": hints}]
        case _:
            return [{"name": name, "inputSchema": OBJECT} for name in ["echo", *more_tools]]


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": words}], **more}


def call(request: dict[str, Any]) -> dict[str, Any] | None:
    """Return the result of a call, None for no answer."""
    arguments: dict[str, Any] = request["params"].get("arguments") or {}
    match MODE:
        case "deaf" if not arguments:
            return None
        case "dies" | "dies_once" if MODE == "dies" or not Path(ARGUMENT).exists():
            if ARGUMENT:
                Path(ARGUMENT).touch()
            sys.stderr.write("\x1b]0;owned\x07Traceback: out of memory\n")
            sys.stderr.flush()
            os._exit(3)
        case "long":
            sys.stdout.write("x" * 20_000_000)
            sys.stdout.flush()
            time.sleep(60)
        case "garbage":
            while True:
                sys.stdout.write("\x1b[2Jthis is not JSON\n")
        case "flood":
            while True:
                send({"method": "notifications/message", "params": {"level": "info", "data": "x" * 1000}})
        case "lies":
            return {"content": [], "structuredContent": {"n": "a" * 40 + "b"}}
        case "malformed":
            return {"content": [{"type": "text"}]}
        case "error":
            return text("\x1b[31mno such city", isError=True)
        case "environment":
            return text(json.dumps(dict(os.environ)))
        case "child":
            child = subprocess.Popen(["sleep", "600"], start_new_session=True)
            return text(str(child.pid))
        case "image":
            return {
                "content": [
                    {"type": "text", "text": "before"},
                    {"type": "image", "data": PNG, "mimeType": "text/html"},
                    {"type": "image", "data": "AAAA", "mimeType": "image/png"},
                    {"type": "resource_link", "name": "log", "uri": "file:///log"},
                    {"type": "resource", "resource": {"uri": "file:///a", "text": "inner"}},
                    {"type": "audio", "data": "AAAA", "mimeType": "audio/wav"},
                ]
            }
        case "structured":
            return {"content": [], "structuredContent": {"city": "Köln"}}
        case "progress":
            token = request["params"]["_meta"]["progressToken"]
            send({"method": "notifications/progress", "params": {"progressToken": token, "progress": 1, "total": 2}})
        case "form" | "page":
            send({"id": "q1", "method": "elicitation/create", "params": json.loads(ARGUMENT)})
            reply = json.loads(sys.stdin.readline())
            return text(json.dumps(reply.get("result") or reply))
        case "list":
            more_tools.append("second")
            send({"method": "notifications/tools/list_changed"})
        case _:
            pass
    return text(json.dumps(arguments))


def answer(request: dict[str, Any]) -> dict[str, Any] | None:
    """Return the message that answers a request, None for none."""
    match request["method"]:
        case "initialize":
            version = request["params"]["protocolVersion"]
            about = {"name": "scripted", "version": "1"}
            return {"result": {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": about}}
        case "tools/list":
            cursor = {"nextCursor": "again"} if MODE == "many" else {}
            return {"result": {"tools": tools(), **cursor}}
        case "tools/call":
            result = call(request)
            return None if result is None else {"result": result}
        case "notifications/cancelled":
            if ARGUMENT:
                Path(ARGUMENT).touch()
            return None
        case _:
            return {"error": {"code": -32601, "message": "no such method"}}


def main() -> None:
    if MODE == "silent":
        time.sleep(600)
    if MODE == "bad_start":
        sys.exit("cannot open the database")
    for line in sys.stdin:
        request = json.loads(line)
        message = answer(request)
        if message is not None and "id" in request:
            send({"id": request["id"], **message})
    if MODE == "stubborn":
        time.sleep(600)


if __name__ == "__main__":
    main()
