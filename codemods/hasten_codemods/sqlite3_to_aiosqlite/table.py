"""What aiosqlite offers in the place of sqlite3, name by name.

The facts were found by running both (aiosqlite 0.22, CPython 3.9 to 3.13), not from their manuals.
"""

from __future__ import annotations

#: The parameters of `sqlite3.connect` in order; those of `aiosqlite.connect` are keyword-only but for the first.
CONNECT = ("database", "timeout", "detect_types", "isolation_level", "check_same_thread", "factory")
CONNECT_REST = ("cached_statements", "uri")
CONNECT_KEYWORDS = frozenset({*CONNECT, *CONNECT_REST, "autocommit"})

#: Methods of both that give a cursor, and run a statement.
EXECUTING = frozenset({"execute", "executemany", "executescript"})
#: Methods of a connection that give a cursor.
CURSORS = EXECUTING | {"cursor"}
#: Methods of a connection that are awaited and give nothing, or a value that is nothing of aiosqlite's.
CONNECTION_METHODS = frozenset(
    {"commit", "rollback", "close", "create_function", "set_trace_callback", "set_progress_handler"}
    | {"enable_load_extension", "load_extension"}
)
#: Methods of a connection that take a function, which is then called in the thread of the connection.
CALLBACKS = frozenset({"create_function", "set_trace_callback", "set_progress_handler"})
#: Keyword arguments that both know.
KEYWORDS = {
    "create_function": frozenset({"deterministic"}),
    "fetchmany": frozenset({"size"}),
    "backup": frozenset({"target", "pages", "progress", "name", "sleep"}),
}
#: Attributes of a connection that are read as before, without `await`.
CONNECTION_READ = frozenset({"in_transaction", "isolation_level", "row_factory", "text_factory", "total_changes"})
CONNECTION_WRITTEN = frozenset({"isolation_level", "row_factory", "text_factory"})

#: Methods of a cursor that are awaited and give values.
FETCHES = frozenset({"fetchone", "fetchmany", "fetchall"})
CURSOR_METHODS = FETCHES | {"close"}
CURSOR_READ = frozenset({"arraysize", "description", "lastrowid", "row_factory", "rowcount"})
CURSOR_WRITTEN = frozenset({"arraysize", "row_factory"})

#: Functions that go through all rows at once, and give nothing that goes on reading them.
EAGER = frozenset(
    f"builtins.{each}"
    for each in ("list", "tuple", "set", "frozenset", "dict", "sorted", "sum", "min", "max", "any", "all")
)
#: Those among them that surely take them all.
WHOLE = EAGER - {"builtins.any", "builtins.all"}
#: Functions whose result goes on reading rows.
LAZY = frozenset(f"builtins.{each}" for each in ("enumerate", "zip", "map", "filter"))
#: What makes values at once, so that a statement of many rows gets no generator.
MADE_AT_ONCE = frozenset(f"builtins.{each}" for each in ("list", "tuple", "sorted", "dict", "set", "range"))

#: Row and text factories that keep no state and may run in any thread.
PURE = frozenset({"sqlite3.Row", "builtins.bytes", "builtins.str", "builtins.bytearray", "sqlite3.OptimizedUnicode"})

#: The exceptions that a connection of `sqlite3` has as attributes, and one of aiosqlite has not.
ERRORS = frozenset(
    {"Warning", "Error", "InterfaceError", "DatabaseError", "InternalError", "OperationalError", "ProgrammingError"}
    | {"IntegrityError", "DataError", "NotSupportedError"}
)
