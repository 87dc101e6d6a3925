"""The help of a command: its commands, its arguments, and its options in groups."""

from collections.abc import Iterable, Iterator, Mapping
from shutil import get_terminal_size
from typing import Any, ClassVar, cast

import typer
from typer.core import TyperCommand

from termchat.core.errors import Failure, FailureKind
from termchat.core.outcomes import ExitCode
from termchat.core.sanitize import safe_format, safe_line
from termchat.ui.stderr import Stderr, output_failed

OPTIONS = "Options"  # the group of options that name no other

_NARROW = 52  # columns of a terminal
_WIDEST_NAME = 30  # columns of a name with its description in the same line

Row = tuple[str, str]


class HelpCommand(TyperCommand):
    """A command with readable help, and with errors in its own words.

    commands   name -> one line about it, listed before the options
    more       title -> rows, listed after the options
    """

    commands: ClassVar[Mapping[str, str]] = {}
    more: ClassVar[Mapping[str, Mapping[str, str]]] = {}

    def make_context(self, *given: Any, **more: Any) -> Any:
        columns = get_terminal_size().columns
        if 0 < columns < _NARROW:  # the parser would wrap at 50 columns at least
            more.setdefault("terminal_width", columns)
        try:
            context: Any = super().make_context(*given, **more)
        except typer.BadParameter as error:
            error.message = _plain_reason(error.message)
            raise
        except OSError as error:  # the help was not written; no command has run
            raise typer.Exit(output_failed(error)) from error
        for param in cast("Iterable[Any]", self.get_params(context)):
            value = context.params.get(param.name)
            if param.param_type_name == "option" and (value == "" or (isinstance(value, list) and "" in value)):
                raise _empty_value(max(param.opts, key=len))
        return context

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        super().format_usage(ctx, formatter)
        if self.commands:
            formatter.write(f"{'':7}{ctx.command_path} COMMAND ...\n")

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return ["[OPTIONS]", *(_usage(p) for p in self.get_params(ctx) if p.param_type_name == "argument")]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        for title, rows in self._sections(ctx).items():
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows, col_max=min(_WIDEST_NAME, formatter.width // 2 - 4))

    def _sections(self, ctx: Any) -> Mapping[str, list[Row]]:
        sections: dict[str, list[Row]] = {"Commands": list(self.commands.items()), "Arguments": []}
        last: list[Row] = []
        for param in cast("Iterable[Any]", self.get_params(ctx)):
            if param.param_type_name == "argument":
                sections["Arguments"].append((param.metavar or param.name.upper(), param.help or ""))
            elif "--help" in param.opts:
                last.append(option_row(param))
            else:
                sections.setdefault(param.rich_help_panel or OPTIONS, []).append(option_row(param))
        sections.setdefault(OPTIONS, []).extend(last)
        return {**sections, **{title: list(rows.items()) for title, rows in self.more.items()}}


def _plain_reason(text: str) -> str:
    """Return the words of the parser without those of its library: "it must be a valid number"."""
    text = text.removeprefix("Value error, ")
    wanted = text.removeprefix("Input should be ")
    return text if wanted == text else f"it must be {wanted.partition(', unable to parse')[0]}"


def _empty_value(flag: str) -> typer.Exit:
    """Report an option with an empty value; return the exception that ends the program."""
    words = safe_format("{flag} is empty.", flag=safe_line(flag))
    hint = safe_format("Give it a value, or leave it out. Is a variable in the command unset?")
    Stderr().failure(Failure(FailureKind.BAD_CONFIG, words, hint))
    return typer.Exit(ExitCode.USAGE)


def _usage(argument: Any) -> str:
    name = argument.metavar if argument.required else f"[{argument.metavar}]"
    return f"{name}..." if argument.nargs < 0 else name


def option_row(param: Any) -> Row:
    """Return an option with its value, `-o, --output FILE`, and its description."""
    names = ", ".join(sorted(param.opts, key=len))
    if param.secondary_opts:
        names = f"{names}, {', '.join(param.secondary_opts)}"
    value = "" if param.is_flag else f" {param.metavar or param.name.upper()}"
    return f"{names}{value}", " ".join((param.help or "", *_default(param)))


def _default(param: Any) -> Iterator[str]:
    """Yield the default of an option that has one worth a word, in brackets."""
    if param.show_default and not param.is_flag and param.default not in (None, "", 0, []) and not param.multiple:
        value = getattr(param.default, "value", param.default)
        yield f"[default: {value:g}]" if isinstance(value, float) else f"[default: {value}]"
