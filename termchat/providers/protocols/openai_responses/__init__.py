"""The OpenAI Responses API: https://platform.openai.com/docs/api-reference/responses."""
