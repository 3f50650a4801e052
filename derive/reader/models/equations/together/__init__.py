"""Equations that a document writes for several gates at once, or for what all of them read."""
