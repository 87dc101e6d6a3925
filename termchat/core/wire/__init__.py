"""Messages and the wire: the history of a request, the MIME types of its files, replies assembled from their deltas."""
