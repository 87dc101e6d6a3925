"""Judge a host by rules: exact names, or `*.example.org` for everything below a domain."""

from __future__ import annotations

import re
import socket
from ipaddress import ip_address

from termchat.tools.policy.rules import EFFECTS, Rule, Rules, verdict_of_rules
from termchat.tools.policy.verdicts import Ruling, Verdict
from termchat.tools.web.public_address import is_public

_HOST = re.compile(
    r"(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
)


def judge_host(tool: str, host: str, rules: Rules) -> Verdict:
    """Judge a host name or IP address, without port. The connection must check private addresses by itself."""
    name = normal_host(host)
    if not name:
        return Verdict(Ruling.REFUSE, f"{host!r} is not the name of a host.")
    found = verdict_of_rules(rules, tool, lambda subject: _matches_host(subject, name))
    return found or Verdict(Ruling.ASK, f"No rule allows {name}.", str(Rule(tool, name)))


def normal_host(host: str) -> str:
    """Return a host in lower case and ASCII without a last dot, an IP address in its shortest form, "" for neither."""
    bare = host.strip("[]") if host.startswith("[") else host
    try:
        return str(ip_address(bare))
    except ValueError:
        pass
    try:
        name = bare.removesuffix(".").lower().encode("idna").decode("ascii")
    except UnicodeError:
        return ""
    return name if _HOST.fullmatch(name) else ""


def host_problem(rule: Rule, answer: str) -> str:
    """Return the sentence that says why a rule about hosts has no effect, "" if it has one.

    answer   the list of the rule: allow, ask or deny
    """
    if not rule.subject:
        return ""
    below = rule.subject.startswith("*.")
    name = normal_host(rule.subject.removeprefix("*."))
    nothing = f"{rule} {EFFECTS[answer]} nothing"
    if not name or (below and "." not in name):
        return f"{nothing}: {rule.subject} is not the name of a host, such as docs.python.org or *.python.org."
    if answer == "allow" and not below and _is_never_public(name):
        return f"{nothing}: {name} is not public, so each fetch from it asks."
    return ""


def _is_never_public(name: str) -> bool:
    if f".{name}".endswith(".localhost"):
        return True
    last = name.rpartition(".")[2]
    if ":" in name:
        return not is_public(name)
    if not (last.isdigit() or last.startswith("0x")):
        return False
    try:
        return not is_public(socket.inet_ntoa(socket.inet_aton(name)))  # any spelling: 127.1, 0x7f000001
    except OSError:
        return False


def _matches_host(subject: str, name: str) -> bool:
    if not subject.startswith("*."):
        return normal_host(subject) == name
    domain = normal_host(subject[2:])
    return "." in domain and name.endswith(f".{domain}")
