"""Outages."""
