"""The only code that talks to MongoDB and Redis. No driver exception leaves it."""
