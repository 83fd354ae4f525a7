"""What Lighthouse thinks of the pages of readers on a phone (docs/performance.md)."""
