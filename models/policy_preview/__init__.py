"""Policy preview."""
