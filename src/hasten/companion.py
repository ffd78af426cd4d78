"""A module that a codemod writes into a package once, and whose functions the rewritten code calls."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from hasten.index.build import build
from hasten.index.facts import Facts, Memory, pack
from hasten.index.module import Module
from hasten.index.program import Program
from hasten.model import Applicability, Change, Position, Span, TextEdit


class Companion:
    """Where the module goes in each package of one program, whether it can be used there, and what creates it."""

    def __init__(self, program: Program, codemod: str, name: str, text: str) -> None:
        """Take what is written where.

        Args:
            program: where to look.
            codemod: the name of the codemod that needs it.
            name: of the module, without `.py`.
            text: its content.
        """
        self.program = program
        self._codemod = codemod
        self._name = name
        self._text = text
        self._needed: dict[str, Module] = {}
        self._homes: dict[str, tuple[str, str]] = {}

    def path(self, module: Module) -> str:
        """Return the path of the file that serves `module`: in its outermost package, or beside a lone script.

        A file that cannot have one, such as a test beside the package, is served by a package that it imports.
        """
        folder = self._home(module)[0]
        return f"{folder}/{self._name}.py" if folder else f"{self._name}.py"

    def package(self, module: Module) -> str:
        """Return the dotted name of the package that holds the file, empty for a lone script."""
        return self._home(module)[1]

    def _home(self, module: Module) -> tuple[str, str]:
        """Return the folder of the file that serves `module`, and the name of the package that it is."""
        if module.path not in self._homes:
            self._homes[module.path] = self._own_home(module)
            if self._unserved(module):
                imported = next(self._imported(module), None)
                self._homes[module.path] = imported or self._homes[module.path]
        return self._homes[module.path]

    @staticmethod
    def _own_home(module: Module) -> tuple[str, str]:
        depth = module.name.count(".") + (1 if module.is_package else 0)
        folders = module.path.split("/")[:-1]
        top = folders[: len(folders) - depth + 1] if depth else folders
        return "/".join(top), module.name.partition(".")[0] if depth else ""

    def _imported(self, module: Module) -> Iterator[tuple[str, str]]:
        """Yield the packages of the program that a module imports, other than its own, in the order of names."""
        own = module.name.partition(".")[0]
        roots = {(each.module or each.name).partition(".")[0] for each in module.imports() if each.level <= 0}
        for root in sorted(roots - {own, ""}):
            found = [each for each in self.program.paths if f"/{each}".endswith(f"/{root}/__init__.py")]
            if found:
                yield min(found, key=len).rpartition("/")[0], root

    def key(self, module: Module) -> str:
        """Return the key of the change that creates the file, and note that it is needed."""
        path = self.path(module)
        self._needed.setdefault(path, module)
        return f"{self._name}:{path}"

    def is_there(self, module: Module) -> bool:
        """Tell whether the file that serves `module` exists."""
        return self.path(module) in self.program.paths

    def is_it(self, module: Module) -> bool:
        """Tell whether a module is such a file, as it is written."""
        return module.path == self.path(module) and is_written(module, self._name, self._text)

    def trouble(self, module: Module) -> str:
        """Return why the file cannot be used by `module`, or an empty string."""
        path = self.path(module)
        if path in self.program.paths:
            # What stands in a file that is there is not ours to judge, unless it is what we would write.
            self.program.want(self._name)
            for each in sorted(_facts(self._text)["definitions"]):
                self.program.want(each)
            there = self.program.find(path)
            if there is None or not is_written(there, self._name, self._text):
                return f"`{path}` is there already, and is not hasten's"
        return self._unserved(module) if self._home(module) == self._own_home(module) else ""

    def _unserved(self, module: Module) -> str:
        """Return why a file in the module's own package, or beside it, may not be found, or an empty string."""
        packaged = "." in module.name or module.is_package
        if not packaged and self._is_lone(module):
            return f"it is installed by itself, as the project's metadata shows, and `{self._name}` would be left out"
        if not packaged and "/" in module.path:
            return f"it lies in a folder without `__init__.py`, from which `{self._name}` may not be found"
        if packaged and self._may_be_script(module):
            return f"it may be run as a script, from which the package that holds `{self._name}` may not be found"
        return ""

    def changes(self) -> Iterator[Change]:
        """Yield the creation of each file that is needed and not there yet."""
        for path, module in sorted(self._needed.items()):
            if path in self.program.paths:
                continue
            edit = TextEdit(path, Span(0, 0), Position(1, 1), Position(1, 1), self._text, create=True)
            yield Change(
                f"{self._name}:{path}",
                self._codemod,
                f"create `{path}`",
                self.package(module) or path,
                Applicability.SAFE,
                (edit,),
                support=True,
            )

    def _is_lone(self, module: Module) -> bool:
        """Tell whether a module is installed without those that lie beside it."""
        commands = {each.partition(".")[0] for each in self.program.entry_points}
        return module.name in commands | self.program.lone

    def _may_be_script(self, module: Module) -> bool:
        """Tell whether a module imports nothing of its own package and nobody imports it, as is the way of scripts."""
        package = module.name.partition(".")[0]
        if any(each.level > 0 or (each.module or each.name).partition(".")[0] == package for each in module.imports()):
            return False
        self.program.want(module.name.rpartition(".")[2])
        names = {module.name, *(f"{module.name}.{name}" for name in module.facts["binds"][0])}
        return not module.is_package and not any(
            other.import_target(each) in names or each.name == module.name
            for other in self.program.modules
            if other is not module
            for each in other.imports()
        )


def is_written(module: Module, name: str, text: str) -> bool:
    """Tell whether a module is the one of that name and text: it may have been formatted anew, but does the same."""
    return module.path.rpartition("/")[2] == f"{name}.py" and _outline(module.facts) == _outline(_facts(text))


@lru_cache(maxsize=8)
def _facts(text: str) -> Facts:
    return Facts(pack(build(text, ())), Memory())


def _outline(facts: Facts) -> object:
    """Return what a module does, as far as it does not depend on how it is formatted: definitions, calls, imports."""
    scopes = [
        (kind, name, parameters, flags)
        for kind, name, _parent, _start, _end, parameters, _decorators, _returns, flags, *_ in facts["scopes"]
    ]
    calls = [(record[2:4], [each[:2] for each in record[4]], record[5]) for record in facts["calls"]]
    imports = [(module, name, asname, level) for _, _, _, _, module, name, asname, level, *_ in facts["imports"]]
    return scopes, calls, imports
