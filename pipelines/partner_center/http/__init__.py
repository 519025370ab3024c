"""Sends requests to Partner Center: retried, throttled, and failures explained."""
