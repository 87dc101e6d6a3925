"""`termchat schema`: print the JSON Schema of an output format."""

from collections.abc import Mapping
from typing import Annotated

import typer

from termchat.batch.batch_result import result_schema
from termchat.cli.command import run_typer
from termchat.config.toml_file import did_you_mean
from termchat.core.errors import Failure, FailureKind
from termchat.core.outcomes import ExitCode
from termchat.core.sanitize import safe_format, safe_line
from termchat.ui.oneshot.formats.records import SCHEMA_NAMES, record_schema
from termchat.ui.stderr import Stderr, print_stdout

_BATCH = "batch"


def run(arguments: list[str], env: Mapping[str, str]) -> int:
    """Run `termchat schema` and return its exit code."""
    return run_typer(_schema, arguments, "termchat schema", env)


def _schema(
    name: Annotated[
        str, typer.Argument(metavar="json|ndjson|batch", help="The format: of --json, of --ndjson, or of batch.")
    ],
) -> None:
    """Print the JSON Schema of the output of --json, or of a line of --ndjson or of termchat batch."""
    if name == _BATCH:
        print_stdout(result_schema().decode())
        return
    if name not in SCHEMA_NAMES:
        words = safe_format("There is no format {name}.", name=safe_line(f'"{name[:40]}"'))
        hint = did_you_mean(name, (*SCHEMA_NAMES, _BATCH)) or safe_format("The formats are json, ndjson and batch.")
        Stderr().failure(Failure(FailureKind.BAD_CONFIG, words, hint))
        raise typer.Exit(ExitCode.USAGE)
    print_stdout(record_schema(name).decode())
