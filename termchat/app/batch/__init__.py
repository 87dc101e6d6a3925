"""Join a batch: its input, the journal, the engine and the front end."""
