"""The console's pages of statistics, and their exports."""
