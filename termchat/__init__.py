"""termchat: a terminal chat client.

The packages, from the entry points to the values they share:

    cli/         flags and subcommands, one file each; the only importer of typer
    app/         builds the program: configuration and options in, a front end with its session out
    core/        pure values and ports: messages, deltas, events, effects, errors, safe text
    system/      the process and its machine, for all above core: the installation, locks on files
    batch/       values of a batch: rows, items, results
    engine/      session and turn: request, reply, tool calls, next request, as one stream of events
    providers/   one folder per protocol on top of the vendors' SDKs; transport, retries, prices, the demo
    store/       saved chats: one SQLite file, used by one thread
    tools/       tools a model may call
    config/      settings, the config file, keys, themes, paths
    attachments/ files, images and mentions of messages
    commands/    slash commands; they return effects and do not draw
    ui/          the REPL, the plain and one-shot front ends, Markdown, the terminal device
    serve/       the server for other programs, its page, the agent for editors
    docs/        the user guide, which demo/tour quotes

The path of one message:

    ui/repl            the input becomes a command, a queued message or a question
    engine/session     adds the message to the tree and starts a turn
    engine/turn        builds the request
    engine/pump        reads the reply in a separate task
    providers/exchange sends the request and retries; a protocol's folder encodes and decodes
    core/wire/assemble builds the reply's message from its deltas
    ui/turn_state      folds the events of the turn into what is shown
    ui/terminal        writes the rows that changed

Each step passes values to the next one and never calls back.
"""

__version__ = "0.1.0"
