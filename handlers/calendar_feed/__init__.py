"""日历订阅 (calendar feed) and 加入日历 (a booking as a calendar file)."""
