"""The server side of the page: its files, its JSON and its events.

page_port       what the page needs of the program
page_files      index.html and what it loads, from the package
page_routes     the addresses below /api
page_json       chats, messages and errors as JSON
live_turn       a reply that streams, as events and as a snapshot
live_calls      its tool calls while they run
event_stream    server-sent events
"""
