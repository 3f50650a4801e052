"""A wrong claim -> the mistakes in it, the true formula, the special case and a counterexample."""
