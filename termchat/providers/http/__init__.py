"""HTTP for all protocols: transport, event streams, recordings, retries, failures."""
