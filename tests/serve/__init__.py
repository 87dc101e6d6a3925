"""The server with real clients: the SDKs of OpenAI and Anthropic, against the gateway as upstream."""
