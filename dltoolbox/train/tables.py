"""Tables of features as training data: a column of responses, or several, and the others as predictors.

A table is a pandas DataFrame, read by its columns only, or MATLAB's ``table`` as far as there is one here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from dltoolbox.core.arrays import array_of
from dltoolbox.core.convert import attribute
from dltoolbox.core.dims import Dims
from dltoolbox.core.display import counted, few
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import did_you_mean
from dltoolbox.core.table import Table
from dltoolbox.network.graph.layer_graph import LayerGraph
from dltoolbox.program.data_layout import column_names, input_layers


class SplitTable(NamedTuple):
    """A table in two: predictors N×f, and the responses; with what to call the responses in messages and calls."""

    X: np.ndarray
    Y: Any
    name: str


def is_table(value: object) -> bool:
    return isinstance(value, Table) or (bool(column_names(value)) and attribute(value, "iloc") is not None)


def are_columns(names: object, table: Any) -> bool:
    """Whether a text, or a list of them, chooses columns; as many texts as rows are labels."""
    listed = [names] if isinstance(names, str) else names
    return (isinstance(listed, (list, tuple)) and bool(listed) and all(isinstance(name, str) for name in listed)
            and (isinstance(names, str) or len(listed) != len(table)))


def split_table(table: Any, responses: object, lgraph: LayerGraph, variable: str) -> SplitTable:
    """Predictors and responses of a table.

    Args:
        table: The table.
        responses: Names of the columns of responses; None is the last column.
        lgraph: The network that they are for.
        variable: What to call the table in messages.
    """
    names = table.VariableNames if isinstance(table, Table) else column_names(table)
    chosen = names[-1:] if responses is None else [responses] if isinstance(responses, str) else list(responses)  # type: ignore[call-overload]
    for name in chosen:
        if name not in names:
            fail("trainNetwork:unknownColumn", f"{variable} has no column {name!r}.",
                 did_you_mean(name, [*map(str, names)]) or f"Its columns are {few(map(repr, names))}.")
    others = [name for name in names if name not in chosen]
    columns = {name: column(table, name) for name in others}
    words = [name for name, values in columns.items() if values is None or values.dtype.kind not in "fiub"]
    if words:
        drop = f"{variable}.drop(columns={words[0] if len(words) == 1 else words!r})"
        fail("trainNetwork:notNumeric", f"The predictors must be numeric, but {variable} has the non-numeric "
             f"{'column' if len(words) == 1 else 'columns'} {few(map(repr, words))}; the "
             f"{'response is' if len(chosen) == 1 else 'responses are'} {few(map(repr, chosen))}.",
             "Make a table of the numeric columns and the response." if isinstance(table, Table) else
             f"Drop {'it' if len(words) == 1 else 'them'}: {drop}.")
    check_features([layer.dims() for layer in input_layers(lgraph)], len(others), variable)
    X = np.column_stack([values for values in columns.values() if values is not None])
    Y = raw(table, chosen[0]) if len(chosen) == 1 else np.column_stack([np.asarray(raw(table, name)) for name in chosen])
    where = f".{chosen[0]}" if isinstance(table, Table) else f"[{(chosen[0] if len(chosen) == 1 else chosen)!r}]"
    return SplitTable(X, Y, f"{variable}{where}")


def raw(table: Any, name: Any) -> Any:
    return getattr(table, name) if isinstance(table, Table) else table[name]


def column(table: Any, name: Any) -> np.ndarray | None:
    return array_of(raw(table, name), name=str(name))


def check_features(inputs: Sequence[Dims], count: int, variable: str) -> None:
    """One input of as many features as there are predictors."""
    if len(inputs) != 1 or inputs[0].rank or inputs[0].timed:
        fail("trainNetwork:tableOfFeatures", f"{variable} is a table of features, but the network does not start with "
             "featureInputLayer alone.", "Pass the arrays instead: trainNetwork(X, Y, layers, options).")
    if inputs[0].channels != count:
        fail("trainNetwork:inputSizeMismatch", f"{variable} has {counted(count, 'predictor column')}, but the input "
             f"layer takes {counted(inputs[0].channels or 0, 'feature')}.",
             f"Start the network with featureInputLayer({count}).")
