"""Seat labels."""
