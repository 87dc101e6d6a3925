"""Hypothesis strategies for arbitrary JSON."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

JSONISH: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.floats(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def objects(*fields: str, values: st.SearchStrategy[Any] = JSONISH) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with some of these fields, with any value."""
    return st.dictionaries(st.sampled_from(fields), values)
