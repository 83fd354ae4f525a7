"""The console's pages of rules and opening hours."""
