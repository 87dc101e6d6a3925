"""Providers: one folder a protocol, each of the same three pieces over its vendor's SDK.

    encode.py    Request -> the body of that protocol (pure)
    decode.py    one event of the stream -> deltas (pure, by the type's name, lenient about everything else)
    client.py    the SDK: address, key, headers, sending, listing models

What they share stands beside them: the transport (http), the event stream (sse), a body as deltas (reading), one
request through all its tries (exchange, retry, retry_after, limits), errors (errors), what models do not take
(rules, quirks.toml), the schema of a reply (schemas), chains of models (fallback), recordings and their replay
(recording, replay), the registry that opens them by name, prices, and the demo, which needs no network.
"""
