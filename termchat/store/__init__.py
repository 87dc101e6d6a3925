"""Chats on disk: one SQLite file, used by one thread.

chat_store.py    the public interface: `SqliteChatStore`
recorder.py      an open chat: writes a session's events
db_thread.py     the only thread that uses the database, and its queue
db.py            opening the file; schema.py the tables; recovery.py repairing a damaged file
message_json.py  messages as JSON; json_fields.py reading foreign JSON
chats.py messages.py partial_replies.py prompt_history.py ledger.py search.py full_text.py deletion.py whole_chats.py
                 the tables, as functions of a connection
processes.py     liveness of other termchat processes
sqlite_errors.py errors of SQLite as failures that a user can read
export/ importers/    chats as files, and back
"""
