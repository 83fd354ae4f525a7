"""Many schools in one process: memory, idle work, a rush in all, and what neighbours feel."""
