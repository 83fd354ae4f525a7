"""The console's pages of kiosks and gates."""
