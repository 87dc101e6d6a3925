"""Hypothesis strategies for messages, trees and chats."""

from __future__ import annotations

from hypothesis import strategies as st

from termchat.core.chats import ChatInfo, ChatState, FullChat
from termchat.core.conversation import Conversation, Node
from termchat.core.messages import (
    Citation,
    File,
    Image,
    Message,
    Origin,
    Reasoning,
    Role,
    Search,
    Text,
    ToolCall,
    ToolResult,
    ToolStatus,
)
from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.outcomes import Outcome
from termchat.core.usage import Usage

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
names = st.text("abcdefghij-_.", min_size=1, max_size=8)
numbers = st.floats(allow_nan=False) | st.integers(-(2**53), 2**53)
leaves = st.none() | st.booleans() | numbers | texts | st.binary(max_size=20)
keys = texts | st.sampled_from(["$bytes", "$float", "$object"])
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3))
extras = st.none() | st.dictionaries(keys, values, max_size=3)

plain_texts = st.builds(Text, texts, st.lists(st.builds(Citation, texts, texts), max_size=2).map(tuple), extras)
images = st.builds(Image, texts, st.binary(max_size=40), texts, texts)
results = st.builds(
    ToolResult,
    texts,
    texts,
    st.lists(plain_texts | images, max_size=2).map(tuple),
    st.booleans(),
    st.sampled_from(ToolStatus),
    texts,
)
parts = (
    plain_texts
    | images
    | results
    | st.builds(Reasoning, texts, st.booleans(), extras)
    | st.builds(Search, st.lists(texts, max_size=2).map(tuple), extras)
    | st.builds(ToolCall, texts, texts, texts, st.booleans(), extras)
    | st.builds(File, texts, texts, st.binary(max_size=40))
)
counts = st.integers(0, 10**9)
costs = st.none() | st.decimals(0, 1000, allow_nan=False, places=9)
usages = st.builds(Usage, counts, counts, counts, counts, counts, st.booleans(), costs, texts, texts)
origins = st.builds(Origin, texts, st.sampled_from(ApiProtocol), texts)
messages = st.builds(
    Message,
    st.sampled_from(Role),
    st.lists(parts, max_size=4).map(tuple),
    st.none() | origins,
    st.none() | st.sampled_from(Outcome),
    st.none() | usages,
    texts,
)
times = st.floats(0, 4e9)


@st.composite
def records(draw: st.DrawFn) -> FullChat:
    """A chat with a tree of up to six messages."""
    chat = draw(st.uuids()).hex
    nodes: dict[str, Node] = {}
    for n in range(draw(st.integers(0, 6))):
        parent = draw(st.none() | st.sampled_from(sorted(nodes))) if nodes else None
        name = f"{chat}-{n}"
        nodes[name] = Node(name, parent, draw(messages))
    head = draw(st.none() | st.sampled_from(sorted(nodes))) if nodes else None
    model = draw(st.none() | st.builds(ModelRef, names, names))
    settings = st.dictionaries(texts, st.none() | st.booleans() | numbers | texts, max_size=2)
    state = ChatState(model, draw(texts), draw(settings))
    created, updated = draw(times), draw(times)
    questions = sum(node.message.role is Role.USER for node in nodes.values())
    info = ChatInfo(chat, draw(texts), model, created, updated, questions, draw(texts))
    return FullChat(
        info,
        state,
        Conversation(nodes, head),
        {name: draw(times) for name in nodes},
        draw(st.booleans()),
    )
