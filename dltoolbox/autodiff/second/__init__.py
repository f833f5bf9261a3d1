"""Second forms of ops: the same functions in words that can be differentiated again, a file per family of ops."""

from dltoolbox.autodiff.second import (  # noqa: F401
    elementwise,
    linear,
    losses,
    normalisation,
    products,
    reshaping,
    sequences,
)
