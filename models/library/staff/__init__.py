"""What the staff do with venues, areas and seats."""
