"""Finding the network for a command: in a script, in a module, in a saved file."""

from __future__ import annotations

import ast
import functools
import importlib
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from inspect import isfunction
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO, cast

from dltoolbox.core.display import listed
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import did_you_mean, show
from dltoolbox.exchange.archive import loadNetwork
from dltoolbox.layers.base import Layer, flat, is_factory
from dltoolbox.network.dlnetwork import dlnetwork
from dltoolbox.network.graph.layer_graph import LayerGraph
from dltoolbox.network.networks import DAGNetwork

PACKAGE = Path(__file__).parents[1]


class ScriptError(Exception):
    """The user's own code failed; the text is its traceback without the frames of the toolbox."""


class Aside:
    """Standard error in the place of standard output; nobody sits in front of it, so that nothing opens a window."""

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr, name)

    def isatty(self) -> bool:
        return False

    def close(self) -> None:
        """Standard error stays open for what the command has to say."""


@contextmanager
def printing_aside() -> Iterator[None]:
    """Standard output belongs to the command: what is printed inside goes to standard error, by other programs as well."""
    real = sys.__stdout__
    with redirect_stdout(cast(TextIO, Aside())):
        if real is None:
            yield
            return
        real.flush()
        kept = os.dup(1)
        os.dup2(2, 1)
        try:
            yield
        finally:
            real.flush()
            os.dup2(kept, 1)
            os.close(kept)


@contextmanager
def isolated_modules() -> Iterator[None]:
    """Afterwards, modules that were found beside a network are forgotten, so that those of another are its own."""
    path, known = list(sys.path), set(sys.modules)
    try:
        yield
    finally:
        folders = [Path(entry).resolve() for entry in sys.path if entry not in path]
        sys.path[:] = path
        for name in set(sys.modules) - known:
            file = Path(getattr(sys.modules[name], "__file__", None) or os.devnull).resolve()
            if "site-packages" not in file.parts and any(folder in file.parents for folder in folders):
                del sys.modules[name]


def networks_from(text: str) -> dict[str, Any]:
    """Names and layers of the networks that the argument of a command means.

    Args:
        text: ``file.py`` or ``file.py:name``: the script is executed, and what it defines at top level is taken.
            ``package.module:name``: the module is imported, with the current folder first. Anything else is a file
            that `saveNetwork` wrote. A name may be that of a function without arguments, or a call with arguments that are
            plain values: ``build(10, depth=3)``.

    Returns:
        One network; several where a script has trained several.

    Raises:
        ScriptError: where the script or the module fails.
        DltoolboxError: ``dltoolbox:analyze:fileNotFound``, ``…:noNetwork``, ``…:severalNetworks``, ``…:unknownName``,
            ``…:notANetwork``, ``…:invalidCall``, ``…:moduleNotFound``, ``…:notebook``, ``…:cannotRead``; and what
            `loadNetwork` raises.
    """
    file, name = (text, "") if os.path.exists(text) else parted(text)
    path = Path(file)
    kind = path.suffix.lower()
    if name and kind not in (".py", ".ipynb"):
        return {name.partition("(")[0].rpartition(".")[2]: named(imported(file), name, file)}
    if not os.path.isfile(path):
        fail("analyze:fileNotFound", f"'{file}' is a folder." if os.path.isdir(path) else f"There is no file '{file}'.",
             "Pass a script, package.module:name or a saved network.")
    if kind == ".ipynb":
        fail("analyze:notebook", f"'{file}' is a notebook.", "Call analyzeNetwork(layers) in it, or save its code as a "
             f"script: jupyter nbconvert --to script {file}.")
    if kind != ".py":
        return {path.stem: loadNetwork(file)}
    module = executed(path)
    if name:
        return {f"{path.stem}:{name}": named(module, name, file)}
    networks = networks_of(module, file)
    return {path.stem if len(networks) == 1 else f"{path.stem}:{name}": network for name, network in networks.items()}


def parted(text: str) -> tuple[str, str]:
    """``file.py`` and ``name``, or a call of it; a colon after a drive letter parts nothing."""
    call = text.find("(")
    file, colon, name = text[:call].rpartition(":") if call > 0 else text.rpartition(":")
    if not (colon and name.replace(".", "").isidentifier()):
        return text, ""
    return file, name + (text[call:] if call > 0 else "")


def executed(path: Path) -> ModuleType:
    """The module that a script is, after running it. It is not ``__main__``, so what it guards with that is left out."""
    try:
        code = path.read_bytes()
    except OSError as error:
        fail("analyze:cannotRead", f"'{path}' cannot be read: {error.strerror}.", "Check the permissions.")
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    sys.modules.setdefault(module.__name__, module)  # where its own classes look for themselves
    with users_code(str(path.resolve().parent), [str(path)]):
        exec(compile(code, str(path), "exec"), module.__dict__)
    return module


def imported(name: str) -> ModuleType:
    with users_code(str(Path.cwd()), sys.argv):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            missing = error.name or ""
            if not f"{name}.".startswith(f"{missing}."):
                raise
    fail("analyze:moduleNotFound", f"There is no module '{missing}' in this folder or among the installed packages.",
         "Pass package.module:name, or the path of a script.")


@contextmanager
def users_code(folder: str = "", arguments: list[str] | None = None) -> Iterator[None]:
    """Runs code as Python runs a script: its folder is searched first, it sees its own arguments. It prints aside.

    Whatever it raises becomes a `ScriptError`.
    """
    before, sys.argv = sys.argv, sys.argv if arguments is None else arguments
    if folder:
        sys.path.insert(0, folder)
    try:
        with printing_aside():
            yield
    except SystemExit as end:
        if end.code not in (None, 0):
            raise ScriptError(f"The script exited with status {end.code}.") from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise ScriptError(own_traceback(error)) from None
    finally:
        sys.argv = before


def own_traceback(error: BaseException) -> str:
    """A traceback that begins where the user's code does and leaves out what happened inside the toolbox."""
    told = traceback.TracebackException.from_exception(error)
    ours = (str(PACKAGE), "<frozen importlib", importlib.__file__, functools.__file__)
    told.stack = traceback.StackSummary.from_list([frame for frame in told.stack if not frame.filename.startswith(ours)])
    return "".join(told.format()).rstrip()


def networks_of(module: ModuleType, file: str) -> dict[str, Any]:
    """The network that a module defines at top level, under the first of its names. After training, what came out of it
    counts, not what went in, and there may be several: nobody is to train again to say which.

    Where there is no network, a list in which something is no layer was meant to be one: its analysis says what is wrong.
    """
    public = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    trained = {name: value for name, value in public.items() if isinstance(value, (DAGNetwork, dlnetwork))}
    networks = unique(trained or {name: value for name, value in public.items() if is_network(value)}
                      or {name: value for name, value in public.items() if is_network(value, any)})
    if len(networks) == 1 or trained:
        return networks
    if networks:
        fail("analyze:severalNetworks", f"'{file}' defines {len(networks)} networks: {listed(networks)}.",
             f"Say which: {file}:{next(reversed(networks))}.")
    functions = [name for name in own_names(module) if isfunction(getattr(module, name, None))]
    fail("analyze:noNetwork", f"'{file}' defines no layer array, layer graph or network at top level.",
         "Assign one to a name outside of functions and of if __name__ == '__main__', or name a function that returns "
         f"one: {file}:{[*functions, 'name'][0]}.")


def unique(values: dict[str, Any]) -> dict[str, Any]:
    """Each value once, under its first name."""
    names: dict[int, str] = {}
    for name, value in values.items():
        names.setdefault(id(value), name)
    return {name: values[name] for name in names.values()}


def is_network(value: object, enough: Callable[[Iterable[bool]], bool] = all) -> bool:
    """Whether a value is a network or a list that holds only layers, or ``any``."""
    if isinstance(value, (list, tuple)):
        return bool(value) and enough(isinstance(item, Layer) or is_factory(item) for item in flat(value))
    return isinstance(value, LayerGraph)


def own_names(value: object) -> list[str]:
    """Candidates for a misspelt name: what a package offers; else networks, functions and classes that were not imported."""
    return getattr(value, "__all__", None) or [
        name for name, member in vars(value).items()
        if is_network(member) or getattr(member, "__module__", "") == getattr(value, "__name__", None)]


def named(module: ModuleType, text: str, file: str) -> Any:
    """An attribute of a module, ``a.b`` as well; a function is called, except those of architectures, which say how."""
    name, call, _ = text.partition("(")
    arguments, options = call_arguments(text, file) if call else ([], {})
    value: Any = module
    for part in name.split("."):
        if not hasattr(value, part):
            fail("analyze:unknownName", f"'{file}' has no '{name}'.",
                 did_you_mean(part, own_names(value)) or "Pass the name of a layer array, a layer graph or a function.")
        value = getattr(value, part)
    if call or (callable(value) and not hasattr(value, "untrained")):
        with users_code():
            value = value(*arguments, **options)
    if not hasattr(value, "untrained") and not isinstance(value, (list, tuple, Layer, LayerGraph)):
        fail("analyze:notANetwork", f"'{text}' of '{file}' is {show(value)}, not a network.",
             "Name a layer array, a layer graph, a network, or a function that returns one.")
    return value


def call_arguments(text: str, file: str) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of ``build(10, depth=3)``."""
    try:
        call = ast.parse(text, mode="eval").body
        assert isinstance(call, ast.Call)
        return ([ast.literal_eval(argument) for argument in call.args],
                {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords})
    except (SyntaxError, ValueError, AssertionError):
        name = text.partition("(")[0]
        fail("analyze:invalidCall", f"'{text}' is not a call with plain values.",
             f"Pass numbers, text in quotes or lists, such as '{file}:{name}(10)', or write {file}:{name} for a call "
             "without arguments.")
