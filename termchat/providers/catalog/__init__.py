"""Facts about models: cached listings, prices, unsupported parameters."""
