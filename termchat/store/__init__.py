"""Chats on disk: one SQLite file on one thread, that loses nothing.

library.py     the front door: everything the rest of the house asks of the store
recorder.py    a chat while it is led: the tee of a session's events
desk.py        the one thread that touches the database, and what waits for it
db.py          opening the file; schema.py the tables; rescue.py what is done with a damaged file
codec.py       messages as text; fields.py reading JSON that others wrote
chats.py nodes.py partials.py prompts.py ledger.py search.py trash.py    the tables, as functions of a connection
processes.py   who else is running
export/ importers/    chats as files, and back
"""
