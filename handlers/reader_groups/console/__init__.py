"""The console's pages of reader groups and their members."""
