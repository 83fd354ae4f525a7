"""What a browser asks for: sign-in by CAS and the entrance page."""
