"""The process and its machine, for every layer above core.

installation   the command that installs an extra
file_lock      locks among processes
atomic_write   files that are replaced as a whole
startup_gc     the garbage collector, paused during the start
"""
