"""Layers of complex numbers, and of products in the frequency domain."""
