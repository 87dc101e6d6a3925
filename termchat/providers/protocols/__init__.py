"""The API protocols: encoding of requests, decoding of replies, clients on the SDKs."""
