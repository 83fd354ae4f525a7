"""How full it will be, from what was counted of the days before."""
