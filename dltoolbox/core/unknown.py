"""The size that a problem hides.

The layers behind a problem are walked all the same, with a symbol for what is not known there. What is computed from it is
not known either. In comparisons it equals whatever it meets, and everything divides it: so it is never a mismatch, and no
check fails because of it. It prints as ``?``. Where nobody but the user's data decides, as on the number of observations,
a size is None instead: that is open, not unknown.
"""

from __future__ import annotations

from typing import Any, NoReturn, cast


class Unknown:
    """Of one value, `UNKNOWN`. It has no hash, as being equal to it says nothing about two others."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]

    def unknown(self, *_: Any) -> Unknown:
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __floordiv__ = __rfloordiv__ = unknown
    __truediv__ = __rtruediv__ = __neg__ = __floor__ = __ceil__ = unknown

    def __mod__(self, _: Any) -> int:
        return 0

    def __eq__(self, _: object) -> bool:
        return True

    __ge__ = __le__ = __eq__

    def __lt__(self, _: object) -> bool:
        return False

    __gt__ = __lt__

    def __index__(self) -> NoReturn:
        raise TypeError("an unknown size is not a number")

    def __repr__(self) -> str:
        return "?"


UNKNOWN = cast(int, Unknown())  # pages and ops compute with it as with any size, so it has the type of one


def is_known(*sizes: object) -> bool:
    """Whether no size is unknown; open ones count as known."""
    return not any(isinstance(size, Unknown) for size in sizes)


def agreed(*sizes: int | None) -> int | None:
    """The size that some sizes have in common, as far as they are known; UNKNOWN where there is none."""
    numbers = {size for size in sizes if size is not None and is_known(size)}
    is_open = not numbers and any(size is None for size in sizes)
    return None if is_open else numbers.pop() if len(numbers) == 1 else UNKNOWN
