"""Passes over programs for NumPy alone, after those for all targets, and all of them in their order (`tuned`)."""
