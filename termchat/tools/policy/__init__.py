"""Rules and verdicts for tool calls.

A rule is `TOOL` or `TOOL(SUBJECT)`: `run_shell(git log)`, `write_file(src/**)`, `fetch_url(docs.python.org)`. Deny wins
over ask, ask over allow; without a rule a call asks, except for reading inside the working directory.

A shell command is allowed by rules only if it is a pipeline of plain commands, each of them allowed, and then it runs
as argv, without a shell. `commands.toml` describes the commands of which a rule allows every harmless use, such as
`run_shell(git log)`. A rule about any other command allows exactly one argv. No rule allows a program that runs others:
a shell, an interpreter, a wrapper, a package runner.
"""
