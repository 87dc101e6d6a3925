"""Build the toolbox of a run from the settings and the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from termchat.app.mcp_sources import mcp_sources
from termchat.app.options import Options
from termchat.app.user_functions import UserFunctions, environment_without_keys
from termchat.config.credentials import Credentials
from termchat.config.load import Config
from termchat.core.errors import Failure, FailureKind
from termchat.core.sanitize import safe_format, safe_line

if TYPE_CHECKING:
    from termchat.tools.policy.rules import Rule
    from termchat.tools.toolbox import Toolbox

_READ_ONLY = ("read",)
_LISTS = ("deny", "ask", "allow")  # of rules


def build_tools(
    config: Config,
    env: Mapping[str, str],
    options: Options,
    shown_problems: int | None = None,
    *,
    keys: Credentials | None = None,
    learn: Callable[[str], None] | None = None,
) -> Toolbox | Failure | None:
    """Return the tools of a run; None for a script that names none, and with --no-tools.

    shown_problems   the most problems of functions in notices at a time, None for the number that suits a chat
    keys             resolves references in variables and headers of MCP servers
    learn            receives the tokens of logins to MCP servers
    """
    names = config.settings.tools
    if names is None:
        names = options.role_tools if options.role_tools is not None else _READ_ONLY if options.person else ()
    chosen, names = names, tuple(name for name in names if name != "none")
    if not options.tools or not (names or options.person or options.functions):
        return None
    from termchat.tools.policy.rules import Rules
    from termchat.tools.registry import builtin_tools
    from termchat.tools.toolbox import GROUPS, Toolbox, ToolboxConfig

    lists = _rule_lists(config)
    if isinstance(lists, Failure):
        return lists
    cwd, own = Path(options.directory) if options.directory else working_directory(env), builtin_tools()
    taken = {*GROUPS, *(tool.spec.name for tool in own)}
    functions = UserFunctions(config, env, cwd, taken, shown_problems)
    all_own = not options.person and {*names} <= {tool.spec.name for tool in own}  # then nothing else is loaded
    sources = functions.sources(options.functions, folder=not all_own)
    if isinstance(sources, Failure):
        return sources
    toolbox = Toolbox(
        ToolboxConfig(
            cwd,
            (config.paths.config, config.paths.data, config.paths.cache),
            environment_without_keys(config, env),
            offered=(),
            rules=Rules(**lists),
            approve_all=options.approve_all,
            save_rule=_RuleFile(config).save,
            find_sources=functions.packages,
        ),
        own,
    )
    turned_on = options.person and "none" not in chosen
    for source in (*sources, *mcp_sources(config, env, cwd, turned_on=turned_on, keys=keys, learn=learn)):
        toolbox.add_source(source)
    if unknown := toolbox.offer(names, on=True):
        return _unknown(unknown, toolbox)
    if config.settings.tools is not None and options.role_tools is not None:
        from termchat.commands.prompts.role import narrow_tools

        if unknown := narrow_tools(toolbox, options.role_tools):
            return _unknown(unknown, toolbox)
    given = [key for key in lists if config.origin(key).startswith("--")]
    return next(_idle_rules(config, toolbox, given), toolbox)


def idle_saved_rules(config: Config, toolbox: Toolbox) -> tuple[Failure, ...]:
    """Return a notice for each rule of the config file that has no effect."""
    saved = [key for key in _LISTS if not config.origin(key).startswith("--")]
    return tuple(_idle_rules(config, toolbox, saved))


def _idle_rules(config: Config, toolbox: Toolbox, keys: Iterable[str]) -> Iterator[Failure]:
    """Yield a failure for each rule in some lists that has no effect, with the place of the list."""
    for key in keys:
        rules = _rules(config, key)
        for rule in () if isinstance(rules, Failure) else rules:
            if why := toolbox.rule_problem(rule, key):
                where = safe_format("It is set in {where}.", where=config.origin(key))
                words = safe_format("{key}: {why}", key=safe_line(key), why=safe_line(why))
                yield Failure(FailureKind.BAD_CONFIG, words, where)


def working_directory(env: Mapping[str, str]) -> Path:
    """Return the current directory; if it was removed, its former path or `(removed)`, neither of which exists."""
    try:
        return Path.cwd()
    except OSError:
        former = Path(env.get("PWD", ""))
        return former if former.is_absolute() and not former.exists() else Path("(removed)")


class _RuleFile:
    """Saves rules in the setting `allow` of the config file."""

    def __init__(self, config: Config) -> None:
        self._file = config.file

    async def save(self, rule: str, *, remove: bool) -> str:
        """Add a rule to the file, or remove it from all lists; return "" or why that failed."""
        from termchat.config.write import change_lists

        def added(rules: tuple[str, ...]) -> tuple[str, ...]:
            return rules if rule in rules else (*rules, rule)

        def removed(rules: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(text for text in rules if text != rule)

        failure = change_lists(self._file, dict.fromkeys(_LISTS, removed) if remove else {"allow": added})
        return f"{failure.message} {failure.hint}".strip() if failure else ""


def _rule_lists(config: Config) -> dict[str, tuple[Rule, ...]] | Failure:
    lists: dict[str, tuple[Rule, ...]] = {}
    for key in _LISTS:
        rules = _rules(config, key)
        if isinstance(rules, Failure):
            return rules
        lists[key] = rules
    return lists


def _rules(config: Config, key: str) -> tuple[Rule, ...] | Failure:
    from termchat.tools.policy.rules import RuleError, parse_rule

    rules: list[Rule] = []
    for text in getattr(config.settings, key):
        rule = parse_rule(text)
        if isinstance(rule, RuleError):
            words = safe_format("{key}: {why}", key=safe_line(key), why=safe_line(rule.words))
            where = safe_format("It is set in {where}.", where=config.origin(key))
            return Failure(FailureKind.BAD_CONFIG, words, where)
        rules.append(rule)
    return tuple(rules)


def _unknown(name: str, toolbox: Toolbox) -> Failure:
    known = ", ".join(row.name for row in toolbox.tools())
    words = safe_format("There is no tool {name}.", name=safe_line(name))
    hint = safe_format(
        "Tools: {known}. Groups: read, write, run, network, functions, mcp, all, none.", known=safe_line(known)
    )
    return Failure(FailureKind.BAD_CONFIG, words, hint)
