"""Parts of a one-shot run: its checks, its messages and attachments, the provider of one run, the dry run."""
