"""Stand-ins for external services, with their real HTTP interfaces, used if ``SANDBOX=1``."""
