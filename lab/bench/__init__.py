"""The service under load, beside a bare handler (docs/performance.md)."""
