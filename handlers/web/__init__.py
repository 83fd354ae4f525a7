"""What a browser asks for: pages for readers, the kiosk's screen, sign-in. routes.py lists them."""
