"""The forward equations that a document writes, each at its place: found in its formulas, completed, filtered."""
