"""Generates a history of reservations for a sandbox, a demo or a benchmark (docs/load-data.md)."""
