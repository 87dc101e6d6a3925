"""Key bindings: names of keys, the default keys of every action, and the keys of the user."""
