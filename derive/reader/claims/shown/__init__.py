"""What a claim shows in part: sums, products and matrices with dots, entries in rows and columns."""
