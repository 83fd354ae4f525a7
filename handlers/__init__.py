"""HTTP only: parse, call one service, present. No business rules."""
