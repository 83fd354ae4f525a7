"""常用座位: the seats that a reader comes back to."""
