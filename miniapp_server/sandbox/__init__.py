"""Stand-ins for WeChat and CAS with their real HTTP interfaces, used if ``SANDBOX=1``."""
