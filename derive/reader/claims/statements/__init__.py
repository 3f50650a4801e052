"""Text of a formula to be checked -> its statements: sides and relations, with the conditions and words beside them."""
