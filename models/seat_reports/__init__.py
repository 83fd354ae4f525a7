"""Seat reports."""
