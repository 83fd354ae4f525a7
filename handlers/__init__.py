"""HTTP only: parse, one call, present. No rule lives here."""
