"""Publishes the copy of the warehouse that BI tools read."""
