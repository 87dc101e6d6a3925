"""/set, /think, /system and /theme: every setting, for this run or for good."""

from __future__ import annotations

from termchat.commands.model import failed, known_models, model
from termchat.commands.registry import Context, Effects, Family
from termchat.config.runtime import DEFAULT, NOW, Preferences, Row
from termchat.config.settings import SETTINGS, EnterKey
from termchat.core.effects import Candidate, Candidates, Choice, Configure, Effect, Pick, Preview, Say, Table
from termchat.core.errors import Failure
from termchat.core.sanitize import EMPTY, Safe, safe, safe_line, say
from termchat.core.style import TextRole

family = Family()
_SAVE = "--save"
_NONE = (Say(say("There are no settings here.")),)
_MORE = say(
    "A change holds for this run; what belongs to a chat (model, system, think) holds for this chat and comes back "
    "with it. --save writes it into the config file as well. The value default takes a setting back."
)


def _offered(context: Context, prefix: str) -> Candidates:
    """Keys, then the values of a key, then --save: behind a whole value, which itself comes first."""
    preferences = context.preferences
    key, blank, typed = prefix.partition(" ")
    if preferences is None:
        return ()
    if not blank:
        return [Candidate(row.setting.key, _detail(row)) for row in preferences.rows()]
    if key == "model":
        values = [candidate.text for candidate in known_models(context, typed)]
    else:
        values = list(preferences.choices(key))
    given = _split(typed)[0]
    if given and (given in values or not values):
        return [Candidate(f"{key} {given}"), Candidate(f"{key} {given} {_SAVE}", say("in the config file too"))]
    return [Candidate(f"{key} {value}") for value in values]


@family.command(
    "set",
    say("all settings, or another value for one"),
    argument="[KEY [VALUE [--save]]]",
    harmless=True,
    more=_MORE,
    complete=_offered,
)
def set_(context: Context, argument: str) -> Effects:
    """The settings as a table, one of them with what is allowed, or a change."""
    if context.preferences is None:
        return _NONE
    text, save = _split(argument)
    key, _, value = text.replace("=", " ", 1).partition(" ") if "=" in text.split(" ")[0] else text.partition(" ")
    if not key:
        return _table(context.preferences)
    row = context.preferences.row(key)
    if isinstance(row, Failure):
        return failed(row)
    if not value.strip() and not save:
        return _about(row, context.preferences)
    return _changed(context, key, value.strip() or NOW, save=save)


def _efforts(context: Context, prefix: str) -> Candidates:
    return [Candidate(choice) for choice in (*SETTINGS["think"].kind.choices, DEFAULT)]


@family.command(
    "think",
    say("how hard the model should think"),
    argument="[off|low|medium|high]",
    harmless=True,
    more=say("default leaves it to the model. It belongs to this chat; --save makes it that of new chats too."),
    complete=_efforts,
)
def think(context: Context, argument: str) -> Effects:
    """Short for /set think."""
    return set_(context, f"think {argument}".strip())


@family.command(
    "system",
    say("the system prompt of this chat"),
    argument="[TEXT|@file]",
    harmless=True,
    more=say("@file reads it from a file, none sends none. It belongs to this chat; --save makes it that of new ones."),
)
def system(context: Context, argument: str) -> Effects:
    """The whole prompt, or another one."""
    if argument:
        text, save = _split(argument)
        return _changed(context, "system", text, save=save) if context.preferences and text else _NONE
    prompt = context.session.terms.system
    return (Say(safe(prompt), TextRole.TEXT),) if prompt else (Say(say("No system prompt is sent.")),)


@family.command(
    "multiline",
    say("Enter begins a new line, Alt-Enter sends; and back again"),
    harmless=True,
    more=say("The setting enter does the same; /set enter newline --save keeps it."),
)
def multiline(context: Context, argument: str) -> Effects:
    """Short for the other value of /set enter."""
    if context.preferences is None:
        return _NONE
    if not context.keys:
        return (Say(say("Here Enter sends, and a \\ before it goes on in the next line.")),)
    sends = context.preferences.settings.enter is EnterKey.SEND
    return (Configure("enter", EnterKey.NEWLINE if sends else EnterKey.SEND),)


def _themes(context: Context, prefix: str) -> Candidates:
    names = context.preferences.choices("theme") if context.preferences else ()
    return [Candidate(name) for name in names]


@family.command(
    "theme",
    say("other colours; alone it shows them as you choose"),
    argument="[NAME]",
    harmless=True,
    more=say("/theme NAME --save writes it into the config file. auto follows the terminal's background."),
    complete=_themes,
)
def theme(context: Context, argument: str) -> Effects:
    """Change the theme, or choose one from a list that shows each while it is marked."""
    if context.preferences is None:
        return _NONE
    text, save = _split(argument)
    if text:
        return _changed(context, "theme", text, save=save)
    now = context.preferences.settings.theme
    names = context.preferences.choices("theme")
    choices = tuple(
        Choice(safe_line(name), _kind(context.preferences, name, now), (Configure("theme", name),), (Preview(name),))
        for name in names
    )
    at = list(names).index(now) if now in names else 0
    return (Pick(say("Theme"), choices, at, left=(Preview(),)),)


def _kind(preferences: Preferences, name: str, now: str) -> Safe:
    """What a theme is made for, and whether it is the one in use."""
    found = preferences.theme(name)
    if isinstance(found, Failure):
        return say("has a mistake: Enter tells")
    kind = {"light": say("light"), "dark": say("dark")}.get(found.kind, say("any background"))
    if name not in preferences.themes():
        kind = say("by the terminal's background")
    return say("{kind} · current", kind=kind) if name == now else kind


def _changed(context: Context, key: str, value: str, *, save: bool) -> Effects:
    """The effects of a change. Another model is told as /model tells it."""
    if key == "model" and value not in (NOW, DEFAULT):
        known = not isinstance(context.providers.resolve(value), Failure)
        return (*model(context, value), *((Configure(key, value, save),) if save and known else ()))
    return (Configure(key, value, save),)


def _split(argument: str) -> tuple[str, bool]:
    """The words without a --save behind them, and whether there was one."""
    text = argument.strip()
    saved = text == _SAVE or text.endswith(f" {_SAVE}")
    return text.removesuffix(_SAVE).strip() if saved else text, saved


def _table(preferences: Preferences) -> Effects:
    rows = tuple((safe_line(r.setting.key), r.value or say("not set"), r.where) for r in preferences.rows())
    header = (say("setting"), say("value"), say("from"))
    more = say("/set KEY tells what is allowed, /set KEY VALUE [--save] changes it.")
    return (Table(header, rows, spare=(2,)), Say(more))


def _about(row: Row, preferences: Preferences) -> Effects:
    key, setting = safe_line(row.setting.key), row.setting
    value = row.value or say("not set")
    allowed = ", ".join(preferences.choices(setting.key)) or setting.kind.words
    lines: list[Effect] = [
        Say(say("{key} = {value}  ({where})", key=key, value=value, where=row.where), TextRole.TEXT),
        Say(safe_line(setting.help)),
        Say(say("Allowed: {words}.", words=safe_line(allowed))),
    ]
    if not setting.live:
        lines.append(Say(say("It cannot change while termchat runs; --save is for the next start.")))
    return lines


def _detail(row: Row) -> Safe:
    now = say("{value} · ", value=row.value) if row.value else EMPTY
    return Safe(now + safe_line(row.setting.help))
