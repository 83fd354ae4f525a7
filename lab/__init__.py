"""Measures the service, breaks it, and tries to refute what it promises. It is never installed."""
