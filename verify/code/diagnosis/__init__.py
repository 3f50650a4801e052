"""Wrong gradients to the mistakes that reproduce them."""
