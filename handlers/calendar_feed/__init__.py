"""日历订阅 and 加入日历 for apps, pages and calendars."""
