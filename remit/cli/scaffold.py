"""`remit init`: a user's own folder, made of the templates inside this package.

Writes new files only: a folder that already holds one of them is left as it is.
"""

from collections.abc import Mapping
from pathlib import Path

from remit.cli.errors import ExitCode, usage
from remit.cli.output import answer

TEMPLATES = Path(__file__).parent / "templates" / "project"
_RENAMED = {"gitignore": ".gitignore"}
"""Files that stand under another name here, because their own would already mean something."""
_PASSED_OVER = ("__pycache__",)


def init(folder: Path, *, as_json: bool) -> int:
    """Make a project in `folder`."""
    target = folder.absolute()
    planned = _planned(target)
    _check(target, planned)
    try:
        for file, source in planned.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("xb") as made:
                made.write(source.read_bytes())
    except OSError as error:
        message = f"{str(target)!r} cannot be written: {error.strerror}"
        raise usage("FILE-UNWRITABLE", message, "name a folder of yours") from error
    files = [file.relative_to(target).as_posix() for file in planned]
    steps = [f"remit up {folder}", f"remit run {folder / 'plans' / 'hello.yaml'}"]
    document = {"ok": True, "folder": str(target), "files": files, "next": steps}
    lines = [f"{target}:", *(f"  {name}" for name in files), "next:", *(f"  {s}" for s in steps)]
    answer(document, lines, as_json=as_json)
    return ExitCode.OK


def _planned(target: Path) -> Mapping[Path, Path]:
    """Return every file to write with the template it is made of, in a fixed order."""
    sources = sorted(path for path in TEMPLATES.rglob("*") if path.is_file())
    return {
        target / source.relative_to(TEMPLATES).with_name(_RENAMED.get(source.name, source.name)): (
            source
        )
        for source in sources
        if not set(_PASSED_OVER) & set(source.parts)
    }


def _check(target: Path, planned: Mapping[Path, Path]) -> None:
    if target.exists() and not target.is_dir():
        raise usage("PROJECT-EXISTS", f"{str(target)!r} is a file", "name a new folder")
    there = [file.relative_to(target).as_posix() for file in planned if file.exists()]
    if there:
        raise usage(
            "PROJECT-EXISTS",
            f"{str(target)!r} already has {', '.join(there[:5])}; nothing was written",
            "name a new folder",
        )
