"""What the staff do with reservations, and see of them."""
