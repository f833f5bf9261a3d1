"""Attention, and what it looks at: embedded words, positions and patches."""

# ruff: noqa: F401
import dltoolbox.ops.attention.dot_product
import dltoolbox.ops.attention.embedding
