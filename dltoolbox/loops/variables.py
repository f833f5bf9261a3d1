"""saveVariables and loadVariables: what a custom training loop needs to go on later, in one file that holds data only.

The file is the container of saved networks (`dltoolbox.exchange.container`): JSON that describes the variables, and an
``.npy`` member for every array. Members carry checksums; nothing that a file says is ever executed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from dltoolbox.autodiff.dlarray import dlarray, values_of
from dltoolbox.core.display import listed
from dltoolbox.core.errors import DltoolboxError, fail
from dltoolbox.core.packages import __version__
from dltoolbox.core.properties import did_you_mean, show
from dltoolbox.core.random import STREAMS, RandomState
from dltoolbox.core.table import EditableTable, Table
from dltoolbox.exchange.archive import (
    NETWORKS,
    contents_of,
    described,
    entry,
    not_an_archive,
    restored_network,
    target_of,
    typed,
    warn_of_other_format,
)
from dltoolbox.exchange.container import ContainerReader, Damaged, Oversized, write_container
from dltoolbox.exchange.registered import function_named
from dltoolbox.exchange.values import OTHER_VALUES, Json, Reading, Writing
from dltoolbox.loops.lbfgs import Remembered, lbfgsState
from dltoolbox.network.networks import Network

FORMAT_OF_VARIABLES, VERSION_OF_VARIABLES, VARIABLES_FILE = "dltoolbox variables", 1, "variables.json"
HINT = f"Networks, dlarrays, structs, tables, lbfgsState and the result of rng can be saved, too. {OTHER_VALUES}"
VECTORS, LISTS_OF_VECTORS = ("point", "slope"), ("steps", "differences")  # of what lbfgsState remembers


def saveVariables(file: object, /, **variables: object) -> None:
    """Save variables by their names, such as all that a loop needs to go on: ``saveVariables('loop.dlvars', net=net, …)``.

    Args:
        file: Path of the file, exactly as given: no suffix is added. Its folder must exist. An existing file is replaced,
            but only when the new one is complete.
        **variables: Networks; arrays of numbers; dlarrays without gradients to come; numbers, texts and None; lists, tuples,
            dicts, structs (`SimpleNamespace`) and tables of these; the `lbfgsState`; the state of random numbers,
            ``rng()``.

    Raises:
        DltoolboxError: ``dltoolbox:saveVariables:noVariables``, ``…:unsupportedValue``, ``…:traced``, ``…:tooLarge``,
            ``…:folderNotFound``, ``…:isAFolder``, ``…:invalidFile``, ``…:cannotWrite``; and for networks those of
            `saveNetwork`.

    Warns:
        DltoolboxWarning: ``dltoolbox:saveVariables:otherFormat`` for a name such as ``'loop.mat'``, which promises another
            kind of file.

    Example:
        >>> import os, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = os.path.join(folder, 'loop.dlvars')
        ...     saveVariables(file, iteration=7, averageGrad={'w': dlarray([[1.0, 2.0]], 'CB')})
        ...     S = loadVariables(file)
        >>> S.iteration, dims(S.averageGrad['w']), S.averageGrad['w'].tolist()
        (7, 'CB', [[1.0, 2.0]])
    """
    path = target_of(file, "saveVariables")
    if not variables:
        fail("saveVariables:noVariables", "There is nothing to save.",
             "Name what is to be saved: saveVariables('loop.dlvars', net=net, iteration=iteration).")
    warn_of_other_format(path, "saveVariables")
    writing = VariablesWriting(function_name="saveVariables")
    try:
        values = [[name, writing.value(value, f"Variable {name}", HINT)] for name, value in variables.items()]
        description = {"format": FORMAT_OF_VARIABLES, "version": VERSION_OF_VARIABLES, "dltoolbox": __version__,
                       "variables": values}
        write_container(path, description, VARIABLES_FILE, writing.arrays)
    except Oversized:
        fail("saveVariables:tooLarge", "The variables hold more lists, dictionaries and layers than a file does.",
             "Put numbers into arrays, or save the variables in several files.")
    except OSError as error:
        fail("saveVariables:cannotWrite", f"'{path}' cannot be written: {error}.", "An existing file is as it was.")


def loadVariables(file: object, *names: str) -> Any:
    """Load what `saveVariables` wrote, as a struct: ``S = loadVariables('loop.dlvars')``, then ``S.net``.

    Values equal those that were saved bit for bit; arrays can be written to.

    Args:
        file: Path of the file.
        *names: Names of the variables; by default all of them.

    Returns:
        A struct, `SimpleNamespace`, with a field for each variable.

    Raises:
        DltoolboxError: ``dltoolbox:loadVariables:unknownVariable``, ``…:fileNotFound``, ``…:cannotRead``, ``…:invalidFile``,
            ``…:notAnArchive``, ``…:newerVersion``; ``…:corruptFile`` for damaged or forged files; and for networks
            ``dltoolbox:loadNetwork:unknownLayer`` and others of `loadNetwork`.

    Example:
        >>> try:
        ...     loadVariables('no such file')
        ... except DltoolboxError as error:
        ...     error.identifier
        'dltoolbox:loadVariables:fileNotFound'
    """
    found = contents_of(file, "loadVariables", restored_variables)
    for name in names:
        if name not in found:
            fail("loadVariables:unknownVariable", f"The file has no variable {show(name)}.",
                 did_you_mean(str(name), found) or f"It has {listed([*found])}.")
    return SimpleNamespace(**{name: found[name] for name in names or found})


# Writing -------------------------------------------------------------------------------------------------------------
class VariablesWriting(Writing):
    """Values of loops as JSON, beside those that networks hold."""

    def value(self, value: object, name: str, hint: str = HINT, level: int = 0) -> Json:
        def inner(part: object) -> Json:
            return self.value(part, name, hint, level + 1)
        if isinstance(value, np.generic):
            return {"scalar": super().value(np.array(value), name, hint, level)}
        if isinstance(value, Network) and type(value) in NETWORKS.values():
            return {"network": described(value, self.arrays)}
        if isinstance(value, dlarray):
            if value.traced:
                fail("saveVariables:traced", f"{name} is a dlarray in the course of dlfeval.",
                     "Save what dlfeval returns, or its values: extractdata(x).")
            return {"dlarray": [value.labels, inner(np.asarray(values_of(value)))]}
        if isinstance(value, SimpleNamespace):
            return {"struct": inner(vars(value))}
        if isinstance(value, Table) and type(value) in SAVED_TABLES.values():
            return {"table": [type(value).__name__, inner({name: [*column] for name, column in value.columns.items()})]}
        if isinstance(value, lbfgsState):
            memory = {part.name: getattr(value._memory, part.name) for part in fields(Remembered)}
            return {"lbfgsState": inner({"HistorySize": value.HistorySize,
                                         "InitialInverseHessianFactor": value.InitialInverseHessianFactor, **memory})}
        if isinstance(value, RandomState):
            return {"rng": inner([value.Seed, *value.states])}
        return super().value(value, name, hint, level)


# Reading -------------------------------------------------------------------------------------------------------------
def restored_variables(reader: ContainerReader, path: Path) -> dict[str, object]:
    """The variables that an open file describes."""
    if VARIABLES_FILE not in reader.members:
        not_an_archive(path, "loadVariables")
    description = typed(reader.json(VARIABLES_FILE), dict, "the description")
    version = entry(description, "version", int)
    if description.get("format") != FORMAT_OF_VARIABLES or version < 1:
        raise Damaged("its description is that of another kind of file")
    if version > VERSION_OF_VARIABLES:
        fail("loadVariables:newerVersion", f"'{path}' has format version {version} (written by dltoolbox "
             f"{show(description.get('dltoolbox'))}), but this dltoolbox reads versions up to {VERSION_OF_VARIABLES}.",
             "Update dltoolbox, or save the variables with an older one.")
    reading = VariablesReading(reader, used={VARIABLES_FILE}, path=path)
    found = reading.dictionary(entry(description, "variables", list))
    if reading.used != set(reader.members):
        raise Damaged(f"members are not used: {show(sorted(set(reader.members) - reading.used))}")
    return by_name(found)


def by_name(x: object) -> dict[str, Any]:
    """A dictionary by texts."""
    if not isinstance(x, dict) or not all(isinstance(key, str) for key in x):
        raise Damaged(f"{show(x)} does not give values to names")
    return x


@dataclass
class VariablesReading(Reading):
    """The inverse of `VariablesWriting`; what is not as that writes it is damaged."""

    path: Path = field(default_factory=Path)

    def value(self, value: object) -> Json:
        if isinstance(value, dict) and len(value) == 1:
            (what, content), = value.items()
            if what == "array":
                return np.array(super().value(value))  # one that can be written to
            if what in READ_AS:
                return READ_AS[what](self, content)
        return super().value(value)

    def function(self, content: object) -> object:
        name = typed(content, str, "the name of a function")
        found = function_named(name)
        if found is None:
            fail("loadVariables:unknownFunction", f"The file needs the function {name!r}, which is not defined here.",
                 "Import the module that defines it before the file is loaded: files hold no code.")
        return found

    def network(self, content: object) -> object:
        inner = Reading(self.reader, used=self.used)
        return restored_network(typed(content, dict, "a network"), inner, self.path)

    def scalar(self, content: object) -> object:
        return self.arrays([self.value(content)], 0)[0][()]

    def labelled(self, content: object) -> object:
        labels, array = self.items(content, 2)
        try:
            return dlarray(self.arrays([self.value(array)])[0], typed(labels, str, "a format"))
        except DltoolboxError as error:
            raise Damaged(f"it holds no valid dlarray. {error}") from error

    def struct(self, content: object) -> object:
        return SimpleNamespace(**by_name(self.value(content)))

    def table(self, content: object) -> object:
        kind, columns = self.items(content, 2)
        values = by_name(self.value(columns))
        if kind not in SAVED_TABLES or not all(isinstance(column, list) for column in values.values()) or len(
                set(map(len, values.values()))) > 1:
            raise Damaged("the columns of a table are not lists of the same length")
        return SAVED_TABLES[kind](**values)

    def lbfgs(self, content: object) -> object:
        values = by_name(self.value(content))
        if values.keys() != {part.name for part in fields(Remembered)} | {"HistorySize", "InitialInverseHessianFactor"}:
            raise Damaged("a state of L-BFGS has other parts")
        try:
            state = lbfgsState(HistorySize=values.pop("HistorySize"),
                               InitialInverseHessianFactor=values.pop("InitialInverseHessianFactor"))
        except DltoolboxError as error:
            raise Damaged(f"it holds no valid state of L-BFGS. {error}") from error
        vectors = self.arrays([values[name] for name in VECTORS] + [
            x for name in LISTS_OF_VECTORS for x in typed(values[name], tuple, f"'{name}'")], 1)
        if len({len(x) for x in vectors}) > 1 or len(values["steps"]) != len(values["differences"]) or any(
                x.dtype != np.float64 for x in vectors):
            raise Damaged("the vectors of a state of L-BFGS do not belong together")
        for name, kind in (("factor", float), ("more", tuple), ("status", str), ("method", str)):
            typed(values[name], kind, f"'{name}'")
        return state.after(Remembered(**values))

    def random(self, content: object) -> object:
        found = typed(self.value(content), list, "a state of random numbers")
        if len(found) != 1 + len(STREAMS):
            raise Damaged("it holds no valid state of random numbers")
        seed, *states = found
        state = RandomState(typed(seed, int, "a seed"), tuple(by_name(each) for each in states))
        try:
            for each in states:
                np.random.PCG64().state = each
        except (TypeError, ValueError, KeyError, OverflowError) as error:
            raise Damaged(f"it holds no valid state of random numbers ({error})") from error
        if state.Seed < 0:
            raise Damaged("a seed is negative")
        return state

    def items(self, content: object, count: int) -> list[Any]:
        found: list[Any] = typed(content, list, "a value")
        if len(found) != count:
            raise Damaged(f"{show(content)} has not {count} parts")
        return found

    def arrays(self, values: list[Any], dimensions: int | None = None) -> list[np.ndarray]:
        if not all(isinstance(x, np.ndarray) and dimensions in (None, x.ndim) for x in values):
            raise Damaged("an array is missing or has another number of dimensions")
        return values


SAVED_TABLES: dict[str, type[Table]] = {"Table": Table, "EditableTable": EditableTable}
READ_AS = {"network": VariablesReading.network, "scalar": VariablesReading.scalar, "dlarray": VariablesReading.labelled,
         "function": VariablesReading.function,
         "struct": VariablesReading.struct, "table": VariablesReading.table, "lbfgsState": VariablesReading.lbfgs,
         "rng": VariablesReading.random}
