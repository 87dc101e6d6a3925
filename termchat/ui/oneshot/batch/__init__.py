"""The front end of a batch: lines of results, a progress bar, a summary."""
