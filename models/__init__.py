"""The library's language: entities, rules and the state machine (pure), the use cases, the store."""
