"""OpenAI Chat Completions: also the language of most gateways and local servers."""
