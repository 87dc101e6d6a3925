"""Run one table of network and server faults through the engine, a script and the REPL, in all four protocols.

table.py          the faults: the answers of the server and the expected result
support.py        the configuration of a process under test
preloaded.py      a fork server that runs many one-shots after one import
test_engine.py    every fault through the engine: outcome, message, tries, saved text, the next question
test_oneshot.py   every fault through a script's process: output, exit code, saved chat, the next question
test_repl.py      one or more faults of each kind through the REPL in a terminal
test_cancel.py    cancel a hanging request: the server sees the connection close
test_memory.py    endless answers: the peak memory of the process is bounded
test_asleep.py    suspend the process: the time suspended does not count as a stall
"""
