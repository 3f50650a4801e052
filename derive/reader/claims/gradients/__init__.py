"""What a claim says of gradients: defined letters -> δ -> named parts -> ∂ -> small d, each a part of the reader."""
