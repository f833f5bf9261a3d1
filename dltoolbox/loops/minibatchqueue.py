"""`minibatchqueue`: mini-batches of arrays, or of whatever can be read observation by observation, for custom loops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from dltoolbox.autodiff.dlarray import dlarray
from dltoolbox.core import convert
from dltoolbox.core.arrays import array_of
from dltoolbox.core.dims import times
from dltoolbox.core.display import counted
from dltoolbox.core.errors import fail, warn_once
from dltoolbox.core.properties import Configured, InvalidValue, Property, show
from dltoolbox.data.categorical import categorical
from dltoolbox.loops.observations import ArrayColumns, Source, Store, is_store

Minibatch = Any  # an output, or a tuple of several
CASTS = {"single": np.float32, "double": np.float64, "logical": np.bool_, "int8": np.int8, "int16": np.int16,
         "int32": np.int32, "int64": np.int64, "uint8": np.uint8, "uint16": np.uint16, "uint32": np.uint32,
         "uint64": np.uint64}


def per_output(one: convert.Function, annotation: str) -> convert.Function:
    """One value for all outputs, or a list with one for each."""
    @convert.annotated(f"{annotation} | Sequence[{annotation}]")
    def converted(value: object) -> tuple[Any, ...]:
        items = list(value) if isinstance(value, list | tuple) else [value]
        try:
            return tuple(map(one, items or [""]))
        except InvalidValue as no:
            raise InvalidValue(f"{no.expected}, or a list of them, one for each output", no.hint) from None
    return converted


def format_of(value: object) -> str:
    """Labels of dimensions, or none."""
    text = value.upper() if isinstance(value, str) else ""
    if not isinstance(value, str) or set(text) - set("SCBTU") or any(text.count(label) > 1 for label in "CBT"):
        raise InvalidValue("labels of dimensions such as 'SSCB', or ''")
    return text


class minibatchqueue(Configured):
    """Mini-batches of data for a custom loop: ``mbq = minibatchqueue((X, Y), MiniBatchFormat=['SSCB', ''])``.

    ``while mbq.hasdata(): X, T = mbq.next()``, or ``for X, T in mbq``; `shuffle` and `reset` begin again.

    Args:
        ds: One array, categorical array or list of sequences; several as a tuple; or an object with the methods ``read``,
            which returns one observation, as a tuple if it has several parts, ``hasdata`` and ``reset``.
        numOutputs: How many outputs the mini-batches have; by default as many as there are data, or as MiniBatchFcn
            returns.
        MiniBatchSize: Number of observations.
        PartialMiniBatch: ``'return'``, or ``'discard'`` of a last mini-batch that is smaller.
        MiniBatchFcn: ``'collate'`` puts observations side by side; a function gets the observations of every part, arrays
            as arrays and sequences as a list, and returns an array for each output, several as a tuple.
        MiniBatchFormat: Labels of each output, such as ``['SSCB', 'CB']``; ``''`` for none.
        OutputCast: Type of each output. Labels become the numbers of their categories, from 1 on, undefined ones NaN.
        OutputAsDlarray: Whether outputs are dlarrays.
        OutputEnvironment: ``'auto'``, ``'cpu'`` or ``'gpu'``, which runs on the CPU.
        IterationDimension: The dimension of observations in each array, 1-based. By default the one with the label B in
            MiniBatchFormat, else the last of three or more, and the first of vectors and matrices.
        PreprocessingEnvironment: ``'serial'``, ``'background'`` or ``'parallel'``; has no effect.

    Raises:
        DltoolboxError: ``dltoolbox:minibatchqueue:invalidData``, ``…:numberOfObservations``, ``…:noData``,
            ``…:differentSizes``, ``…:numberOfOutputs``, ``…:invalidOutput``, ``…:cannotShuffle`` and others.

    Example:
        >>> mbq = minibatchqueue((np.arange(10.0).reshape(5, 2), categorical([*'ababa'])), MiniBatchSize=3,
        ...                      MiniBatchFormat=['BC', 'BC'])
        >>> for X, T in mbq:
        ...     print(dims(X), X.shape, T.tolist())
        CB (2, 3) [[1.0, 2.0, 1.0]]
        CB (2, 2) [[2.0, 1.0]]

    Source:
        MathWorks documentation of minibatchqueue.
    """

    MiniBatchSize = Property(convert.count, 128, "Number of observations.")
    PartialMiniBatch = Property(convert.choice("return", "discard"), "return", "The fate of a smaller rest.")
    MiniBatchFcn = Property(convert.word_or_function("collate"), "collate", "It makes outputs of observations.")
    MiniBatchFormat = Property(per_output(format_of, "str"), "", "Labels of each output.")
    OutputCast = Property(per_output(convert.choice(*CASTS), "str"), "single", "Type of each output.")
    OutputAsDlarray = Property(per_output(convert.flag, "bool"), True, "Whether outputs are dlarrays.")
    OutputEnvironment = Property(per_output(convert.choice("auto", "cpu", "gpu"), "str"), "auto", "The place of outputs.")
    IterationDimension = Property(convert.optional(per_output(convert.integer(1, 32), "int")), None,
                                  "The dimension of observations in each array.")
    PreprocessingEnvironment = Property(convert.choice("serial", "background", "parallel"), "serial", "Has no effect.")

    def __init__(self, ds: object = (), *arguments: object, **options: object) -> None:
        given = arguments[:1] if arguments and not isinstance(arguments[0], str) else ()
        super().__init__(*arguments[len(given):], **options)
        outputs = None
        if given or "numOutputs" in options:
            outputs = self._count(given[0] if given else None)
        source: Source = Store(ds, self.MiniBatchFormat) if is_store(ds) else ArrayColumns(
            ds, self.MiniBatchFormat, self.IterationDimension)
        self.__dict__.update(_source=source, _outputs=outputs)

    def _count(self, value: object) -> int:
        try:
            return convert.count(value)
        except InvalidValue as no:
            fail("minibatchqueue:invalidNumOutputs", f"numOutputs must be {no.expected}, but it is {show(value)}.",
                 "Leave it out: it is the number of arrays that MiniBatchFcn returns.")

    def hasdata(self) -> bool:
        """Whether there is another mini-batch."""
        source: Source = self.__dict__["_source"]
        return source.has(self.MiniBatchSize if self.PartialMiniBatch == "discard" else 1)

    def next(self) -> Minibatch:
        """The next mini-batch: its output, or several as a tuple."""
        if not self.hasdata():
            fail("minibatchqueue:noData", "The queue has no more data.",
                 "Ask while mbq.hasdata(), and begin again with mbq.reset() or mbq.shuffle().")
        if "gpu" in self.OutputEnvironment:
            warn_once("OutputEnvironment:notInThisRelease", "OutputEnvironment is 'gpu', but this release computes on the "
                      "CPU only.", "The results do not depend on it. Leave the option out to run without this warning.")
        source: Source = self.__dict__["_source"]
        parts = source.read(self.MiniBatchSize)
        made: object = tuple(map(source.collated, range(len(parts)), parts)) if self.MiniBatchFcn == "collate" else (
            self._called(parts))
        outputs = made if isinstance(made, tuple) else (made,)
        self._check(len(outputs))
        finished = tuple(self._finished(number, output) for number, output in enumerate(outputs))
        return finished[0] if len(finished) == 1 else finished

    def reset(self) -> None:
        """Begin again with the first observation."""
        self.__dict__["_source"].reset()

    def shuffle(self) -> None:
        """Begin again, in another order; `rng` repeats it."""
        self.__dict__["_source"].shuffle()

    def __iter__(self) -> Self:
        """From the present place on; from the beginning where all has been read."""
        if not self.hasdata():
            self.reset()
        return self

    def __next__(self) -> Minibatch:
        if not self.hasdata():
            raise StopIteration
        return self.next()

    def _called(self, parts: Sequence[object]) -> object:
        """The outputs of the user's function."""
        assert callable(self.MiniBatchFcn)
        result = self.MiniBatchFcn(*parts)
        return tuple(result) if isinstance(result, list) and len(result) == self.__dict__["_outputs"] != 1 else result

    def _check(self, count: int) -> None:
        """All options must go with the number of outputs."""
        wanted = self.__dict__["_outputs"]
        if wanted not in (None, count):
            fail("minibatchqueue:numberOfOutputs", f"numOutputs is {wanted}, but mini-batches have "
                 f"{counted(count, 'output')}.", f"Pass numOutputs={count}, or let MiniBatchFcn return {wanted} arrays.")
        for name in ("MiniBatchFormat", "OutputCast", "OutputAsDlarray", "OutputEnvironment"):
            values = getattr(self, name)
            if len(values) not in (1, count):
                fail("minibatchqueue:numberOfOutputs", f"{name} has {counted(len(values), 'element')}, but mini-batches "
                     f"have {counted(count, 'output')}.", f"Pass one value, or a list of {count}.")

    def _option(self, name: str, number: int) -> Any:
        values = getattr(self, name)
        return values[number] if len(values) > 1 else values[0]

    def _finished(self, number: int, output: object) -> object:
        """An output in its type, as a dlarray if it is to be one."""
        fmt = self._option("MiniBatchFormat", number)
        if isinstance(output, dlarray):
            fmt, output = fmt or output.labels, output.plain
        if isinstance(output, categorical):
            output = np.where(output.codes < 0, np.nan, output.codes + 1.0)
        array = array_of(output)
        if array is None or array.dtype.kind not in "fiub":
            fail("minibatchqueue:invalidOutput", f"Output {number + 1} of a mini-batch must be an array of numbers or "
                 f"categorical, but it is {show(output)}.", "Make arrays in MiniBatchFcn; sequences of several lengths with "
                 "padsequences(X, 2).")
        with np.errstate(invalid="ignore"):
            array = array.astype(CASTS[self._option("OutputCast", number)], copy=False)
        if not self._option("OutputAsDlarray", number):
            return array
        if len(fmt) < array.ndim and fmt:
            fail("minibatchqueue:formatMismatch", f"Output {number + 1} has size {times(array.shape)}, but its format "
                 f"'{fmt}' has {counted(len(fmt), 'label')}.", "Pass a MiniBatchFormat with a label for every dimension.")
        return dlarray(array, fmt)

    def __repr__(self) -> str:
        outputs = self.__dict__["_outputs"] or (max(self.__dict__["_source"].parts, 1) if self.MiniBatchFcn == "collate" else
                                                max(len(self.MiniBatchFormat), self.__dict__["_source"].parts))
        made = "'collate'" if self.MiniBatchFcn == "collate" else getattr(self.MiniBatchFcn, "__name__", "function")
        lines = [f"minibatchqueue with {counted(outputs, 'output')} and properties:", "", "   Mini-batch creation:",
                 f"           MiniBatchSize: {self.MiniBatchSize}", f"        PartialMiniBatch: '{self.PartialMiniBatch}'",
                 f"            MiniBatchFcn: {made}", f"PreprocessingEnvironment: '{self.PreprocessingEnvironment}'", "",
                 "   Outputs:"]
        for name in ("OutputCast", "OutputAsDlarray", "MiniBatchFormat", "OutputEnvironment"):
            cells = [self._option(name, at) if len(getattr(self, name)) in (1, outputs) else "?" for at in range(outputs)]
            lines.append(f"{name:>24}: {{{'  '.join(map(repr, cells))}}}")
        return "\n".join(lines)


def queue_of(mbq: object, function: str) -> minibatchqueue:
    """The queue that a function needs."""
    if not isinstance(mbq, minibatchqueue):
        fail(f"{function}:notAQueue", f"{function} takes a minibatchqueue, but this is {show(mbq)}.",
             "Make one first: mbq = minibatchqueue((X, Y)).")
    return mbq


def hasdata(mbq: object) -> bool:
    """Whether a minibatchqueue has another mini-batch.

    Args:
        mbq: A minibatchqueue.

    Raises:
        DltoolboxError: ``dltoolbox:hasdata:notAQueue``.

    Example:
        >>> hasdata(minibatchqueue(np.ones((4, 2))))
        True
    """
    return queue_of(mbq, "hasdata").hasdata()


def reset(mbq: object) -> None:
    """Let a minibatchqueue begin again with the first observation.

    Args:
        mbq: A minibatchqueue, which is changed.

    Raises:
        DltoolboxError: ``dltoolbox:reset:notAQueue``.

    Example:
        >>> mbq = minibatchqueue(np.ones((4, 2)))
        >>> X = mbq.next()
        >>> reset(mbq)
        >>> hasdata(mbq)
        True
    """
    queue_of(mbq, "reset").reset()


def shuffle(mbq: object) -> None:
    """Let a minibatchqueue begin again, in another order, which `rng` repeats.

    ``from dltoolbox import *`` leaves the name to Python's module random; ``mbq.shuffle()`` is always there.

    Args:
        mbq: A minibatchqueue, which is changed.

    Raises:
        DltoolboxError: ``dltoolbox:shuffle:notAQueue``; ``dltoolbox:minibatchqueue:cannotShuffle``.

    Example:
        >>> mbq = minibatchqueue(np.arange(4.0), OutputAsDlarray=False)
        >>> mbq.shuffle()
        >>> sorted(mbq.next().tolist())
        [0.0, 1.0, 2.0, 3.0]
    """
    queue_of(mbq, "shuffle").shuffle()


def next_minibatch(mbq: object) -> Minibatch:
    """The next mini-batch of a minibatchqueue, its outputs as a tuple if there are several: `dltoolbox.next`.

    ``from dltoolbox import *`` leaves the name to Python, whose own ``next(mbq)`` does the same.

    Args:
        mbq: A minibatchqueue, which goes on to the following mini-batch.

    Raises:
        DltoolboxError: ``dltoolbox:next:notAQueue``; ``dltoolbox:minibatchqueue:noData``.

    Example:
        >>> next(minibatchqueue(np.ones((4, 2)), MiniBatchFormat='BC')).shape
        (2, 4)
    """
    return queue_of(mbq, "next").next()
