"""Ask one question, for scripts and pipes, and return the exit code of its reply."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from termchat.app.build import App, build_app
from termchat.app.options import Options, reply_format, usage_error
from termchat.app.script.option_checks import option_mistake
from termchat.config.load import Config
from termchat.core.errors import Failure, FailureKind, exit_code, outcome_of
from termchat.core.messages import File, Image, Message, user_message
from termchat.core.outcomes import ExitCode
from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.late_dataclass import dataclass
from termchat.ui.oneshot.formats import Format, RunEnd
from termchat.ui.oneshot.input import build_message, read_standard_input, standard_input_bytes
from termchat.ui.oneshot.output_file import OutputFile, open_output
from termchat.ui.oneshot.run import run_turn, unwritable
from termchat.ui.oneshot.stop_signals import keep_exit_code
from termchat.ui.stderr import Stderr, log_to_stderr


def run_oneshot(options: Options, config: Config, env: Mapping[str, str]) -> int:
    """Ask once and print the reply; return the exit code for the reply's outcome."""
    deadline = time.monotonic() + options.timeout if options.timeout else None
    shown = options.verbose or (sys.stderr.isatty() and sys.stdout.isatty())
    stderr = Stderr(options.quiet, usage=shown, full=options.verbose)
    log_to_stderr()
    for words in config.notes:
        stderr.note(words)
    mistake = option_mistake(options)
    output = mistake or open_output(options.output)
    if isinstance(output, Failure):
        return usage_error(output, None)
    out = reply_format(options, config, env, output.fd)
    if isinstance(out, Failure):
        return usage_error(out, None)
    question = _prepared(options, config, env, stderr, deadline)
    whole = options.json or options.ndjson or options.dry_run
    if isinstance(question, Failure):
        return _kept(output, asyncio.run(_fail(question, out, stderr)), stderr, whole=whole)
    return asyncio.run(_ask(question, options, env, output, out, stderr, whole=whole))


@dataclass(frozen=True, slots=True)
class ScriptQuestion:
    """The input of a run: the messages, of which the last one is answered, and the schema of the reply, if any."""

    config: Config
    messages: tuple[Message, ...]
    schema: Mapping[str, Any] | None = None
    deadline: float | None = None

    def check(self, reply: str) -> Failure | None:
        """Return the first mistake of a complete reply."""
        if self.schema is None:
            return None
        from termchat.app.reply_schema import validate_reply

        return validate_reply(self.schema, reply)


def _prepared(
    options: Options, config: Config, env: Mapping[str, str], stderr: Stderr, deadline: float | None
) -> ScriptQuestion | Failure:
    """Read the input of a run: the schema, the messages of a file, standard input and attachments."""
    from termchat.app.script.attached_files import FileSources

    silence = options.stdin_timeout or None
    schema = _schema(options)
    if isinstance(schema, Failure):
        return schema
    conversed = _conversed(options, config, stderr, deadline)
    if isinstance(conversed, Failure):
        return conversed
    config, messages = conversed
    reads = options.read_input and options.messages != "-"
    piped = read_standard_input(stderr.note, silence, deadline) if reads else ""
    if isinstance(piped, Failure):
        return piped
    if piped or options.words or options.files or not messages:
        sources = FileSources(config, env, stderr.note, stderr.usage)
        message = build_message(options.words, piped, options.files, silence, sources.attach)
        if isinstance(message, Failure):
            return message
        messages = (*messages, message)
    if messages[-1].role != "user":
        words = safe_format("The last message of --messages is not of the user.")
        return Failure(FailureKind.BAD_CONFIG, words, safe_format("Add a prompt, or end the file with a user message."))
    return ScriptQuestion(config, messages, schema, deadline)


def _conversed(
    options: Options, config: Config, stderr: Stderr, deadline: float | None
) -> tuple[Config, tuple[Message, ...]] | Failure:
    """Return the messages of `--messages`, and the configuration with their system prompt."""
    if not options.messages:
        return config, ()
    from termchat.app.script.message_file import parse_messages, read_message_file

    silence = options.stdin_timeout or None
    if options.messages == "-":
        data = standard_input_bytes(stderr.note, silence, deadline)
        found = data if isinstance(data, Failure) else parse_messages(data, Safe("standard input"))
    else:
        found = read_message_file(options.messages, silence)
    if isinstance(found, Failure) or not found.system:
        return found if isinstance(found, Failure) else (config, found.messages)
    if (origin := config.origin("system")) in ("--system", "--set", "--role"):
        words = safe_format("--messages and {flag} both set the system prompt.", flag=origin)
        return Failure(FailureKind.BAD_CONFIG, words, safe_format("Leave one of them out."))
    settings = replace(config.settings, system=found.system)
    origins = {**config.origins, "system": Safe("--system")}
    return replace(config, settings=settings, origins=origins), found.messages


async def _ask(
    question: ScriptQuestion,
    options: Options,
    env: Mapping[str, str],
    output: OutputFile,
    out: Format,
    stderr: Stderr,
    *,
    whole: bool,
) -> ExitCode:
    """Build the app, answer the question, put the output in its place; return the exit code."""
    priced = stderr.usage or options.json or options.ndjson
    record = "" if options.dry_run else options.record
    scripted = replace(options, priced=priced, json_schema=question.schema, record=record)
    async with build_app(question.config, env, scripted, stderr.failure) as app:
        if isinstance(app, Failure):
            code = await _fail(app, out, stderr)
        else:
            code = await _answer(app, question, options, output, out, stderr)
        code = _kept(output, code, stderr, whole=whole)  # before the chat is closed, which may take a moment
        keep_exit_code(code)
        return code


async def _answer(
    app: App, question: ScriptQuestion, options: Options, output: OutputFile, out: Format, stderr: Stderr
) -> ExitCode:
    sent = await _fitted(question.messages, app, stderr)
    if isinstance(sent, Failure):
        return await _fail(sent, out, stderr)
    system = question.config.settings.system or ""
    asked = user_message(system, *(part for message in sent for part in message.parts))
    if secret := app.find_secret(asked):
        stderr.note(safe_format("{secret} It is sent to {model}.", secret=secret, model=_model(app)))
    for message in sent[:-1]:
        app.session.add(message, app.session.conversation.head)
    if options.dry_run:
        return await _dry_run(app, sent[-1], output, stderr)
    repairs, again = options.schema_retries, options.continue_cut
    return await run_turn(app.session, sent[-1], out, stderr, again, question.check, repairs, question.deadline)


async def _dry_run(app: App, message: Message, output: OutputFile, stderr: Stderr) -> ExitCode:
    from termchat.app.script.dry_run import print_request

    try:
        return await print_request(app, message, output.fd, stderr)
    except BrokenPipeError:
        return ExitCode.SIGPIPE
    except OSError as error:
        stderr.failure(unwritable(error))
        return ExitCode.ERROR


async def _fail(failure: Failure, out: Format, stderr: Stderr) -> ExitCode:
    """Report why nothing is asked, on standard error and in the output of formats that have a place for it."""
    code = exit_code(outcome_of(failure), failure)
    code = ExitCode.USAGE if code is ExitCode.ERROR else code
    stderr.failure(failure)
    try:
        await out.finish(RunEnd(code, failure=failure))
    except BrokenPipeError:
        return ExitCode.SIGPIPE
    except OSError as error:
        stderr.failure(unwritable(error))
    return code


def _kept(output: OutputFile, code: ExitCode, stderr: Stderr, *, whole: bool) -> ExitCode:
    """Put the output in its place; return the exit code of the run, or an error if that fails."""
    kept = output.keep(code, whole=whole)
    if isinstance(kept, Failure):
        stderr.failure(kept)
        return ExitCode.ERROR if code is ExitCode.COMPLETE else code
    if kept:
        stderr.note(kept)
    return code


async def _fitted(messages: Sequence[Message], app: App, stderr: Stderr) -> Sequence[Message] | Failure:
    """Return messages with their attachments as the model takes them, or why it does not take one."""
    if not any(isinstance(part, Image | File) for message in messages for part in message.parts):
        return messages
    from termchat.attachments.fit_to_model import fit_messages, taker_of

    return await fit_messages(messages, taker_of(app.registry, app.session.model), stderr.note)


def _model(app: App) -> Safe:
    return safe_line(str(app.session.settings.model))


def _schema(options: Options) -> Mapping[str, Any] | Failure | None:
    if not options.schema:
        return None
    from termchat.app.reply_schema import reply_schema

    return reply_schema(options.schema, options.stdin_timeout or None)
