"""Every gradient beside the derivative of the code's own forward pass, in several settings."""
