"""Reservations as MongoDB keeps them."""
