"""The domain: entities, rules, transitions, use cases and repositories."""
