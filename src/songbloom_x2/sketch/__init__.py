"""The sketch: a language model over one semantic token a frame, and how tokens are drawn from it."""
