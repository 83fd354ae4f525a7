"""Stand-ins for the outside world, with its real HTTP interfaces, for when no credentials are set."""
