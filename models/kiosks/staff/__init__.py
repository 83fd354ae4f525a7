"""What the staff do with kiosks and gates."""
