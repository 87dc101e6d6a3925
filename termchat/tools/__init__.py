"""Tools a model may call, the decorator that declares a tool, and the toolbox that runs calls."""
