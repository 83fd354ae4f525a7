"""Webhooks: what happens here, sent to other programs."""
