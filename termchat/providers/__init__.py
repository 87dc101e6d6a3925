"""Providers: models behind one port (`core/provider.py`), from vendors, gateways, local servers and the built-in demo.

registry.py     opens providers by name
client.py       the port between a protocol and the exchange; client_pool.py opens and shares clients
credentials.py  the port for API keys
decoder.py      the port of a decoder, and lenient accessors for JSON
exchange.py     sends one request, with retries, and streams the reply
fallback.py     tries other models when a provider fails
repair.py       changes a refused request, and remembers what the server refuses
replay.py       answers from a recording
installed.py    providers of installed packages
check.py        live checks of a provider
reply_schema.py the JSON Schema of a reply, in the form a vendor accepts
protocols/      one folder per protocol, on top of the vendor's SDK:
                encode.py (Request -> body, pure), decode.py (event -> deltas, pure), client.py (the SDK)
http/           transport, SSE reader, response bodies, recordings, retries, rate limits, errors
catalog/        cached model listings, prices, and unsupported parameters by model (quirks.toml)
sdk/            imports a vendor's SDK on a thread, and finds the headers it reads from the environment
demo/           answers from the guide without a network
presets.toml    built-in vendors, gateways and local servers
"""
