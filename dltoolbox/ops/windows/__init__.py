"""Windows: the spans of positions that they see, and elements that are drawn from them."""
