"""Replace `sqlite3` with aiosqlite, so that queries no longer stop the event loop.

A query that takes a tenth of a second stops everything else that runs on the same event loop for as long. aiosqlite
runs each connection in a thread of its own, and lets other tasks go on meanwhile. It is slower by itself: every
statement costs some tens of microseconds more.

A connection is converted as a whole, with every use of it and of its cursors, wherever they are; what uses it becomes
a coroutine function, with all that call it. One that lives in one function is opened by `async with
aiosqlite.connect(...)`, which closes it on every way out, also where it is lent to other functions meanwhile. `with
sqlite3.connect(...)` commits and does not close; what it does at its end is kept by a small context manager, which is
written into the package once (`_transactions`).

A connection that is kept, in an attribute, a variable of the module, a `threading.local()` or the `state` of an
application of Starlette, or handed over, as the result of a function, a property, a context manager, a pytest fixture
or a dependency of FastAPI, is followed to all places that it gets to. All connections that meet at one of them are one
change, or one refusal. They are opened by `_connections.connect`, in another module that is written into the package. A
connection of `sqlite3` that nobody closes goes away with the process; one of aiosqlite has a thread, for which the
process would wait for ever. So that module closes what is still open when the thread that opened it and the main thread
have ended. An `__init__` that opens a connection becomes a factory: `Store(path)` is `await Store.create(path)`
afterwards, also for whoever imports the class from elsewhere. With `opening = "lazy"` the class keeps its `__init__`,
and opens when one of its methods first needs the connection. What is opened when it is first needed (`if self._db is
None:`, `if not hasattr(local, "db"):`) is put under a lock where several tasks may come there, and is kept only when it
is set up. A property that waits stays one, and reading it is `await store.rows`.

Where something is done with a connection that aiosqlite lacks, or a place may hold something else as well, nothing is
changed, and the reason is given with its place. With `--strategy offload`, functions that open a connection and end it
run in a thread as they are, whatever they do with it; with `--strategy twin` they get a coroutine function beside them.
A connection that is kept can have neither: it would be used in several threads, or be of two kinds at once.

`sqlite3` takes text, bytes and what `os.fspath` takes, and raises TypeError for the rest; aiosqlite makes text of
whatever it gets, so that `None` is the name of a new file. `os.fspath` is written around the database where the program
shows that it may be anything but text, bytes or a path of `pathlib`: a default or a literal `None`, `os.getenv`,
`os.environ.get` or another `get` without a default, an option of the command line without one, an annotation
(`str | None`, `os.PathLike`), what `os.scandir` gives, an object of a class with a `__fspath__` of its own. It is
looked for through variables, attributes of `self`, parameters with their callers, and what functions return. What the
program shows nothing about is passed on as it is.

What it does not see: a row factory, an adapter or a converter that depends on the thread in which it runs; that a task
was over in one go before, where a server or framework starts it, or where what it changes after the read is not its own
function's or one's that it surely calls (a queue, a stream, what a library keeps); functions that are found by names
from outside of the program (`eval`, `pkgutil.resolve_name`); a context manager of the program's own that counts, or
sets, something of the program while its block runs. An `await` that is there already counts as one that waits: what its
function read before it, and writes after it, is taken to bear that.

See <https://aiosqlite.omnilib.dev>.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from hasten.api import Codemod, Finding, Option, Program, Settings
from hasten_codemods.sqlite3_to_aiosqlite import codes

if TYPE_CHECKING:
    from hasten.api import Transformer


class Sqlite3ToAiosqlite(Codemod):
    """`with closing(sqlite3.connect(p)) as c:` becomes `async with aiosqlite.connect(p) as c:`, and so do its uses."""

    contract: ClassVar[str] = (
        "The same statements run in the same order, with the same results, the same rows in the file, and the same "
        "exceptions, all of which are those of `sqlite3`. A transaction ends as it did on every way out of its block. "
        "The connection is closed where it was; one that was open to the end of its function is closed there, and one "
        "that is kept and never closed is closed when nothing refers to it, or the program ends. An object that opens "
        "the connection that it keeps is made by `await X.create(...)`, and `X(...)` raises TypeError; with the option "
        "`opening`, it may be opened at its first use. A change is "
        "`safe` where the program starts no task that could run meanwhile, or where the function only runs one "
        "statement that reads, and nothing shows that the rest of its task has to be over by then; elsewhere new waits "
        "let other tasks come in between, which is a hazard with its lines. While a query runs, its task can be "
        "cancelled, and a timeout around it can end it: "
        "before, neither could."
    )
    triggers: ClassVar[tuple[bytes, ...]] = (b"sqlite3",)
    asks: ClassVar[tuple[bytes, ...]] = (b"sqlite3.connect(",)
    #: Functions that are named in strings are found by these.
    literals: ClassVar[tuple[str, ...]] = (r"^[A-Za-z_]\w*(?:[.:][A-Za-z_]\w*)+$", r">>> ")
    codes = codes.CODES

    options: ClassVar[tuple[Option, ...]] = (
        Option(
            "opening",
            str,
            default="factory",
            help="What becomes of an `__init__` that opens a connection: `factory`, by which objects are made from "
            "then on (`await Store.create(path)`), or `lazy`: `Store(path)` stays, and opens when it is first used. It "
            "is the file of the class that counts. What derives from a class of traitlets is always opened lazily: "
            "traitlets makes such objects itself, and awaits nothing.",
            choices=("factory", "lazy"),
        ),
        Option(
            "tests",
            str,
            default="follow",
            help="What becomes of the tests and fixtures that use `sqlite3` by themselves: with `follow` a test is "
            "converted where what it calls has to wait, and else it may block, for no event loop runs beside it; with "
            "`all` it is converted in any case, for whoever wants no `sqlite3` left in the program. It is the file of "
            "the test that counts.",
            choices=("follow", "all"),
        ),
    )

    def analyse(self, program: Program, settings: Settings) -> Iterator[Finding]:
        """Yield a change or a refusal for every use of `sqlite3.connect` in the target files."""
        from hasten_codemods.sqlite3_to_aiosqlite.analysis import Analysis

        return Analysis(program, self.name, settings["opening"], settings["tests"]).findings()

    def prepare(self) -> None:
        """Import the analysis."""
        import hasten_codemods.sqlite3_to_aiosqlite.analysis  # noqa: F401

    def transformer(self) -> type[Transformer]:
        """Return the transformer; imported late, since LibCST costs start-up time."""
        from hasten_codemods.sqlite3_to_aiosqlite.transformer import Sqlite3ToAiosqliteTransformer

        return Sqlite3ToAiosqliteTransformer
