"""Text -> syntax: notes, fragments, lexers for LaTeX and plain text, one grammar."""
