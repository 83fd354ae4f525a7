"""Lighthouse's scores of the readers' pages on a phone (docs/performance.md)."""
