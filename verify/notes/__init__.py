"""A note -> a judgement on every formula in it: files read, the model of each formula, audits, corrected copies."""
