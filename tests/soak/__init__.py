"""A long run of the REPL: hundreds of turns of every kind in one process, whose memory and resources must stay flat."""
