"""Pure values and folds: no I/O, no clock, no asyncio, no third-party import before it is needed."""
