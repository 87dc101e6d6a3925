"""OpenAI Chat Completions, also the protocol of most gateways and local servers."""
