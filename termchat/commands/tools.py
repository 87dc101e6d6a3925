"""/tools: list the tools and the rules about them, turn tools on or off, add and remove rules."""

from __future__ import annotations

from termchat.commands.registry import CommandContext, CommandGroup, Effects, split_save
from termchat.core.effects import Candidates, Completion, EditRule, Print, PrintTable
from termchat.core.provider import Tools
from termchat.core.sanitize import EMPTY, Safe, safe, safe_format, safe_line

group = CommandGroup()
_GROUPS = ("read", "write", "run", "network", "functions", "mcp", "all")
_NO_TOOLS = (Print(safe_format("There are no tools in this run (--no-tools).")),)


def _candidates(context: CommandContext, prefix: str) -> Candidates:
    """Complete the action, then the names of tools or the rules."""
    known = context.session.tools
    action, blank, _ = prefix.partition(" ")
    if known is None:
        return ()
    if not blank:
        return [
            Completion("on", safe_format("offer tools to the model")),
            Completion("off", safe_format("offer them no longer")),
            Completion("allow", safe_format("run calls that a rule names without a question")),
            Completion("remove", safe_format("forget a rule")),
        ]
    if action in ("on", "off"):
        rows = [Completion(f"{action} {row.name}") for row in known.tools() if row.offered is (action == "off")]
        return [*(Completion(f"{action} {name}") for name in _GROUPS), *rows]
    if action == "remove":
        return [Completion(f"remove {row.text}", safe_line(row.answer)) for row in known.rules()]
    return ()


def _takes_rule(context: CommandContext, argument: str) -> bool:
    """Return True after `allow` and `remove`: a rule is never the beginning of another one."""
    return argument.startswith(("allow ", "remove "))


@group.command(
    "tools",
    safe_format("list tools and rules, turn tools on or off"),
    argument="[on|off|allow|remove …]",
    allowed_while_busy=True,
    details=safe_format(
        "NAMES are tools, or read, write, run, network, functions, mcp, all. A RULE is TOOL or TOOL(SUBJECT), such as "
        "run_shell(git log). on and off apply to this run, allow until you leave the chat; allow RULE --save applies "
        "to all chats, and /set tools NAMES --save offers tools from the next start on."
    ),
    complete=_candidates,
    takes=_takes_rule,
)
def list_or_change_tools(context: CommandContext, argument: str) -> Effects:
    """List the tools and rules, or change them."""
    known = context.session.tools
    if known is None:
        return _NO_TOOLS
    action, _, rest = argument.strip().partition(" ")
    rest = rest.strip()
    if not action:
        return _listed(known)
    if action in ("on", "off") and rest:
        return _offered(known, rest, on=action == "on")
    if action == "allow" and rest:
        rule, save = split_save(rest)
        return (EditRule(rule, save=save),)
    if action == "remove" and rest:
        return (EditRule(rest, remove=True),)
    return (Print(safe_format("Write /tools on NAMES, /tools off NAMES, /tools allow RULE or /tools remove RULE.")),)


def _offered(known: Tools, names: str, *, on: bool) -> Effects:
    if unknown := known.offer(names.replace(",", " ").split(), on=on):
        return (Print(safe_format("There is no tool {name}; /tools lists them.", name=safe_line(unknown))),)
    offered = ", ".join(row.name for row in known.tools() if row.offered)
    if not offered:
        return (Print(safe_format("The model may call no tools.")),)
    return (Print(safe_format("The model may call {names}.", names=safe_line(offered))),)


def _listed(known: Tools) -> Effects:
    tools = known.tools()
    rows = [
        (
            safe_line(row.name),
            safe_format("on") if row.offered else safe_format("off"),
            safe(row.effect.value),
            safe_line(row.source),
            safe_line(row.description.split(". ")[0].removesuffix(".")[:80]),
        )
        for row in tools
    ]
    header = (safe_format("Tool"), EMPTY, safe_format("Effect"), safe_format("From"), safe_format("Description"))
    rules = [(safe_line(row.answer), safe_line(row.text), _reach(saved=row.saved)) for row in known.rules()]
    no_rules = Print(safe_format("No rules: every call asks, except for reading in the working directory."))
    off = next((row for row in tools if not row.offered), None)
    way = safe_format("/tools on {name} turns one on.", name=safe_line(off.name)) if off else EMPTY
    return (
        PrintTable(header, rows, optional_columns=(4, 3)),
        *((Print(way),) if off else ()),
        PrintTable((safe_format("Rules"), EMPTY, EMPTY), rules) if rules else no_rules,
    )


def _reach(*, saved: bool) -> Safe:
    return safe_format("saved") if saved else safe_format("until you leave this chat")
