"""Web pages for the tool `fetch_url`: checked addresses, bounded responses, readable text."""
