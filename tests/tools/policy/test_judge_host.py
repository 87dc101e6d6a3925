"""Hosts are exact, or below a domain."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.tools.policy.judge_host import judge_host, normal_host
from termchat.tools.policy.rules import Rule, Rules
from termchat.tools.policy.verdicts import Ruling


@pytest.mark.parametrize(
    ("subject", "host", "matches"),
    [
        ("docs.python.org", "docs.python.org", True),
        ("docs.python.org", "DOCS.Python.org.", True),
        ("Docs.Python.Org", "docs.python.org", True),
        ("python.org", "docs.python.org", False),
        ("docs.python.org", "python.org", False),
        ("python.org", "python.org.evil.net", False),
        ("*.python.org", "docs.python.org", True),
        ("*.python.org", "a.b.python.org", True),
        ("*.python.org", "python.org", False),
        ("*.python.org", "evilpython.org", False),
        ("*.python.org", "python.org.evil.net", False),
        ("*", "a.org", False),
        ("*.", "a.org", False),
        ("*.org", "a.org", False),
        ("*.*.org", "a.b.org", False),
        ("docs.*.org", "docs.python.org", False),
        ("bücher.de", "xn--bcher-kva.de", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("::1", "[::1]", True),
        ("0:0::1", "::1", True),
    ],
)
def test_host_rule_matches(subject: str, host: str, matches: bool) -> None:
    rule = (Rule("fetch_url", subject),)
    assert (judge_host("fetch_url", host, Rules(allow=rule)).answer is Ruling.ALLOW) == matches
    assert (judge_host("fetch_url", host, Rules(allow=rule, deny=rule)).answer is Ruling.DENY) == matches
    assert judge_host("fetch_url", host, Rules(allow=rule, ask=rule)).answer is Ruling.ASK
    assert judge_host("other", host, Rules(allow=rule)).answer is Ruling.ASK


@pytest.mark.parametrize(
    "host", ["", ".", "a b", "a/b", "a@b", "a:80", "a..b", "-a.org", "x" * 300, "a\0b", "a\nb", "*.org"]
)
def test_host_that_is_none_is_refused(host: str) -> None:
    assert judge_host("fetch_url", host, Rules(allow=(Rule("fetch_url"),))).answer is Ruling.REFUSE


def test_host_without_rule_is_offered_exactly() -> None:
    assert judge_host("fetch_url", "Docs.Python.org", Rules()).offer == "fetch_url(docs.python.org)"


@given(st.text(max_size=30))
def test_host_normal_form_is_stable(host: str) -> None:
    name = normal_host(host)
    assert normal_host(name) == name or not name
