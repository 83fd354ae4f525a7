"""Seat map."""
