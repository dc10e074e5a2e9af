"""Finding a function of a project, or of what is installed, by `module:function`.

A file of the project's `tools` folder is the module `tools.<name>` only while `package` lasts; so
two projects in one process do not see each other, and `sys.path` is never touched. Importing runs
the file: a project's tools are code that its owner trusts. The same holds of any other folder of
functions. Loads little: a process of its own for a
single call begins here.
"""

import importlib
import importlib.util
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from remit.tool.binding import BoundFunction, bind

Function = Callable[..., object]
PACKAGE = "tools"
_lock = threading.Lock()


@contextmanager
def package(name: str, folder: Path) -> Iterator[None]:
    """Let `name` mean `folder` for as long as the block lasts."""

    def ours() -> list[str]:
        return [n for n in sys.modules if n == name or n.startswith(f"{name}.")]

    with _lock:
        held = {each: sys.modules.pop(each) for each in ours()}
        wrote, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        made = ModuleType(name)
        made.__path__ = [str(folder)]
        sys.modules[name] = made
        importlib.invalidate_caches()
        try:
            yield
        finally:
            sys.dont_write_bytecode = wrote
            for each in ours():
                del sys.modules[each]
            sys.modules.update(held)


def find(address: str, modules: Mapping[str, ModuleType]) -> Function:
    """Return the function at `module:function`, of the project's `modules` or of what is installed.

    Raises:
        LookupError: there is none.
    """
    name, _, function = address.partition(":")
    module = modules.get(name)
    if module is None and name.split(".")[0] != PACKAGE:
        module = _installed(name)
    found = getattr(module, function, None)
    if not callable(found):
        raise LookupError(f"there is no function {address!r}")
    made: Function = found
    return made


def bound_function(folder: Path, address: str) -> BoundFunction:
    """Import the one function that a contract names, with the modules that its own imports.

    Args:
        folder: the project's `tools`.
        address: `module:function`.

    Raises:
        LookupError: there is no such function.
        InvalidDocumentError: its types have no JSON form.
        Exception: whatever importing its module raises.
    """
    name = address.partition(":")[0]
    modules: dict[str, ModuleType] = {}
    if name.split(".")[0] == PACKAGE:
        with package(PACKAGE, folder):
            if importlib.util.find_spec(name) is not None:
                modules[name] = importlib.import_module(name)
    function = find(address, modules)
    return BoundFunction(function, bind(function))


def _installed(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise LookupError(f"importing {name!r} raised {type(error).__name__}") from error
