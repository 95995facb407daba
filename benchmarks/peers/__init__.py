"""The contestants, each in a file of its own that imports its library; `contestants.py` runs each in its own process."""
