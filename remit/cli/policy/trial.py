"""Runs of the tests of the rules over a text with one change, side by side, none of them twice."""

import hashlib
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from queue import SimpleQueue

from remit.cli.policy.mutants import Mutant
from remit.cli.policy.outcomes import Outcome, Outcomes
from remit.cli.policy.syntax import Module, digest_of, frugal

_DEADLINE_S = 120
_PASSED, _FAILED = 0, 2
"""What `opa test` ends with; anything else is a text that it does not take."""


@dataclass(frozen=True)
class Suite:
    """Folders whose tests are run together; the rules of the last are mutated."""

    folders: tuple[Path, ...]
    modules: tuple[Module, ...]
    generated: frozenset[Path]
    """Files that are not mutated."""

    @cached_property
    def texts(self) -> Mapping[Path, bytes]:
        """Everything that a run reads: rules, tests and data."""
        found = {module.path: module.text.encode() for module in self.modules}
        for folder in self.folders:
            for pattern in ("*.yaml", "*.yml"):
                found |= {file: file.read_bytes() for file in sorted(folder.rglob(pattern))}
        return found

    def mutated(self) -> Iterator[Module]:
        """Yield the files whose rules are mutated."""
        for module in self.modules:
            own = module.path.is_relative_to(self.folders[-1])
            if own and not module.is_test and module.path not in self.generated:
                yield module

    def beside(self, module: Module) -> frozenset[Path]:
        """Return a file, the tests beside it that read it, and all they import."""
        by_package: dict[str, list[Module]] = {}
        for other in self.modules:
            by_package.setdefault(other.package, []).append(other)
        tests = [
            m
            for m in self.modules
            if m.is_test
            and m.path.parent == module.path.parent
            and any(_reaches(name, module.package) for name in m.imports)
        ]
        if not tests:
            return frozenset()
        found: set[Path] = set()
        waiting = [module, *tests]
        while waiting:
            following = waiting.pop()
            if following.path not in found:
                found.add(following.path)
                for name in following.imports:
                    for package, files in by_package.items():
                        waiting += files if _reaches(name, package) else []
        return frozenset(found | (self.texts.keys() - {m.path for m in self.modules}))


def _reaches(imported: str, package: str) -> bool:
    """Whether an import names a package or a rule of it."""
    return imported == package or imported.startswith(f"{package}.")


class Trial:
    """Runs tests over a text with one change; one copy of the folders for each run at a time."""

    def __init__(self, opa: Path, suite: Suite, outcomes: Outcomes, folder: Path) -> None:
        self._opa = opa
        self._suite = suite
        self._outcomes = outcomes
        self._places: SimpleQueue[Path] = SimpleQueue()
        self._digests = {p: digest_of(t.decode()) for p, t in suite.texts.items()}
        self.workers = os.cpu_count() or 1
        for number in range(self.workers):
            self._places.put(self._copied(folder / str(number)))

    def outcome(self, module: Module, mutant: Mutant) -> Outcome:
        """Return what becomes of a mutant: first beside its file, then before all tests."""
        near = self._suite.beside(module)
        if near and self._run(near, None, "") == "survived":
            found = self._run(near, module, mutant.text(module.text))
            if found != "survived":
                return found
        return self._run(frozenset(self._suite.texts), module, mutant.text(module.text))

    def _run(self, files: frozenset[Path], module: Module | None, text: str) -> Outcome:
        changed = module.path if module else None
        digests = {str(self._named(f)): self._digests[f] for f in files if f != changed}
        if changed is not None:
            digests[str(self._named(changed))] = digest_of(text)
        key = hashlib.sha256(repr(sorted(digests.items())).encode()).hexdigest()
        known = self._outcomes.get(key)
        if known is None:
            known = self._asked(files, changed, text)
            self._outcomes.put(key, known)
        return known

    def _asked(self, files: frozenset[Path], changed: Path | None, text: str) -> Outcome:
        place = self._places.get()
        try:
            if changed is not None:
                (place / self._named(changed)).write_text(text, encoding="utf-8")
            named = sorted(self._argument(file) for file in files)
            done = subprocess.run(
                [str(self._opa), "test", "--fail-on-empty", *named],
                check=False,
                capture_output=True,
                cwd=place,
                timeout=_DEADLINE_S,
                env=frugal(),
            )
            if done.returncode == _PASSED:
                return "survived"
            return "killed" if done.returncode == _FAILED else "refused"
        finally:
            if changed is not None:
                (place / self._named(changed)).write_bytes(self._suite.texts[changed])
            self._places.put(place)

    def _copied(self, place: Path) -> Path:
        for file, text in self._suite.texts.items():
            copy = place / self._named(file)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(text)
        return place

    def _named(self, file: Path) -> Path:
        """Return a name that is the same wherever the folders stand."""
        for number, folder in enumerate(self._suite.folders):
            if file.is_relative_to(folder):
                return Path(str(number), file.relative_to(folder))
        raise ValueError(f"{file} is in none of the folders")

    def _argument(self, file: Path) -> str:
        """Return how OPA is told to load a file: the folder of a data document is its path."""
        named = self._named(file)
        inside = ".".join(named.parts[1:-1])
        return f"{inside}:{named}" if inside and file.suffix != ".rego" else str(named)
