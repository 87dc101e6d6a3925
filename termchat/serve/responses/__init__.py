"""The dialect of OpenAI Responses: its requests and its replies."""
