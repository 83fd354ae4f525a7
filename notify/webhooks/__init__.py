"""Webhooks: what is sent, how it is signed, where it may go."""
