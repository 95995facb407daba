"""Data sets and the way of user's arrays to a trainer."""
