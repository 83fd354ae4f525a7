"""Announcements to the readers of chosen bookings."""
