"""A model's tensors, and everything that is counted from them."""
