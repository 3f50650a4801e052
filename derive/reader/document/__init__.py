"""A document -> what it says of a cell: its equations, read together."""
