"""What is done with reservations: booking, changing, cancelling, and the one writer."""
