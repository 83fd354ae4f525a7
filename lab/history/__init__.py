"""Histories of what readers asked and were told, and the judges of them (docs/proof.md)."""
