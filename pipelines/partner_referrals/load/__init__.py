"""One run of the load."""
