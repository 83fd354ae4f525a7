"""Stand-ins for the outside world, with its real HTTP interfaces, where ``SANDBOX=1`` says so."""
