"""`termchat batch`: answer the prompts of a file, and merge the results of its shards."""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from termchat.app import with_command_line
from termchat.app.batch.batch_options import BatchOptions, ResultFormat, VendorTask
from termchat.app.batch.batch_run import run_batch
from termchat.app.batch.input_file import STANDARD_INPUT, Shard
from termchat.app.batch.merge_results import merge_results
from termchat.app.options import Options, usage_error
from termchat.app.script.option_checks import option_mistake
from termchat.app.script.run_provider import with_run_provider
from termchat.cli.command import require_config, run_typer, with_context
from termchat.cli.prompt_command import named_option, provider_options, setting_option, with_signature
from termchat.config.load import Config
from termchat.config.settings import SETTINGS
from termchat.core.errors import Failure, FailureKind
from termchat.core.outcomes import ExitCode, Outcome
from termchat.core.sanitize import safe_format, safe_line
from termchat.ui.oneshot.output_file import STANDARD_OUTPUT

_MERGE = "merge"
_TASKS = {"status": VendorTask.STATUS, "cancel": VendorTask.CANCEL}
_RUN = "The run that handed them in"
_TASK_HELP = {
    VendorTask.STATUS: "List the batches at vendors that answer the prompts of a file: id, model and state.",
    VendorTask.CANCEL: "Cancel the batches at vendors that answer the prompts of a file; what has run is billed.",
}
_SETTINGS = (
    "model", "system", "think", "speed", "max_tokens", "temperature", "top_p", "stop", "seed", "search", "max_cost",
    "connect_timeout", "idle_timeout", "max_retries",
)  # fmt: skip
_PROVIDER = ("base_url", "protocol", "key")
_ACCEPTABLE = (Outcome.LENGTH, Outcome.CUT, Outcome.REFUSED, Outcome.FILTERED)
_MOST_JOBS = 256
_RESULTS, _RESUME, _VENDORS = "Results", "Going on after an interruption", "Batches of vendors"
_HELP = """Answer the prompts of a file, one a line: a JSON string, an object, or a row of OpenAI's batch format.

What is answered is never sent again: run the same command again after an interruption. termchat batch merge FILE...
joins the results of shards; termchat batch status FILE and cancel FILE are about --vendor-batch."""
_EXIT_CODES = {
    str(ExitCode.COMPLETE.value): "Every prompt is answered.",
    str(ExitCode.ERROR.value): "Some prompts have no answer, or the results cannot be written.",
    str(ExitCode.USAGE.value): "The input or the command line is wrong; nothing was sent.",
    str(ExitCode.LENGTH.value): "Replies were cut short by the token limit; --accept length takes them.",
    str(ExitCode.REFUSED.value): "All are answered, some by a refusal or a filter; --accept refused takes them.",
    str(ExitCode.CUT.value): "Streams were cut.",
    str(ExitCode.STALLED.value): "No data came in time.",
    str(ExitCode.BUDGET.value): "Budget reached.",
    str(ExitCode.TRY_LATER.value): "The server limits requests, or batches still run at the vendor: try later.",
    str(ExitCode.NO_KEY.value): "No API key, or the key was rejected: the batch stops at once.",
    str(ExitCode.CANCELLED.value): "Stopped with Ctrl-C.",
    str(ExitCode.SIGPIPE.value): "The reader of standard output closed it.",
    str(ExitCode.SIGTERM.value): "Stopped by a signal; 129 if the terminal has gone.",
}


def run(arguments: list[str], env: Mapping[str, str]) -> int:
    """Parse the arguments of `termchat batch`, run it and return its exit code."""
    if arguments[:1] == [_MERGE]:
        return run_typer(merge_command, arguments[1:], "termchat batch merge", env)
    if task := _TASKS.get(arguments[0] if arguments else ""):
        return run_typer(batch_command(task), arguments[1:], f"termchat batch {task.value}", env)
    commands = {
        "merge": "Join the results of shards in the order of the input.",
        "status": "List the batches at vendors that answer the prompts of a file.",
        "cancel": "Cancel them.",
    }
    return run_typer(batch_command(), arguments, "termchat batch", env, commands, {"Exit codes": _EXIT_CODES})


def merge_command(
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="Results of termchat batch --shard.")],
) -> None:
    """Join the results of shards in the order of the input, on standard output."""
    raise typer.Exit(merge_results(files))


def batch_command(task: VendorTask | None = None) -> Callable[..., None]:
    """The command that runs a batch; the flags of settings come from their declarations.

    task   what it does instead with the batches at vendors; the same flags find the same journal
    """

    def batch(context: typer.Context, **given: Any) -> None:
        options = _options({**missing, **given}, task)
        if isinstance(options, Failure):
            raise typer.Exit(usage_error(options, None))
        config = _configured(require_config(context), options.run)
        if isinstance(config, Failure):
            raise typer.Exit(usage_error(config, None))
        raise typer.Exit(run_batch(options, config, context.obj))

    source = Annotated[str, typer.Argument(metavar="FILE", help="The prompts, one a line; - reads standard input.")]
    parameters = {
        "source": (source, STANDARD_INPUT),
        "jobs": named_option(int, 8, "-j", "--jobs", min=1, max=_MOST_JOBS, metavar="N", help="Send so many at once."),
        "shard": named_option(
            str | None, None, "--shard", metavar="I/N", help="Send only part I of N, chosen by the ids."
        ),
        "sets": named_option(
            list[str] | None, None, "--set", metavar="KEY=VALUE", help="Set any setting for this run."
        ),
        "role": named_option(str | None, None, "-r", "--role", metavar="NAME", help="Use a role."),
        "schema": named_option(str | None, None, "--schema", metavar="FILE|FIELDS", help="The schema of all replies."),
        **{key: setting_option(SETTINGS[key]) for key in _SETTINGS},
        "max_cost": named_option(
            str | None,
            None,
            "--max-cost",
            group="Model",
            metavar="USD",
            help="The most that all runs of this batch may cost, in US dollars.",
        ),
        **{key: provider_options()[key] for key in _PROVIDER},
        **_result_options(),
        **_resume_options(),
        **_vendor_options(),
    }
    used = parameters if task is None else {"source": parameters["source"], **_run_options()}
    missing = {key: parameters[key][1] for key in parameters.keys() - used.keys()}
    return with_context(with_signature(batch, used, _HELP if task is None else _TASK_HELP[task]))


def _run_options() -> dict[str, tuple[Any, Any]]:
    """The options of a run that tell where its journal is."""
    return {
        "model": named_option(str | None, None, "-m", "--model", group=_RUN, metavar="MODEL", help="Its model."),
        "shard": named_option(str | None, None, "--shard", group=_RUN, metavar="I/N", help="Its part of the prompts."),
        "output": named_option(
            str | None, None, "-o", "--output", group=_RUN, metavar="FILE", help="Its file of results."
        ),
        "journal": named_option(str | None, None, "--journal", group=_RUN, metavar="FILE", help="Its journal."),
        "sets": named_option(list[str] | None, None, "--set", group=_RUN, metavar="KEY=VALUE", help="Its settings."),
    }


def _configured(config: Config, options: Options) -> Config | Failure:
    """Return the configuration with everything that the command line sets."""
    changed = option_mistake(options) or with_command_line(config, options)
    if isinstance(changed, Config) and options.base_url:
        changed = with_run_provider(changed, options)
    if isinstance(changed, Config) and options.role:
        from termchat.app.roles import apply_role

        applied = apply_role(changed, options)
        changed = applied if isinstance(applied, Failure) else applied[0]
    return changed


def _result_options() -> dict[str, tuple[Any, Any]]:
    return {
        "output": named_option(
            str | None, None, "-o", "--output", group=_RESULTS, metavar="FILE",
            help="Write the results to a file, which keeps those of earlier runs.",
        ),
        "form": named_option(
            ResultFormat, ResultFormat.NDJSON, "--format", group=_RESULTS, metavar="ndjson|openai",
            help="The format of the results.",
        ),
        "in_order": named_option(
            bool, False, "--in-order", group=_RESULTS, help="Write the results in the order of the input."
        ),
        "accept": named_option(
            list[str] | None, None, "--accept", group=_RESULTS, metavar="OUTCOME",
            help="Take replies as answers that ended so: length, cut, refused or filtered. May be repeated.",
        ),
        "quiet": named_option(bool, False, "-q", "--quiet", group=_RESULTS, help="Print only results and errors."),
        "verbose": named_option(
            bool, False, "-v", "--verbose", group=_RESULTS, help="Print the summary, even if nobody watches."
        ),
    }  # fmt: skip


def _resume_options() -> dict[str, tuple[Any, Any]]:
    return {
        "unsure": named_option(
            str, "retry", "--unsure", group=_RESUME, metavar="retry|skip",
            help="Send prompts again that were in flight when a run was killed, or leave them out.",
        ),
        "journal": named_option(
            str | None, None, "--journal", group=_RESUME, metavar="FILE",
            help="The file that knows what is answered; by default beside that of -o, else in the data directory.",
        ),
        "restart": named_option(
            bool, False, "--restart", group=_RESUME, help="Forget all answers, and pay for them again."
        ),
    }  # fmt: skip


def _vendor_options() -> dict[str, tuple[Any, Any]]:
    return {
        "vendor_batch": named_option(
            bool, False, "--vendor-batch", group=_VENDORS,
            help="Hand the prompts to the vendor's batches: half the price, answers within a day.",
        ),
        "detach": named_option(
            bool, False, "--detach", group=_VENDORS,
            help="Submit and fetch what has ended, then return; exit code 75 while batches run.",
        ),
    }  # fmt: skip


def _vendor_task(given: Mapping[str, Any], task: VendorTask | None) -> VendorTask | Failure | None:
    if given["detach"] and not given["vendor_batch"] and task is None:
        words = safe_format("--detach leaves vendors' batches to themselves, and needs --vendor-batch.")
        return Failure(FailureKind.BAD_CONFIG, words)
    if task is not None or not given["vendor_batch"]:
        return task
    return VendorTask.DETACH if given["detach"] else VendorTask.WAIT


def _options(given: Mapping[str, Any], task: VendorTask | None) -> BatchOptions | Failure:
    shard = _shard(given["shard"] or "")
    accepted = tuple(name for names in given["accept"] or () for name in names.split(","))
    wrong = next((name for name in accepted if name not in _ACCEPTABLE), None)
    if isinstance(shard, Failure):
        return shard
    vendor = _vendor_task(given, task)
    if isinstance(vendor, Failure):
        return vendor
    if wrong is not None:
        return _not_one_of("--accept", wrong, _ACCEPTABLE)
    if given["unsure"] not in ("retry", "skip"):
        return _not_one_of("--unsure", given["unsure"], ("retry", "skip"))
    run_options = Options(
        role=given["role"] or "",
        quiet=given["quiet"],
        verbose=given["verbose"],
        schema=given["schema"] or "",
        base_url=given["base_url"] or "",
        protocol=given["protocol"] or "",
        key=given["key"] or "",
        sets=tuple(given["sets"] or ()),
        settings={key: given[key] for key in _SETTINGS if given[key] not in (None, False, [])},
    )
    return BatchOptions(
        given["source"],
        run_options,
        "" if given["output"] in (None, *STANDARD_OUTPUT) else given["output"],
        given["form"],
        given["jobs"],
        given["in_order"],
        max(64, 4 * given["jobs"]),
        given["journal"] or "",
        given["restart"],
        given["unsure"] == "skip",
        accepted,
        shard,
        vendor,
    )


def _shard(text: str) -> Shard | Failure:
    if not text:
        return Shard()
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
    if found and 1 <= int(found[1]) <= int(found[2]):
        return Shard(int(found[1]), int(found[2]))
    words = safe_format("--shard takes I/N, such as 1/4, not {text}.", text=safe_line(f'"{text[:40]}"'))
    return Failure(FailureKind.BAD_CONFIG, words, safe_format("The parts of four are 1/4, 2/4, 3/4 and 4/4."))


def _not_one_of(flag: str, given: str, known: tuple[str, ...]) -> Failure:
    words = safe_format("{flag} does not take {given}.", flag=safe_line(flag), given=safe_line(f'"{given[:40]}"'))
    return Failure(FailureKind.BAD_CONFIG, words, safe_format("It takes {names}.", names=safe_line(", ".join(known))))
