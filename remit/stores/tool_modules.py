"""Importing the Python files of a project's `tools` folder, and finding their functions.

Each file becomes the module `tools.<name>` while the folder is read, so the files may import one
another (`from tools.rates import table`, at the top of the file). Afterwards `sys.modules` is as
it was before (`remit.stores.tool_functions`).
"""

import importlib
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from remit.diagnostic import InvalidDocumentError
from remit.stores.tool_files import Reading, files, read_file
from remit.stores.tool_functions import PACKAGE, find, package
from remit.tool.binding import BoundFunction, bind
from remit.tool.kinds import PythonKind
from remit.tool.process import ProcessKind
from remit.tool.python import contract_of


def read_modules(reading: Reading, folder: Path) -> Mapping[str, ModuleType]:
    """Import every `.py` file of `folder`; contracts of decorated functions go to `reading`."""
    modules: dict[str, ModuleType] = {}
    with package(PACKAGE, folder):
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
            function = find(call.function, modules)
            bound[call.function] = BoundFunction(function, bind(function))
        except InvalidDocumentError as error:
            reading.findings.extend(error.diagnostics)
        except LookupError as error:
            file = reading.folder / reading.sources[contract.ref]
            hint = "name it `module:function`; a file of `tools` is the module `tools.<name>`"
            reading.report(file, "TOOL-FUNCTION", f"{contract.ref}: {error.args[0]}", hint)
    return bound


def _import(reading: Reading, file: Path) -> ModuleType | None:
    if not file.stem.isidentifier():
        message = f"{file.stem!r} cannot be a module's name"
        reading.report(file, "TOOL-MODULE", message, "use letters, digits and '_'")
        return None
    try:
        return importlib.import_module(f"{PACKAGE}.{file.stem}")
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
