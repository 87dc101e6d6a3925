"""Chats on disk: one SQLite file, used by one thread.

chat_store.py      the public interface: `SqliteChatStore`
recorder.py        writes the events of an open chat; ledger_recording.py only their requests
chats.py messages.py partial_replies.py prompt_history.py ledger.py search.py deletion.py whole_chats.py
                   queries and writes of the tables, as functions of a connection
full_text.py       text and queries of the full-text index
message_json.py    messages as JSON; json_fields.py reads foreign JSON
processes.py       locks that show which termchat processes run
sqlite/            the connection: its thread, the schema, errors, recovery of a damaged file
export/            chats as Markdown, HTML, text and JSON
importers/         chats from exports of termchat, ChatGPT and Claude, logs of llm, and sessions of agents
"""
