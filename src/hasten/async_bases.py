"""Classes from outside of the program, and the methods that they are known to define or call.

A method of the program that overrides one of theirs is called by others, who await nothing. Of most classes from
elsewhere nobody knows what they define; of those here it is known: from the class itself, where the standard library
has it, or from the library's source, whose version is named.
"""

from __future__ import annotations

import builtins
import collections.abc
import re
import sys
from collections.abc import Container
from functools import cache
from importlib import import_module

from hasten.async_tests import TEST_CASES
from hasten.index.module import Module, Scope, Shape
from hasten.index.program import Program

_TEST_SET_UP = frozenset({"setUp", "tearDown", "setUpClass", "tearDownClass", "setUpModule", "tearDownModule"})
_TEST_CASE_NAMES = frozenset(
    {"run", "debug", "doCleanups", "addCleanup", "skipTest", "subTest", "id", "countTestCases", "defaultTestResult"}
    | {"shortDescription", "enterContext", "fail"}
)
_THREAD_NAMES = frozenset({"run", "start", "join", "is_alive", "getName", "setName", "isDaemon", "setDaemon"})
_ROWS = frozenset(dir(tuple)) | {"_asdict", "_replace", "_make"}
#: traitlets 5.16.1: what `dir` gives, less what every object has.
_HAS_TRAITS = frozenset(
    {"add_traits", "class_own_trait_events", "class_own_traits", "class_trait_names", "class_traits", "has_trait"}
    | {"cross_validation_lock", "hold_trait_notifications", "notify_change", "observe", "on_trait_change", "set_trait"}
    | {"setup_instance", "trait_defaults", "trait_events", "trait_has_value", "trait_metadata", "trait_names"}
    | {"trait_values", "traits", "unobserve", "unobserve_all"}
)
_CONFIGURABLE = _HAS_TRAITS | {
    *("class_config_rst_doc", "class_config_section", "class_get_help", "class_get_trait_help", "class_print_help"),
    *("config", "log", "parent", "section_names", "update_config"),
}
_APPLICATION = _CONFIGURABLE | frozenset(
    {"clear_instance", "initialized", "instance", "aliases", "argv", "classes", "cli_config"}
    | {"close_handlers", "description", "document_config_options", "emit_alias_help", "emit_description"}
    | {"emit_examples", "emit_flag_help", "emit_help", "emit_help_epilogue", "emit_options_help"}
    | {"emit_subcommands_help", "examples", "exit", "extra_args", "flags", "flatten_flags"}
    | {"generate_config_file", "get_default_logging_config", "initialize", "initialize_subcommand"}
    | {"json_config_loader_class", "keyvalue_description", "launch_instance", "load_config_environ"}
    | {"load_config_file", "loaded_config_files", "log_datefmt", "log_format", "log_level"}
    | {"logging_config", "name", "option_description", "parse_command_line", "print_alias_help"}
    | {"print_description", "print_examples", "print_flag_help", "print_help", "print_options"}
    | {"print_subcommands", "print_version", "python_config_loader_class", "raise_config_file_errors"}
    | {"show_config", "show_config_json", "start", "start_show_config", "subapp", "subcommand_description"}
    | {"subcommands", "version"}
)
#: jupyter_core 5.9.1.
_JUPYTER = _APPLICATION | frozenset(
    {"answer_yes", "config_dir", "config_file", "config_file_name", "config_file_paths", "data_dir"}
    | {"generate_config", "jupyter_path", "migrate_config", "runtime_dir", "subcommand"}
    | {"write_default_config"}
)
#: pydantic 2.14.3, and what it still calls in models that were written for version 1.
_MODEL = frozenset(
    {"construct", "copy", "dict", "fields", "from_orm", "json", "parse_file", "parse_obj", "parse_raw", "schema"}
    | {"schema_json", "update_forward_refs", "validate", "_calculate_keys", "_copy_and_set_values", "_get_value"}
    | {"_iter", "_setattr_handler", "Config"}
)
_CLASSES: dict[str, Container[str]] = {
    "abc.ABC": frozenset(),
    "typing.Protocol": frozenset(),
    "typing_extensions.Protocol": frozenset(),
    "typing.Generic": frozenset(),
    "typing.NamedTuple": _ROWS,
    "collections.namedtuple": _ROWS,
    "typing.TypedDict": frozenset(dir(dict)),
    "multiprocessing.Process": _THREAD_NAMES | {"terminate", "kill", "close"},
    **{f"enum.{each}": frozenset({"name", "value", *dir(int), *dir(str)}) for each in ("Enum", "IntEnum", "StrEnum")},
    **dict.fromkeys(TEST_CASES, _TEST_CASE_NAMES | _TEST_SET_UP),
}


class _Anything:
    def __contains__(self, name: object) -> bool:
        return True


class _Named:
    """Names, and whatever a pattern fits: methods that a base looks up by names that it makes."""

    def __init__(self, names: frozenset[str], pattern: str) -> None:
        self._names = names
        self._pattern = re.compile(pattern)

    def __contains__(self, name: object) -> bool:
        return name in self._names or (isinstance(name, str) and self._pattern.fullmatch(name) is not None)


#: `_NAME_default`, `_NAME_changed`, `_NAME_validate`, its own, and how it is pickled.
_OF_TRAITS = r"_(?!_).*|__(get|set)state__"
_LIBRARIES: dict[str, Container[str]] = {
    **{f"traitlets.{each}": _Named(_HAS_TRAITS, _OF_TRAITS) for each in ("HasTraits", "traitlets.HasTraits")},
    **{
        f"traitlets.config.{each}{name}": _Named(_CONFIGURABLE, _OF_TRAITS)
        for each in ("", "configurable.")
        for name in ("Configurable", "LoggingConfigurable")
    },
    "traitlets.config.SingletonConfigurable": _Named(_APPLICATION, _OF_TRAITS),
    **{f"traitlets.config.{each}Application": _Named(_APPLICATION, _OF_TRAITS) for each in ("", "application.")},
    "jupyter_core.application.JupyterApp": _Named(_JUPYTER, _OF_TRAITS),
    **{f"pydantic.{each}BaseModel": _Named(_MODEL, r"model_.*|__.*") for each in ("", "main.")},
}
#: Modules of the standard library whose classes call no methods by names that they make, such as `visit_Name`, and that
#: do nothing when they are imported.
_LOOKED_AT = frozenset(
    {"abc", "argparse", "collections", "collections.abc", "concurrent.futures", "configparser", "contextlib", "csv"}
    | {"datetime", "decimal", "fractions", "html.parser", "io", "ipaddress", "json", "logging", "logging.handlers"}
    | {"numbers", "pathlib", "queue", "selectors", "string", "threading", "types", "uuid", "weakref"}
)


def names_of(module: Module, scope: int, base: Shape) -> list[str]:
    """Return the dotted names of the classes from outside the program that a base may be, `""` for one unknown.

    try:
        from collections import UserDict as Base
    except ImportError:
        from UserDict import DictMixin as Base

    What the standard library surely has is found, so that nothing else is looked for.
    """
    dotted = module.dotted(scope, base)
    found = module.lookup(scope, base[1]) if dotted is None and base[0] == "n" else None
    if found is None or any(each.kind != "import" for each in found[1]):
        return [dotted or ""]
    tried: list[str] = []
    for each in sorted(found[1], key=lambda one: one.start):
        name = module.import_target(module.imports()[each.payload])
        tried.append(name)
        if each.nest.endswith("t") and _is_there(name):
            break
    return tried


def _is_there(dotted: str) -> bool:
    """Tell whether the standard library has a class, whatever the platform."""
    home, _, name = dotted.rpartition(".")
    return home in _LOOKED_AT and isinstance(getattr(import_module(home), name, None), type)


def is_made_by_others(program: Program, init: Scope) -> bool:
    """Tell whether a constructor is that of a class whose objects a library makes, which awaits nothing.

    class Store(LoggingConfigurable):
        def __init__(self, path, **options): ...

    Its objects may have any attribute.
    """
    owner = init.module.scope(init.parent) if init.parent >= 0 else None
    classes = [owner, *program.ancestors(owner)] if owner is not None and owner.kind == "class" else []
    bases = (each.module.dotted(each.parent, base) or "" for each in classes for base in each.bases)
    return any(each.startswith("traitlets.") and each in _LIBRARIES for each in bases)


@cache
def known_names(dotted: str) -> Container[str]:
    """Return the methods that a class from outside the program may define or call: any, where it is not known."""
    for known in (_CLASSES, _LIBRARIES):
        if dotted in known:
            return known[dotted]
    head, _, tail = dotted.rpartition(".")
    if head in {"typing", "typing_extensions"} and hasattr(collections.abc, tail):
        head = "collections.abc"
    if head == "builtins":
        kind = getattr(builtins, tail, None)
    elif head in _LOOKED_AT and head.partition(".")[0] in sys.stdlib_module_names:
        kind = getattr(import_module(head), tail, None)
    else:
        kind = None
    return frozenset(dir(kind)) if isinstance(kind, type) else _Anything()
