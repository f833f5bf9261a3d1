"""Further bases of classes of layers: `Formattable`, `Acceleratable`."""

from __future__ import annotations


class Formattable:
    """A class of layers that is derived from it as well gets arrays with labels: ``class Mine(Layer, Formattable)``.

    Its methods receive each input as a `dlarray` with labels, such as 'SSCB', and may return arrays in other formats:
    ``dlarray(Z, 'CB')``.

    Example:
        >>> class ToFeatures(Layer, Formattable):
        ...     def predict(self, X):
        ...         return dlarray(stripdims(X).mean((0, 1)), 'CB')
        >>> import numpy as np
        >>> X = np.ones((4, 4, 3, 2))
        >>> predict(dlnetwork([imageInputLayer([4, 4, 3], Normalization='none'), ToFeatures()]), X).shape
        (2, 3)
    """


class Acceleratable:
    """A base of MATLAB's classes of layers whose functions may be traced once and called often.

    It changes nothing here: no result depends on it in MATLAB either.

    Example:
        >>> class Twice(Layer, Acceleratable):
        ...     def predict(self, X):
        ...         return 2 * X
        >>> Twice().type_text
        'Twice'
    """
