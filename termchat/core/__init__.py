"""Pure values and folds: no I/O, no clock, no asyncio, nothing of a third party."""
