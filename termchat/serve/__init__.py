"""The server: API dialects over HTTP, decoded into core requests and encoded from core events.

answering   what the server needs of the program: models that answer
trust       token, Host, Origin, CORS and strict headers
bodies      JSON bodies, bounded
faults      errors as HTTP statuses and in each dialect's shape
pieces      the events of a turn as text, reasoning and calls
replies     one answer, as a stream or as one document
NAME_face   a dialect: its requests and its replies
"""
