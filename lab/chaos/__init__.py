"""Tests of the service's promises while things break under load (docs/operations.md)."""
