"""Runs of the tests of the rules over a text with one change, side by side, none of them twice."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from queue import SimpleQueue

from remit.cli.policy.mutants import Mutant
from remit.cli.policy.outcomes import Outcome, Outcomes
from remit.cli.policy.syntax import Module, digest_of
from remit.cli.stack.opa_run import run_opa

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
        """Return a file, the tests beside it, and all that they read; nothing without tests."""
        tests = [
            m
            for m in self.modules
            if m.is_test and m.path.parent == module.path.parent and _tests(m, module)
        ]
        found: set[Path] = set()
        waiting = [module, *tests] if tests else []
        while waiting:
            following = waiting.pop()
            if following.path not in found:
                found.add(following.path)
                waiting += self._read_by(following)
        documents = self.texts.keys() - {m.path for m in self.modules}
        return frozenset(found | documents) if tests else frozenset()

    def _read_by(self, module: Module) -> Iterator[Module]:
        """Yield the files whose packages a file imports, or reads below a name."""
        for name in module.imports:
            named = (p for p in self._packages if name == p or name.startswith(f"{p}."))
            yield from self._packages.get(max(named, key=len, default=""), ())
        for name in filter(None, module.reads):
            for package, files in self._packages.items():
                yield from files if package.startswith(f"{name}.") else ()

    @cached_property
    def _packages(self) -> Mapping[str, list[Module]]:
        found: dict[str, list[Module]] = {}
        for module in self.modules:
            found.setdefault(module.package, []).append(module)
        return found


def _tests(test: Module, module: Module) -> bool:
    """Whether tests are a file's own: by their name, or because they import its package."""
    return test.path.stem == f"{module.path.stem}_test" or module.package in test.imports


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
            test = ("test", "--fail-on-empty", *named)
            done = run_opa(self._opa, *test, folder=place, is_one_of_many=True)
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
