"""The contestants, each in its own file, which imports its library; `contestants.py` runs each in its own process."""
