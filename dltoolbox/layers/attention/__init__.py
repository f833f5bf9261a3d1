"""Attention, and what it looks at: embedded words, positions and patches."""

# ruff: noqa: F401
import dltoolbox.layers.attention.attention
import dltoolbox.layers.attention.embedding
