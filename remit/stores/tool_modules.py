"""Importing the Python files of a project's `tools` folder, and finding their functions.

Each file becomes the module `tools.<name>` while the folder is read, so the files may import one
another (`from tools.rates import table`, at the top of the file). Afterwards `sys.modules` is as
it was before: two projects in one process do not see each other, and `sys.path` is never touched.
Importing runs the file: a project's tools are code that its owner trusts.
"""

import importlib
import importlib.util
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from remit.diagnostic import InvalidDocumentError
from remit.stores.tool_files import Reading, files, read_file
from remit.tool.binding import BoundFunction, bind
from remit.tool.kinds import PythonKind
from remit.tool.process import ProcessKind
from remit.tool.python import contract_of

Function = Callable[..., object]
_PACKAGE = "tools"
_lock = threading.Lock()


def read_modules(reading: Reading, folder: Path) -> Mapping[str, ModuleType]:
    """Import every `.py` file of `folder`; contracts of decorated functions go to `reading`."""
    modules: dict[str, ModuleType] = {}
    with _package(folder):
        for file in files(reading, folder, ".py"):
            if read_file(reading, file) is None:
                continue
            module = _import(reading, file)
            if module is not None:
                modules[module.__name__] = module
                _take_contracts(reading, file, module)
    return modules


def bound_functions(
    reading: Reading, modules: Mapping[str, ModuleType]
) -> dict[str, BoundFunction]:
    """Return the functions that `python` and `process` contracts name, by `module:function`.

    A module that is not the project's own is imported from what is installed.
    """
    bound: dict[str, BoundFunction] = {}
    for contract in reading.contracts:
        call = contract.call
        if not isinstance(call, PythonKind | ProcessKind) or call.function in bound:
            continue
        try:
            function = _find(call.function, modules)
            bound[call.function] = BoundFunction(function, bind(function))
        except InvalidDocumentError as error:
            reading.findings.extend(error.diagnostics)
        except LookupError as error:
            file = reading.folder / reading.sources[contract.ref]
            hint = "name it `module:function`; a file of `tools` is the module `tools.<name>`"
            reading.report(file, "TOOL-FUNCTION", f"{contract.ref}: {error.args[0]}", hint)
    return bound


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
    if name.split(".")[0] == _PACKAGE:
        with _package(folder):
            if importlib.util.find_spec(name) is not None:
                modules[name] = importlib.import_module(name)
    function = _find(address, modules)
    return BoundFunction(function, bind(function))


@contextmanager
def _package(folder: Path) -> Iterator[None]:
    """Let `tools` mean `folder` for as long as the block lasts."""
    with _lock:
        held = {name: sys.modules.pop(name) for name in _ours()}
        wrote, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        package = ModuleType(_PACKAGE)
        package.__path__ = [str(folder)]
        sys.modules[_PACKAGE] = package
        importlib.invalidate_caches()
        try:
            yield
        finally:
            sys.dont_write_bytecode = wrote
            for name in _ours():
                del sys.modules[name]
            sys.modules.update(held)


def _ours() -> list[str]:
    return [n for n in sys.modules if n == _PACKAGE or n.startswith(f"{_PACKAGE}.")]


def _import(reading: Reading, file: Path) -> ModuleType | None:
    if not file.stem.isidentifier():
        message = f"{file.stem!r} cannot be a module's name"
        reading.report(file, "TOOL-MODULE", message, "use letters, digits and '_'")
        return None
    try:
        return importlib.import_module(f"{_PACKAGE}.{file.stem}")
    except InvalidDocumentError as error:
        for each in error.diagnostics:
            reading.report(file, each.code, each.message, each.hint, each.path)
    except (Exception, SystemExit) as error:
        message = f"importing it raised {type(error).__name__}: {str(error)[:300]}"
        reading.report(file, "TOOL-MODULE", message, "put the file right")
    return None


def _take_contracts(reading: Reading, file: Path, module: ModuleType) -> None:
    for value in list(vars(module).values()):
        contract = contract_of(value)
        if contract is not None and getattr(value, "__module__", None) == module.__name__:
            reading.add(contract, reading.name_of(file))


def _find(address: str, modules: Mapping[str, ModuleType]) -> Function:
    name, _, function = address.partition(":")
    module = modules.get(name)
    if module is None and name.split(".")[0] != _PACKAGE:
        module = _installed(name)
    found = getattr(module, function, None)
    if not callable(found):
        raise LookupError(f"there is no function {address!r}")
    made: Function = found
    return made


def _installed(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise LookupError(f"importing {name!r} raised {type(error).__name__}") from error
