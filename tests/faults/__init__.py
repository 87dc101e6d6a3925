"""What a network and a server can do, as one table in all four protocols, played to every way of use.

table.py          the faults: what happens, and what the user has of it
test_engine.py    each through the engine: outcome, words, tries, what is kept, and that the talk goes on
test_oneshot.py   each through a script's process: standard error, exit code, what is saved, and that it goes on
test_repl.py      one or more of each kind through the REPL in a terminal
test_cancel.py    those that hang: stopped, the server sees the connection close
test_memory.py    those that have no end: what the process holds stays small
test_asleep.py    time suspended is no stall
preloaded.py      many processes for the price of one import
"""
