"""Export chats as JSON without loss: all branches, parts, attachments and provider data.

The file is one object, `{"format": "termchat", "version": 1, "chats": [...]}`, with a chat on each line;
importers/termchat.py reads it.
"""

from __future__ import annotations

from typing import Any

from termchat.core.chats import FullChat
from termchat.core.sanitize import escape_json
from termchat.store import message_json

FORMAT = "termchat"
VERSION = 1
BEGIN = f'{{"format":"{FORMAT}","version":{VERSION},"chats":[\n'
BETWEEN = ",\n"
END = "\n]}\n"


def chat_to_json(record: FullChat) -> str:
    """Return a chat as JSON on one line, safe for a terminal."""
    info, state, tree = record.info, record.state, record.conversation
    raw: dict[str, Any] = {
        "id": info.id,
        "title": info.title,
        "renamed": record.renamed,
        "created": info.created,
        "updated": info.updated,
        "directory": info.directory,
        "model": [state.model.provider, state.model.model] if state.model else None,
        "system": state.system,
        "settings": message_json.encode_provider_data(state.settings),
        "head": tree.head,
        "messages": [
            {
                "id": node.id,
                "parent": node.parent,
                "created": record.times.get(node.id, info.created),
                **({"label": tree.labels[node.id]} if node.id in tree.labels else {}),
                "message": message_json.to_dict(node.message),
            }
            for node in tree.nodes.values()
        ],
    }
    return escape_json(message_json.dump(raw))
