"""Terms -> shapes: what every letter is, by one search and one unification, defaults last."""
