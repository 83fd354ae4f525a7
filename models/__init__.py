"""Entities, pure rules and the state machine; use cases; repositories."""
