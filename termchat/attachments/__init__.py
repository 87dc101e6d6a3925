"""Files, web pages, resources and the clipboard in a message: found in its text, read, and fitted to the model."""
