"""What the service does under load, beside a bare handler (docs/performance.md)."""
