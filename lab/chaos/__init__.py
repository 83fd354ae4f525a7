"""What the service keeps of its promises while things break under load (docs/operations.md)."""
