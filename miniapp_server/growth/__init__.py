"""Years of past days for a sandbox or a benchmark (docs/growth.md)."""
