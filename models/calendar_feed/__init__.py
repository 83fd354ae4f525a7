"""日历订阅: a reader's bookings for the calendar of a phone or a computer."""
