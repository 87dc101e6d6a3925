"""termchat: the chat client for people who live in a terminal.

The map of the house (values in the middle, sockets around them, one stream out, one hand on the terminal):

    cli.py       flags and subcommands; the only importer of typer
    app/         the ways in: talk, script, the subcommands; a configuration and a front end make a program; exit codes
    joined.py    the composition root: joins config, providers, tools, engine and store
    tour.py      demo/tour joined: the guide's pages, tables of the declarations, what could be used instead
    core/        pure values and folds: messages, deltas, events, effects, errors, safe text, the tree
    engine/      session and turn: stream -> tools -> stream, as one stream of events
    providers/   one folder a protocol over the vendors' SDKs; presets.toml; transport, retries, prices; the demo
    store/       chats on disk: one SQLite file on one thread
    tools/       what a model may call
    config/      settings, declared once; the config file; keys; themes; paths
    commands/    slash commands: they act on no screen, they return effects
    ui/          view (a pure reducer), screen (the only writer), markdown, the REPL, one-shot, output formats
    docs/        the built-in guide, which demo/tour quotes

The way of one message: input -> loop -> session.send -> turn -> pump -> retry -> encode -> wire -> decode -> pump
-> assemble -> view -> screen. Each stop knows only the next value; none calls back.
"""

__version__ = "0.1.0"
