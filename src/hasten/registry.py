"""Find the codemods that are installed: every module of every package in the entry-point group `hasten.codemods`.

The engine knows no codemod by name. A package is walked; each public module, or package, in it is one codemod: the one
class defined there that derives from `Codemod`. Its name is the module's, in kebab-case. Third parties use the same
group.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hasten.errors import RegistryError

if TYPE_CHECKING:
    from types import ModuleType

    from hasten.api import Codemod

GROUP = "hasten.codemods"
_OWN = "hasten"
# Where the sources are on the path and hasten is not installed, its own codemods are still there to be found.
_OWN_PACKAGE = "hasten_codemods"


@dataclass(frozen=True, slots=True)
class Registry:
    """The codemods that were found.

    Attributes:
        codemods: one instance of each class, sorted by name.
        problems: a sentence for each third-party package or module that could not be used.
        origins: the distribution of each codemod, in the order of `codemods`.
    """

    codemods: tuple[Codemod, ...]
    problems: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Codemod]:
        """Iterate over the codemods."""
        return iter(self.codemods)


def load() -> Registry:
    """Import and return all installed codemods.

    Raises:
        RegistryError: two codemods claim one name, or one of hasten's own cannot be imported.
    """
    found: dict[str, tuple[Codemod, str]] = {}
    problems: list[str] = []
    for distribution, package in _packages():
        own = distribution == _OWN
        try:
            modules = _module_names(package)
        except Exception as error:  # noqa: BLE001 - any error of a foreign package must not stop a run
            problems.append(_broken(distribution, package, error, fatal=own))
            continue
        for name in modules:
            try:
                codemod = _codemod_of(importlib.import_module(name))
            except Exception as error:  # noqa: BLE001 - as above
                problems.append(_broken(distribution, name, error, fatal=own))
                continue
            if codemod.name in found:
                other = found[codemod.name][1]
                message = f"the codemod {codemod.name!r} is in both {other} and {distribution}; uninstall one of them"
                raise RegistryError(message)
            found[codemod.name] = (codemod, distribution)
    names = sorted(found)
    return Registry(
        codemods=tuple(found[name][0] for name in names),
        problems=tuple(sorted(problems)),
        origins=tuple(found[name][1] for name in names),
    )


def _packages() -> Iterator[tuple[str, str]]:
    """Yield distribution and package of each entry point, hasten's own first, then by name."""
    points = {
        # An editable install that is also on the path shows up twice; it is one.
        (point.dist.name if point.dist else point.name, point.value)
        for point in importlib.metadata.entry_points(group=GROUP)
    }
    if not any(package == _OWN_PACKAGE for _, package in points) and importlib.util.find_spec(_OWN_PACKAGE):
        points.add((_OWN, _OWN_PACKAGE))
    yield from sorted(points, key=lambda point: (point[0] != _OWN, point))


def _module_names(package: str) -> list[str]:
    """Import a package and return the full names of its public modules, sorted."""
    module = importlib.import_module(package)
    if not hasattr(module, "__path__"):
        message = "the entry point must name a package"
        raise RegistryError(message)
    return sorted(f"{package}.{info.name}" for info in pkgutil.iter_modules(module.__path__) if info.name[0] != "_")


def _codemod_of(module: ModuleType) -> Codemod:
    """Return an instance of the one codemod that a module defines, its name and title set."""
    from hasten.api import Codemod

    inside = (module.__name__, f"{module.__name__}.")
    classes = [
        member
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, Codemod)
        and not inspect.isabstract(member)
        # A package may define its class in a private module of its own.
        and (member.__module__ == inside[0] or member.__module__.startswith(inside[1]))
    ]
    if len(classes) != 1:
        names = ", ".join(member.__name__ for member in classes) or "none"
        message = f"a codemod module defines exactly one class that derives from Codemod; found {names}"
        raise RegistryError(message)
    documentation = inspect.getdoc(module)
    if not documentation:
        message = "a codemod module needs a docstring: its first line is the title"
        raise RegistryError(message)
    found = classes[0]
    found.name = module.__name__.rpartition(".")[2].replace("_", "-")
    found.title = documentation.splitlines()[0].strip()
    return found()


def _broken(distribution: str, name: str, error: Exception, *, fatal: bool) -> str:
    """Return the sentence for a package that cannot be used; raise it where hasten itself is broken."""
    said = str(error) if isinstance(error, RegistryError) else f"{type(error).__name__}: {error}"
    message = f"{name} of {distribution} is not used: {' '.join(said.split())}"
    if fatal:
        raise RegistryError(message) from error
    return message
