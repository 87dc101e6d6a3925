"""The process and its machine, for every layer above core.

installation       the command that installs an extra
file_lock          locks among processes
atomic_write       files that are replaced as a whole
open_for_writing   devices and named pipes, without an endless wait for their reader
startup_gc         the garbage collector, paused during the start
"""
