"""The shell beside termchat: completion, proposed commands, questions about the last command.

    completion.py           `termchat completion SHELL`: print a script, and answer its calls
    completion_line.py      the words of a line that is being completed, and candidates in the quotes of its shell
    completion_table.py     the commands and options, taken from their declarations and cached
    candidates.py           the candidates for the last word
    completion_values.py    models, chats, roles, themes and servers
    suggest.py, wtf.py      the subcommands of these names
    suggest_line.py         a line of the shell as a request
    scripts/                the scripts that the shells load

A shell asks for candidates on each Tab: the modules of such a call import nothing but small parts of the standard
library, and never use the network.
"""
