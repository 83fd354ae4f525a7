"""Hall displays."""
