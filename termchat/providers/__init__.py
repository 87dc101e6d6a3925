"""Providers: the models that answer, each behind the same port (`core/provider.py`).

registry.py     opens providers by name
client.py       the port between a protocol and the exchange; client_pool.py opens clients and shares them
exchange.py     sends one request through all its tries and streams the reply
fallback.py     a chain of models: the next one answers when the first cannot
protocols/      one folder per protocol, on top of the vendor's SDK:
                encode.py (Request -> body, pure), decode.py (event -> deltas, pure), client.py (the SDK)
http/           transport, SSE reader, response bodies, recordings, retries, rate limits, errors
catalog/        cached model listings, prices, and what a model does not accept (quirks.toml)
sdk/            loads a vendor's SDK on a thread and keeps its environment variables out
demo/           answers from the guide without a network
presets.toml    the gateways and local servers known by name
"""
