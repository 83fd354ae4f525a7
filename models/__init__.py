"""The library's language: entities, rules, the state machine (pure); use cases; the store."""
