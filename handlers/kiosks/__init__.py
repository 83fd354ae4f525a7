"""Kiosks."""
