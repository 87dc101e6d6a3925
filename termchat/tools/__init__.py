"""What a model may call: decorated functions, one family a file, and the box that runs them."""
