"""The engagements API of the stand-in: its deals, how they are listed, and exchange rates."""
