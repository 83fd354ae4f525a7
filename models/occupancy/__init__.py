"""Which seats are taken, in memory."""
