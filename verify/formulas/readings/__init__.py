"""A claim under a set of conventions -> expression nodes: every reading that can make a difference."""
