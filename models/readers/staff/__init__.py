"""What the staff do with readers and visitors."""
