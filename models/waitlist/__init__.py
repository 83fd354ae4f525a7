"""Waitlist."""
