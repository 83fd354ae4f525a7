"""Checks of what readers wrote."""
