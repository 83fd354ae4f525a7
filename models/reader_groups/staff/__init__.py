"""What the staff do with reader groups and their members."""
