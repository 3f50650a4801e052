"""f(params, x, d_ys) in a layout that a person names, against the derivation."""
