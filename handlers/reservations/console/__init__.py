"""The console's pages of reservations."""
