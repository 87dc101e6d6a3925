"""The page of `termchat serve`: chats of the store, read and continued beside the terminals that use them.

page_chats     implements the port of the page
page_turns     turns: a chat is taken for them and released at their end
taken_chats    sessions of the chats that this process has taken
chat_feeds     events for each connected client; follows other processes
page_uploads   attachments until they are sent
"""
