"""Their forward pass and the cell's: which block of which array is which parameter, or in what they differ."""
