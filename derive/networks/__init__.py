"""Copies of a cell in layers and directions, with a head; and the tables of the networks that come with the package."""
