"""GPUs and parallel pools as scripts ask for them: there are none, and what only moves data there leaves it where it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from dltoolbox.core.arrays import array_of
from dltoolbox.core.convert import choice, integer
from dltoolbox.core.errors import fail, warn_once
from dltoolbox.core.nargout import outputs
from dltoolbox.core.properties import InvalidValue, show
from dltoolbox.runtime.threads import thread_count


def gpuArray(X: object) -> Any:
    """The array itself: nothing is moved, and networks take arrays as they are.

    Args:
        X: An array of numbers or logicals, which is returned as it is, or a list of numbers, which becomes an array.

    Returns:
        The array.

    Raises:
        DltoolboxError: ``dltoolbox:gpuArray:notNumeric`` for anything else.

    Example:
        >>> gpuArray([1, 2]) + 1
        array([2, 3])
    """
    array = array_of(X)
    if array is None or array.dtype.kind not in "biufc":
        fail("gpuArray:notNumeric", f"X must be an array of numbers, but it is {show(X)}.",
             "Pass numbers; labels and networks stay as they are.")
    return array


def gather(*arrays: object, nargout: int | None = None) -> Any:
    """The arrays themselves: nothing has to be fetched from a GPU or from workers.

    Args:
        *arrays: One value or several, of any type.
        nargout: The number of outputs; by default as many as there are arrays.

    Returns:
        The value, or a tuple of several.

    Raises:
        DltoolboxError: ``dltoolbox:gather:noArray`` for a call without arguments, ``…:nargout``.

    Example:
        >>> gather(3), gather(1, 2)
        (3, (1, 2))
    """
    if not arrays:
        fail("gather:noArray", "gather needs at least one array.", "Call X = gather(X).")
    return outputs(arrays, len(arrays) if nargout is None else nargout, "gather")


def canUseGPU() -> bool:
    """Whether networks can run on a GPU: False in this release.

    Example:
        >>> canUseGPU()
        False
    """
    return False


def gpuDeviceCount(devices: str = "all") -> int:
    """The number of GPUs that networks can run on: 0 in this release.

    Args:
        devices: Which ones count, 'all', 'supported' or 'available'.

    Raises:
        DltoolboxError: ``dltoolbox:gpuDeviceCount:invalidDevices`` for another word.

    Example:
        >>> gpuDeviceCount('available')
        0
    """
    _check_argument("gpuDeviceCount", "devices", choice("all", "supported", "available"), devices)
    return 0


class GPUDevice(NamedTuple):
    """The result of `gpuDevice`: no GPU, with no memory."""

    Name: str = "none"
    Index: int = 0
    TotalMemory: int = 0
    AvailableMemory: int = 0
    DeviceSupported: bool = False
    DeviceAvailable: bool = False
    DeviceSelected: bool = False


def gpuDevice(index: object = None) -> GPUDevice:
    """Select a GPU, or ask about the selected one: there is none in this release, which one warning per session says.

    Args:
        index: The number of a GPU, from 1; [] selects none.

    Returns:
        A description without a device: ``DeviceAvailable`` is False, ``AvailableMemory`` 0.

    Raises:
        DltoolboxError: ``dltoolbox:gpuDevice:invalidIndex`` for what is not a number of a device.
    """
    if index is not None and not (isinstance(index, (list, tuple)) and not index):
        _check_argument("gpuDevice", "index", integer(), index)
    warn_once("gpuDevice:noDevice", "There is no GPU to select: this release runs networks on the CPU.",
              "Ask canUseGPU() first, or remove the line.")
    return GPUDevice()


def canUseParallelPool() -> bool:
    """Whether there are workers to share work with: False in this release, which runs networks on threads of one process.

    Example:
        >>> canUseParallelPool()
        False
    """
    return False


class ParallelPool(NamedTuple):
    """The result of `parpool`: the threads that networks run on, which are there anyhow."""

    NumWorkers: int
    Connected: bool = True


def parpool(*arguments: object, **options: object) -> ParallelPool:
    """Start workers: none are needed, as networks run on threads of this process. One warning per session says so.

    Args:
        *arguments: Whatever MATLAB takes: a profile, a number of workers, name-value pairs. Nothing depends on it.
        **options: Likewise.

    Returns:
        A pool whose ``NumWorkers`` is the number of threads that networks run on; `maxNumCompThreads` changes it.
    """
    warn_once("parpool:noWorkers", "No workers are started: this release runs networks on threads of this process.",
              "Call maxNumCompThreads(n) for n threads, and remove parpool.")
    return ParallelPool(thread_count())


def _check_argument(function: str, name: str, convert: Callable[[object], object], value: object) -> None:
    try:
        convert(value)
    except InvalidValue as no:
        fail(f"{function}:invalid{name.capitalize()}", f"'{name}' of {function} must be {no.expected}, but it is "
             f"{show(value)}.", f"Pass {no.expected}.")
