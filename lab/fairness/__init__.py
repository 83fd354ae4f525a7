"""Measures which readers get the seats of an opening and of a day (docs/performance.md)."""
