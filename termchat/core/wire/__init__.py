"""Messages and the wire: the history that a request carries, and replies assembled from their deltas."""
