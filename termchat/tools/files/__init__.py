"""Access to files for all tools: places a call may touch, safe opening, text, atomic writes, walks."""
