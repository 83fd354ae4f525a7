"""Use cases: booking, changing and cancelling, and the only writer of reservations."""
