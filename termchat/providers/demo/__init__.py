"""demo/tour: the guide as a provider, and scripted replies."""
