"""Every hazard, refusal and proof of `sqlite3-to-aiosqlite`, as its page in the documentation shows it.

The facts were found by running both libraries (CPython 3.9 to 3.13, aiosqlite 0.22), not from their manuals. What
follows from making coroutine functions of functions is the same for all codemods that do so, and has codes of the
engine's.
"""

from __future__ import annotations

from hasten.api import Code

CODES: tuple[Code, ...] = (
    Code(
        "SQL001",
        "hazard",
        "other tasks come between the statements",
        "The function runs more than one statement in a program that starts tasks. Before, nothing could run between "
        "them; now other tasks can, those that run the same function among them. What one statement read may be out "
        "of date when the next one writes: of ten additions one may be left. Where a timeout, or whoever cancels the "
        "task, ends it between two statements, the second one never runs.",
        "Let one statement do it (`SET n = n + 1`), begin with `BEGIN IMMEDIATE`, or put an `asyncio.Lock` around the "
        "function; then take it with `--accept SQL001`.",
    ),
    Code(
        "SQL002",
        "hazard",
        "several connections write at once",
        "The function writes in a program that starts tasks, each with connections of its own. Sync code on one "
        "event loop never contended with itself; now one connection waits for the other, and if that takes longer "
        "than `timeout` raises OperationalError, `database is locked`. And what the caller looked up before, with "
        "another function, may hold no more: two tasks that each look for a name, and then insert it, insert it twice.",
        "Keep transactions free of other waits, give `connect` a timeout that is long enough, or put an "
        "`asyncio.Lock` around the function; then take it with `--accept SQL002`.",
    ),
    Code(
        "SQL003",
        "hazard",
        "rows are read before the loop begins",
        "The rows are handed to something that asks for one after the other, and the connection writes meanwhile, or a "
        "handler catches the error of a row that cannot be read. They are now all read at first, so that what is "
        "written in between is not seen, and the rows before one that fails are not, either.",
        "Take it with `--accept SQL003` if what is written does not concern the rows that are read, and no row fails; "
        "or loop over the rows themselves.",
    ),
    Code(
        "SQL004",
        "hazard",
        "a function runs in another thread",
        "SQLite calls the function (`create_function`, `row_factory`, ...) in the thread in which the connection "
        "lives, which with aiosqlite is one of its own. Thread-locals and context variables have other values there, "
        "and the event loop goes on while the function runs.",
        "If the function depends on nothing but its arguments, take it with `--accept SQL004`.",
    ),
    Code(
        "SQL005",
        "hazard",
        "the rows are made before the first is written",
        "`executemany` took rows from a generator, one after the other. With aiosqlite the generator would run in "
        "another thread, so all rows are made before. They take memory, and if making one fails, none is written.",
        "Take it with `--accept SQL005` unless the rows are too many, or those before a failure should be kept.",
    ),
    Code(
        "SQL006",
        "hazard",
        "a cursor that is not read to its end",
        "A cursor in a variable may have rows left when another statement fails. `sqlite3` let go of it with the "
        "exception; with aiosqlite both live until the garbage collector finds them, and with them the lock on the "
        "database, so that other connections get OperationalError, `database is locked`. A cursor without a name "
        "(`connection.execute(...).fetchone()`) was gone with its line; the thread of aiosqlite keeps it until the "
        "connection is given something else to do, and with it the lock, while other functions run.",
        "Read all rows with `fetchall`, ask for one (`limit 1`), or loop over `connection.execute(...)` itself, whose "
        "cursor is closed at the end of the loop; or take it with `--accept SQL006`.",
    ),
    Code(
        "SQL007",
        "hazard",
        "what is closed already is not closed again",
        "`finally`, a handler or a line below closes the connection or rolls it back. `async with` has closed it by "
        "then, which rolls back what was not committed, so the statement is gone. Where the connection could not be "
        "opened, or was closed before, the statement raised UnboundLocalError, AttributeError or ProgrammingError, "
        "which hid the first exception; now that one is seen.",
        "Take it with `--accept SQL007`, unless something counts on the other exception.",
    ),
    Code(
        "SQL008",
        "hazard",
        "another connection stays synchronous",
        "The function holds a lock while it waits, that of a transaction or of rows which are not all read, and the "
        "program has a connection that stays as it is, and may be used on the same event loop: it is refused, or it "
        "writes, and its own change is unsafe, so that it may not be taken. When the two meet, the "
        "other one stops the event loop until the lock is gone, which cannot go as long as the event loop stops: "
        "after `timeout` there is an OperationalError, `database is locked`, each time. Half a conversion may be "
        "worse than none.",
        "Convert the other one, too (with `--unsafe`, where it is no more than unsafe), or call what holds it with "
        "`asyncio.to_thread`; take it with `--accept SQL008` if the two use different files, or never run at the same "
        "time.",
    ),
    Code(
        "SQL009",
        "hazard",
        "tasks share a connection",
        "The connection is kept, or handed over, and several tasks use it. Before, a function was over before another "
        "task came on; now others come in between its statements, and all of them are part of one transaction: what "
        "one task rolls back is gone for the other, and what one commits is committed for both.",
        "Give each task a connection of its own, or put an `asyncio.Lock` around what belongs together; then take it "
        "with `--accept SQL009`.",
    ),
    Code(
        "SQL010",
        "hazard",
        "arguments of connect that cannot be seen",
        "`**options` may hold a `factory`, whose methods and attributes aiosqlite does not pass on.",
        "Take it with `--accept SQL010` if there is no `factory` among them.",
    ),
    Code(
        "SQL012",
        "hazard",
        "nothing closes it",
        "The connection is kept, and nothing in the program closes it. It is closed when nothing refers to it any "
        "more, as before, but in its own thread, and a moment later; or when the program ends.",
        "Close it where it is done with; or take it with `--accept SQL012`.",
    ),
    Code(
        "SQL013",
        "hazard",
        "taken for something else",
        "The function asks whether it is given a connection (`isinstance(source, sqlite3.Connection)`), and then asks "
        "for one of aiosqlite's. Nobody can tell what it is given at the place that is named: a connection of "
        "`sqlite3` that comes in there, from other programs or from one that is not converted, is taken for none.",
        "Annotate what is given there; or take it with `--accept SQL013` if it is never a connection of `sqlite3`.",
    ),
    Code(
        "SQL014",
        "hazard",
        "kept only when it is set up",
        "The connection is opened when it is first needed, and set up with statements that wait now. Others must not "
        "see it before that, so it is put into its place last. Where one of the statements fails, or the task is "
        "cancelled, it is dropped, and the next that needs it opens it and sets it up again. Before, it was in its "
        "place already, and the next one went on with what was set up by then.",
        "Take it with `--accept SQL014` unless the program counts on a connection whose set-up has failed.",
    ),
    Code(
        "SQL016",
        "hazard",
        "what opens is exchanged",
        "Something in the program, such as a test, puts a function of its own in the place of `sqlite3.connect` "
        '(`monkeypatch.setattr(sqlite3, "connect", ...)`). aiosqlite calls it as well, but in the thread of the '
        "connection: a connection that it keeps cannot be used, or closed, elsewhere. What it returns is called in "
        "aiosqlite's way: `execute(sql)` gets an empty list of parameters, and rows are fetched by `fetchall` or "
        "`fetchmany` where the program went through them by a loop.",
        "Look at what stands in its place, and run the tests. Then take it with `--accept SQL016`.",
    ),
    Code(
        "SQL020",
        "hazard",
        "a module that may be missing",
        "The program catches the ImportError of `import sqlite3` and goes on without it: there are Pythons that were "
        "built without SQLite. aiosqlite imports `sqlite3` itself, and is imported at the top of the file, so that the "
        "program ends with ImportError there.",
        "Take it with `--accept SQL020` if the program only runs where SQLite is; else import aiosqlite in the same "
        "`try` afterwards.",
    ),
    Code(
        "SQL021",
        "hazard",
        "another SQLite where it is installed",
        "The program imports another library in the place of `sqlite3` where that is installed (pysqlite3, sqlean), "
        "and `sqlite3` elsewhere. Where it is not installed, nothing differs. Where it is, aiosqlite opens with the "
        "`sqlite3` of the standard library all the same: another version of SQLite reads the database, `except "
        "sqlite3.Error` names an exception of the other library and catches nothing, its `Row` raises TypeError, and "
        "what was registered with it (`register_adapter`) is not asked. All connections that are opened in this way "
        "are taken together, since two SQLites in one process lose each other's locks on a file.",
        "Take it with `--accept SQL021` if the other library is installed nowhere, and import `sqlite3` alone "
        "afterwards. Else keep it with `# hasten: ignore`.",
    ),
    Code(
        "SQL101",
        "refusal",
        "sqlite3 may be something else",
        "The name is bound in several ways, assigned to, or shadowed, or a module of the program is called `sqlite3`.",
        "Import `sqlite3` in one way.",
    ),
    Code(
        "SQL102",
        "refusal",
        "connect passed as a value",
        "The function `sqlite3.connect`, or the module with it, is handed to other code, which calls it when it "
        "pleases, and awaits nothing.",
        "Call `sqlite3.connect` here, or import `sqlite3` where it is used; or pass a function that the other code "
        "awaits.",
    ),
    Code(
        "SQL103",
        "refusal",
        "arguments of connect",
        "The arguments cannot be seen (`*args`), or name a `factory`, whose methods and attributes "
        "aiosqlite does not pass on.",
        "Write the arguments out; make functions of the methods of the factory's class.",
    ),
    Code(
        "SQL104",
        "refusal",
        "the connection has no name of its own",
        "The connection is used in the expression that opens it, or bound in a way that cannot be followed. Nothing "
        "closes it, and with aiosqlite an open connection keeps the process from ending.",
        "Open it with `with closing(sqlite3.connect(...)) as connection:`.",
    ),
    Code(
        "SQL105",
        "refusal",
        "connect of another module",
        "The function is reached through a module of the program that may exchange it for another: it is bound there "
        "in several ways, or tests put something else in its place. A module that only imports `sqlite3` is no "
        "trouble.",
        "Import `sqlite3` here.",
    ),
    Code(
        "SQL106",
        "refusal",
        "a name is taken",
        "The new code needs the name `aiosqlite`, `os`, or `transaction` and the module `_transactions` that it comes "
        "from, and the file or the program uses it for something of its own.",
        "Give the other one another name.",
    ),
    Code(
        "SQL107",
        "refusal",
        "another SQLite is in use",
        "The program imports another library under the name of `sqlite3`: pysqlite3, sqlean, or one that encrypts. "
        "aiosqlite always uses the `sqlite3` of the standard library: the database would be read by another SQLite "
        "than before, `except sqlite3.Error` of the other library would catch nothing any more, and its `Row` does not "
        "fit. Or the other library is only there where it is installed, and another connection of this kind stays as "
        "it is: two SQLites in one process lose each other's locks on a file.",
        "Import `sqlite3` alone, if the other library is not needed; or leave the connections as they are, and run the "
        "functions with `asyncio.to_thread`.",
    ),
    Code(
        "SQL110",
        "refusal",
        "the connection is returned",
        "The connection or one of its cursors is returned or yielded to something that cannot be followed: a "
        "generator, or a function that is passed on. Who gets it would have to await all that it does with it.",
        "Return rows instead; or open the connection where it is used.",
    ),
    Code(
        "SQL111",
        "refusal",
        "the connection is stored",
        "The connection or one of its cursors is put where it cannot be followed: into a container, an attribute "
        "of something of others, or a variable that is bound when a module is imported, which cannot wait.",
        "Keep it in an attribute of a class, or in a variable of the module that a function sets.",
    ),
    Code(
        "SQL112",
        "refusal",
        "the connection is passed on",
        "The connection, one of its cursors, or one of their methods is handed to a function that is not part of the "
        "program, or that nobody can tell. It does not await what it does with it.",
        "Do the work here, or open the connection in the other function.",
    ),
    Code(
        "SQL113",
        "refusal",
        "the connection is used in a nested function",
        "A nested function, a lambda or a class uses the connection or one of its cursors, and may run when it is "
        "closed, or where nothing can be awaited.",
        "Do the work in the function itself, or open a connection in the nested one.",
    ),
    Code(
        "SQL114",
        "refusal",
        "a variable is bound in several ways",
        "The variable that holds the connection or a cursor holds other things as well, so that nobody can say at each "
        "place whether there is something to be awaited.",
        "Give each thing a name of its own.",
    ),
    Code(
        "SQL115",
        "refusal",
        "used after its block",
        "`with sqlite3.connect(...)` commits, and does not close: the connection, or a cursor of it, is used after the "
        "block. `async with aiosqlite.connect(...)` closes it. Or it is used after it was closed, which raises "
        "ProgrammingError, and ValueError in aiosqlite.",
        "Move the use into the block, or before what closes it.",
    ),
    Code(
        "SQL117",
        "refusal",
        "left open by a generator",
        "The function is a generator that opens a connection by an assignment, and has no `with` or `finally` that "
        "would close it where a loop over it is left early. With aiosqlite it would stay open, with its locks, until "
        "the garbage collector finds the generator.",
        "Open it with `with closing(sqlite3.connect(...)) as connection:`, or return a list of rows instead.",
    ),
    Code(
        "SQL118",
        "refusal",
        "too much on one line, or too little",
        "The `with` opens several things, some of which become asynchronous, and its header has several lines, whose "
        "layout and comments cannot be kept. Or one line opens several connections, or holds a function as a whole.",
        "Write one `with`, or one line, for each.",
    ),
    Code(
        "SQL119",
        "refusal",
        "a place that may hold something else",
        "The connection or one of its cursors is kept in a variable or an attribute, or handed over as an argument "
        "or a result, and there it may be something else as well: another connection, an object of a test, or what "
        "nobody can tell. What is done with it could not be awaited for both. Where each use stands below a test that "
        "tells the two apart (`isinstance`, `is None`) it is converted.",
        "Give each thing a name of its own, annotate what it is, or ask with `isinstance` before it is used.",
    ),
    Code(
        "SQL120",
        "refusal",
        "aiosqlite lacks it",
        "The method or attribute does not exist in aiosqlite, or means something else there: `create_aggregate`, "
        "`create_collation`, `blobopen`, `serialize`, `setlimit`, `cursor.connection`, "
        "`raise connection.Error(...)` and others.",
        "Do without it, or leave this connection as it is and run the function with `asyncio.to_thread`.",
    ),
    Code(
        "SQL121",
        "refusal",
        "an attribute is set",
        "Setting the attribute works in another way with aiosqlite. `isolation_level = None` raises ProgrammingError, "
        "unless it is given to `connect`, and `autocommit` is not passed on.",
        "Give it to `connect`, or set it in the line below.",
    ),
    Code(
        "SQL122",
        "refusal",
        "rows are taken in another way",
        "The cursor is used in a way that has no counterpart: `next(cursor)` raises StopIteration at the end, where "
        "`fetchone` returns None; a method of it is handed on; a generator expression cannot await.",
        "Use `fetchone`, `fetchmany` or `fetchall`.",
    ),
    Code(
        "SQL123",
        "refusal",
        "arguments that aiosqlite does not take",
        "The method takes these arguments in another way, or not at all, such as a class for `cursor`.",
        "Pass what the method takes by position.",
    ),
    Code(
        "SQL124",
        "refusal",
        "what opens is exchanged here",
        "A test, or something else, exchanges the name by which this file opens connections "
        '(`mock.patch("app.store.sqlite3")`), and would exchange nothing that aiosqlite asks for. Or this very file '
        "puts a function of its own in the place of `sqlite3.connect`, which aiosqlite would call in another thread.",
        "Exchange what the tests need in another way: hand the path of the database to the function, or put another "
        "function of the program in the place of the one that opens.",
    ),
    Code(
        "SQL201",
        "proof",
        "no other task is there",
        "The connection lives in one function, and nothing in the program starts a task that could run while that "
        "function waits, so that nothing comes between its statements.",
    ),
    Code(
        "SQL202",
        "proof",
        "nothing is written",
        "Every statement is written out, and reads. So there is no transaction to be committed or rolled back.",
    ),
    Code(
        "SQL203",
        "proof",
        "one statement that reads",
        "Several tasks can run the function at once, but each runs one statement only, which reads, on a connection "
        "of its own.",
    ),
)
