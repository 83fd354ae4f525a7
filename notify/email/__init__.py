"""The channel by e-mail."""
