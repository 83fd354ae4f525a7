"""Stand-ins for the outside world, with its real HTTP interfaces, when no credentials are set."""
