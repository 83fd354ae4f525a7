"""The console's pages of venues, areas, floor plans and seats."""
