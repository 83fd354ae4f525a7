"""Affected bookings."""
