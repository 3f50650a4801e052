"""Cell -> derivation: adjoints, simplification, backpropagation through time, bounds."""
