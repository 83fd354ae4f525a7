"""Who gets the seats of an opening and of a day (docs/performance.md)."""
