"""The categorical array: labels out of a fixed list of names."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from dltoolbox.core import convert
from dltoolbox.core.arrays import terminates
from dltoolbox.core.display import counted, printable, table_html, text_html, title_html
from dltoolbox.core.errors import fail
from dltoolbox.core.packages import require
from dltoolbox.core.properties import InvalidValue, show
from dltoolbox.core.statements.copied import Names, Sealed
from dltoolbox.core.statements.lost import Lost, references, refuse_lost
from dltoolbox.data.labels import (
    UNDEFINED,
    Encoded,
    category_names,
    checked_codes,
    distinct_keys,
    encode,
    is_text,
    names_of,
    positions_among,
    recode,
)

LOST = Lost("The labels would be lost: an index gives a copy, and nothing keeps this one.",
            "Assign in the array itself, with one index: Y[3] = 'cat'.")
MAX_ROWS, MAX_COLUMNS = 20, 8  # what a display shows
MOST_FLOWING = 60  # labels that a notebook shows in a row
STRING: Any = getattr(np.dtypes, "StringDType", lambda: np.str_)()  # of single labels: NumPy makes arrays of lists of them
LOGICAL_NAMES = {"false": 0, "true": 1}


class Categories(Names):
    """The names of the categories of an array."""

    label = "categorical"
    lost = Lost("The change would be lost: nothing keeps this copy of the categories.",
                "Functions return a changed array: Y = renamecats(Y, …), and so addcats, removecats, reordercats.")


class categorical(Sealed):
    """An array of labels, each out of a list of category names, as MATLAB's ``categorical``.

    Args:
        values: Text, numbers or logicals in any shape: a scalar, a list (nested for several dimensions), any iterable,
            a NumPy array, a categorical array, or a pandas Series, Index or Categorical. None, NaN, NA, blank text
            and ``'<undefined>'`` become undefined. Text loses leading and trailing blanks.
        valueset: The values that get a category, in the order of the categories; all others become undefined.
            Default: the sorted distinct values, or the categories of a categorical input.
        names: A name for each element of ``valueset``; a repeated name merges values. Default: the values as text.
        Ordinal: Whether the categories are ordered, from the least to the greatest. Default: False, or as the
            categorical input.

    N labels have the shape (N,); label images are (h, w) or (h, w, N). An index gives a copy, a single position a
    scalar categorical: ``str(Y[0])`` is its name, ``int(Y[0])`` the number that it names, ``Y[0] == 'cat'`` a bool, and
    in sets and dictionaries it counts as its name. Assigning an unknown name adds the category; an ordinal array refuses
    it. Comparisons are by name, and undefined equals nothing, not even itself. NumPy functions that move elements
    (``np.concatenate``, ``np.where``), order or compare them (``np.sort``, ``np.unique``, ``np.isin``) work; the others
    see an array of names.

    Raises:
        DltoolboxError: Identifiers begin with ``dltoolbox:categorical:``; for instance ``duplicateValue``,
            ``mixedValues``, ``namesCount``, ``sizeMismatch``, ``notOrdinal``.

    Example:
        >>> Y = categorical([0, 2, 1, 2], [0, 1, 2], ["bg", "cat", "dog"])
        >>> Y
          4×1 categorical array
        <BLANKLINE>
             bg
             dog
             cat
             dog
        >>> Y == "dog"
        array([False,  True, False,  True])
        >>> Y.categories
        ['bg', 'cat', 'dog']
    """

    _sealed = True
    _instead = "Functions return a changed array: Y = renamecats(Y, …), and so setcats, reordercats, addcats, removecats."

    def __init__(self, values: object = (), valueset: object = None, names: object = None, *pairs: object,
                 Ordinal: bool | None = None) -> None:
        valueset, names, Ordinal = _arguments([valueset, names, *pairs], Ordinal)
        codes, keys, ordered = encode(values)
        if valueset is not None:
            chosen = distinct_keys(valueset)
            if keys and chosen and is_text(keys) != is_text(chosen):
                fail("categorical:valuesetType", f"The values {show(keys)} and the value set {show(chosen)} are not of "
                     "the same kind.", "Use text for both or numbers for both." if len(keys) != len(chosen) else
                     f"To name the values, pass both: categorical(values, {list(keys)}, {chosen}).")
            codes, keys = recode(codes, positions_among(keys, chosen)), chosen
        labels = names_of(keys) if names is None else category_names(names, "categorical")
        if len(labels) != len(keys):
            fail("categorical:namesCount", f"There are {counted(len(labels), 'name')} for {counted(len(keys), 'value')}.",
                 "Give one name for each value of the value set.")
        self._categories = tuple(dict.fromkeys(labels))
        self._codes = recode(codes, positions_among(labels, self._categories))
        self._ordered = ordered if Ordinal is None else Ordinal

    @classmethod
    def from_codes(cls, codes: np.ndarray, categories: Sequence[str], Ordinal: bool = False) -> categorical:
        """An array from 0-based positions in ``categories``, -1 for undefined."""
        names = convert.each(categories)
        if not all(isinstance(name, str) for name in names):
            fail("categorical:invalidName", f"{show(categories)} is not a list of category names.", "Pass a list of texts.")
        _, _, ordered = _arguments([None, None], Ordinal)
        return cls._of(checked_codes(codes, len(names)), names, bool(ordered))

    @classmethod
    def _of(cls, codes: np.ndarray, categories: Sequence[str], ordered: bool) -> categorical:
        """The same of what is known to be right; copies."""
        made = cls.__new__(cls)
        made._codes = np.array(codes, dtype=np.int32)
        made._categories, made._ordered = tuple(categories), ordered
        return made

    @property
    def categories(self) -> list[str]:
        """The category names in their order."""
        return Categories(self._categories)

    @property
    def codes(self) -> np.ndarray:
        """The 0-based position of each element's category, -1 where undefined; read-only, int32."""
        view = self._codes.view()
        view.flags.writeable = False
        return view

    @property
    def ordered(self) -> bool:
        """Whether the array is ordinal."""
        return self._ordered

    @property
    def shape(self) -> tuple[int, ...]:
        return self._codes.shape

    @property
    def ndim(self) -> int:
        return self._codes.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self._codes.size

    @property
    def T(self) -> categorical:
        """The array with its dimensions reversed; labels of shape (N,) have no orientation and stay as they are."""
        return self.transpose()

    def reshape(self, *shape: Any) -> categorical:
        """The elements in another shape, in NumPy's (row-major) order."""
        try:
            return self._with(self._codes.reshape(*shape))
        except Exception:
            fail("categorical:sizeMismatch", f"{_times(self.shape)} categorical elements cannot take the shape "
                 f"{show(shape[0] if len(shape) == 1 else shape)}.", "The number of elements must stay the same.")

    def ravel(self) -> categorical:
        """All elements in one dimension, in NumPy's (row-major) order."""
        return self._with(self._codes.ravel())

    def transpose(self, *axes: int) -> categorical:
        """The array with permuted dimensions (0-based axes, as NumPy); without axes they are reversed."""
        order = axes[0] if len(axes) == 1 and isinstance(axes[0], (list, tuple)) else axes
        try:
            return self._with(self._codes.transpose([operator.index(axis) for axis in order] or None))
        except Exception:
            fail("categorical:invalidAxes", f"{show(axes)} is not an order of the {self.ndim} dimensions of the array.",
                 "Name each axis once, from 0, or none to reverse them.")

    def copy(self) -> categorical:
        return self._with(self._codes)

    def tolist(self) -> Any:
        """The names as (nested) lists."""
        return np.asarray(self).tolist()

    def astype(self, dtype: Any) -> np.ndarray:
        """The names as an array of text, or the numbers that they name: ``Y.astype(int)``, for categories '0' to '9'.

        An undefined element is NaN in floating point; as an integer it is an error, as are names that are not numbers.
        """
        try:
            wanted = np.dtype(dtype)
            values = np.zeros(len(self._categories) + 1, wanted)
        except Exception:
            fail("categorical:invalidType", f"{show(dtype)} is not a data type.", "Use float, int or str.")
        if wanted.kind in "UOT":
            return self.__array__(wanted)
        if wanted.kind not in "fiub":
            fail("categorical:invalidType", f"Labels cannot become {wanted}.", "Use float, int or str.")
        present = np.unique(self._codes).tolist()
        for code in present:
            values[code] = self._number(code, integer=wanted.kind != "f")
        return np.asarray(values[self._codes, ...])

    def to_numpy(self) -> np.ndarray:
        """An array of names, as plots and other packages take it."""
        return np.asarray(self)

    def to_pandas(self) -> Any:
        """A ``pandas.Categorical`` of the same labels. Needs pandas and one dimension."""
        if self.ndim != 1:
            fail("categorical:notAVector", f"pandas holds labels in one dimension; these are {_times(self.shape)}.",
                 "Call Y.ravel().to_pandas().")
        pandas = require("pandas", needed_by="to_pandas")
        return pandas.Categorical.from_codes(self._codes, categories=self.categories, ordered=self._ordered)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("the names of a categorical array cannot be viewed without a copy")
        usual = np.str_ if self.ndim else STRING
        wanted = np.dtype(usual if dtype is None else dtype)
        if wanted.kind not in "UOT":
            fail("categorical:notNumeric", f"A categorical array cannot be turned into {wanted} numbers.",
                 "Use Y.codes for positions, or Y.astype(float) where the names are numbers.")
        return np.array([*self._categories, UNDEFINED], dtype=wanted)[self._codes, ...]

    def __array_function__(self, function: convert.Function, types: object, args: tuple[object, ...],
                           options: dict[str, object]) -> object:
        from dltoolbox.data.numpy_functions import array_function
        return array_function(function, args, options)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: object, **options: object) -> object:
        from dltoolbox.data.numpy_functions import array_ufunc
        return array_ufunc(ufunc, method, inputs, options)

    def __len__(self) -> int:
        return len(self._codes)

    def __iter__(self) -> Iterator[categorical]:
        return (self[at] for at in range(len(self)))

    def __contains__(self, label: object) -> bool:
        equal = self.__eq__(label)
        return equal is not NotImplemented and bool(np.any(equal))

    def __getitem__(self, index: Any) -> categorical:
        try:
            return self._with(self._codes[index if terminates(index) else show(index)])  # an index in itself is no index
        except IndexError:
            raise
        except Exception:
            raise IndexError(f"{show(index)} is not an index of a {_times(self.shape)} categorical array") from None

    def __setitem__(self, index: Any, value: object) -> None:
        if not self.ndim:
            fail("categorical:scalarAssignment", "A single label cannot be assigned: it is a copy.",
                 "Assign in its array, as in Y[0] = 'cat'.")
        refuse_lost(references(self), self, "categorical", LOST)
        given = names_in(value)
        used = [str(given.keys[code]) for code in np.unique(given.codes) if code >= 0]
        if self._ordered:
            self._require_known(used, "Assign one of them, or add the category with addcats first.")
        categories = tuple(dict.fromkeys([*self._categories, *used]))
        try:
            self._codes[index] = recode(given.codes, positions_among(given.keys, categories))
        except ValueError:
            fail("categorical:sizeMismatch", f"{_times(given.codes.shape)} labels do not fit into the indexed part "
                 f"of a {_times(self.shape)} categorical array.", "Assign one label, or as many as are indexed.")
        self._categories = categories

    def __hash__(self) -> int:
        """A label counts as its name; an undefined one equals nothing, and an array can change."""
        if self.ndim:
            raise TypeError("unhashable type: 'categorical'; its elements are hashable, as in set(Y) or counts[Y[0]]")
        return object.__hash__(self) if self._codes < 0 else hash(str(self))

    def __int__(self) -> int:
        return int(self._number(self._only("int"), integer=True))

    def __float__(self) -> float:
        return float(self._number(self._only("float")))

    def __bool__(self) -> bool:
        if self.ndim:
            return bool(len(self))
        fail("categorical:notLogical", "A category is neither true nor false.", "Compare it with a name: Y[0] == 'cat'.")

    def __eq__(self, other: object) -> Any:
        if not _comparable(other):
            return NotImplemented
        mine, theirs = self._pair(names_in(other, compared=True))
        return _plain((mine == theirs) & (mine >= 0))

    def __ne__(self, other: object) -> Any:
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else _plain(np.logical_not(equal))

    def __lt__(self, other: object) -> Any:
        return self._order(other, operator.lt)

    def __le__(self, other: object) -> Any:
        return self._order(other, operator.le)

    def __gt__(self, other: object) -> Any:
        return self._order(other, operator.gt)

    def __ge__(self, other: object) -> Any:
        return self._order(other, operator.ge)

    def __copy__(self) -> categorical:
        return self.copy()

    def __repr__(self) -> str:
        return _display(self) if self.ndim else f"categorical({str(self)!r})"

    def _repr_html_(self) -> str | None:
        return _html(self) if self.ndim else None

    def __str__(self) -> str:
        return self.tolist() if self.ndim == 0 else _display(self)

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def _only(self, kind: str) -> int:
        if self.size != 1:
            fail("categorical:notScalar", f"{kind} takes one label, but this is a {_times(self.shape)} categorical array.",
                 f"Use Y.astype({kind}) for all of them.")
        return int(self._codes.reshape(()))

    def _number(self, code: int, *, integer: bool = False) -> float:
        """The number that a category names."""
        name = self._categories[code] if code >= 0 else UNDEFINED
        with suppress(ValueError, OverflowError):
            if integer:
                number = float(LOGICAL_NAMES.get(name, name))
                return int(name) if name.isdecimal() else int(number) if number.is_integer() else int(name)
            return float("nan" if code < 0 else LOGICAL_NAMES.get(name, name))
        fail("categorical:notNumeric", f"{show(name)} is not {'an integer' if integer else 'a number'}.",
             "Use Y.codes for positions among the categories, Y.tolist() for names.")

    def _with(self, codes: np.ndarray) -> categorical:
        return categorical._of(codes, self._categories, self._ordered)

    def _pair(self, given: Encoded) -> tuple[np.ndarray, np.ndarray]:
        """Both sides as codes of this array's categories, -1 for names it lacks; one label is held against all.

        N labels are a column, whether their shape is (N,) or (N, 1).
        """
        mine, theirs = self._codes, recode(given.codes, positions_among(given.keys, self._categories))
        if mine.shape == theirs.shape:
            return mine, theirs
        if theirs.size == 1:
            return mine, theirs.reshape(())
        if mine.size == 1:
            return mine.reshape(()), theirs
        if _times(mine.shape) == _times(theirs.shape):  # (N,) and (N, 1): both are columns
            return mine, theirs.reshape(mine.shape)
        fail("categorical:sizeMismatch", f"A {_times(mine.shape)} categorical array cannot be compared with "
             f"{_times(theirs.shape)} labels.", "Give both the same shape, or compare with one label.")

    def _order(self, other: object, compare: Callable[[Any, Any], Any]) -> Any:
        if not _comparable(other):
            return NotImplemented
        if not self._ordered:
            fail("categorical:notOrdinal", "The categories have no order, so <, <=, > and >= mean nothing for them.",
                 "Create the array with Ordinal=True, or compare with == and !=; np.sort(Y) sorts by category, "
                 "sorted(Y, key=str) by name.")
        if isinstance(other, categorical) and (not other._ordered or other._categories != self._categories):
            fail("categorical:differentCategories", "With <, <=, > and >= only ordinal arrays with the same categories "
                 "in the same order can be compared.", f"Make the other alike: categorical(other, {list(self.categories)}, "
                 "Ordinal=True).")
        given = names_in(other, compared=True)
        self._require_known(given.keys, "Compare with one of them.")
        mine, theirs = self._pair(given)
        return _plain(compare(mine, theirs) & (mine >= 0) & (theirs >= 0))

    def _require_known(self, names: Sequence[object], hint: str) -> None:
        unknown = [name for name in names if name not in self._categories]
        if unknown:
            fail("categorical:unknownCategory", f"{show(unknown)[1:-1]} is not among the categories "
                 f"{show(self.categories)} of this ordinal array.", hint)


def _arguments(given: list[object], Ordinal: object) -> tuple[Any, Any, bool | None]:
    """The value set, the names and Ordinal, which may also come as a final pair ``'Ordinal', value``."""
    if isinstance(given[-2], str) and given[-2].lower() == "ordinal":
        given, Ordinal = given[:-2], given[-1]
    if len(given) > 2:
        fail("categorical:invalidArguments", f"{show(given[2:])} is left over.",
             "Call categorical(values, valueset, names, Ordinal=False).")
    valueset, names = given + [None] * (2 - len(given))
    try:
        return valueset, names, None if Ordinal is None else convert.flag(Ordinal)
    except InvalidValue as no:
        fail("categorical:invalidOrdinal", f"'Ordinal' must be {no.expected}, but it is {show(Ordinal)}.",
             f"Pass {no.expected}.")


def names_in(value: object, *, compared: bool = False) -> Encoded:
    """The codes and names of labels that meet a categorical array; numbers are an error."""
    if isinstance(value, categorical):
        return Encoded(value._codes, value._categories)
    given = encode(value)
    if given.keys and not is_text(given.keys):
        name = names_of(given.keys[:1])[0]
        fail("categorical:textExpected", ("Cannot compare category names with numbers" if compared else
             "Category names are text") + f", but {show(value)} is numeric or logical.",
             f"{'Compare with' if compared else 'Use'} {name!r}, or wrap the numbers: categorical(…).")
    return given


def _comparable(other: object) -> bool:
    """Whether a comparison means labels; with anything else Python compares identities."""
    return other is not None and (np.isscalar(other) or any(
        convert.attribute(other, name) is not None for name in ("__iter__", "__array__")))


def _plain(result: np.ndarray) -> Any:
    return bool(result) if np.ndim(result) == 0 else result


def _times(shape: tuple[int, ...]) -> str:
    """A size as MATLAB prints it; one dimension is a column."""
    return "×".join(map(str, shape if len(shape) > 1 else (*shape, 1, 1)[:2]))


def _display(array: categorical) -> str:
    """MATLAB's display, cut after `MAX_ROWS` rows; of more than two dimensions only the categories are listed."""
    if array.size == 0:
        return f"  {_times(array.shape)} empty categorical array"
    header = "  categorical" if array.ndim == 0 else f"  {_times(array.shape)} categorical array"
    if array.ndim > 2:
        return f"{header} with categories\n\n     " + printable(", ".join(array.categories))
    codes = array.codes if array.ndim == 2 else array.codes.reshape(-1, 1)
    table = np.asarray(categorical.from_codes(codes[:MAX_ROWS, :MAX_COLUMNS], array.categories))
    widths = [max(map(len, column)) for column in table.T.tolist()]
    lines = ["     " + "     ".join(name.ljust(width) for name, width in zip(row, widths, strict=True)).rstrip()
             for row in table.tolist()]
    left_out = [f"{count - shown} more {unit}" for count, shown, unit in
                zip(codes.shape, table.shape, ("rows", "columns"), strict=True) if count > shown]
    return printable("\n".join([header, "", *lines, *([f"     ⋮  ({', '.join(left_out)})"] if left_out else [])]))


def _html(array: categorical) -> str:
    """The first labels, and how many there are of each category."""
    names = np.asarray(array.ravel()[:MOST_FLOWING]).tolist() if array.ndim == 1 else []
    flow = ", ".join(names) + (", …" if array.size > len(names) > 0 else "")
    counts = np.bincount(array.codes.ravel() + 1, minlength=len(array.categories) + 1).tolist()
    rows = [[name, f"{count:,}"] for name, count in zip([UNDEFINED, *array.categories], counts, strict=True)]
    return (f"<div>{title_html(f'{_times(array.shape)} categorical array')}{text_html(flow)}</div>"
            + table_html("Ordinal categories" if array.ordered else "Categories", ["Category", "Count"],
                         rows[1:] + rows[:counts[0] > 0], {"Count"}))
