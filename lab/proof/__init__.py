"""Shows that no seat is given twice and that nothing acknowledged is lost (docs/proof.md)."""
