"""Output for terminals and for other programs."""
