"""A formula written by hand -> a judgement for every `=` in it."""
