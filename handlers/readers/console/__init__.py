"""The console's pages of readers and visitors."""
