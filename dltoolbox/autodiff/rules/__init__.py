"""Gradients of NumPy's functions, written in NumPy's words; importing the files enters them."""

from dltoolbox.autodiff.rules import arranging, elementwise, products, reductions  # noqa: F401
