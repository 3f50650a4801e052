"""Mathematics in, text out."""
