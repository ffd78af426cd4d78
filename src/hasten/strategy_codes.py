"""The hazards and refusals of the strategies that leave functions as they are: `offload` and `twin`."""

from __future__ import annotations

from hasten.model import Code

_ACCEPT = "Read the diff at the place named; if the difference does not matter there, take it with `--accept {code}`."


def _hazard(code: str, title: str, text: str, remedy: str = _ACCEPT) -> Code:
    return Code(code, "hazard", title, text, remedy.format(code=code))


STRATEGY_CODES: tuple[Code, ...] = (
    _hazard(
        "ASY030",
        "a thread changes what others use",
        "Under the strategy `offload` a function runs in a thread, and changes an attribute, a global name or an "
        "argument that something else uses. It used to run in one go on the event loop; now the tasks of the loop, and "
        "other calls of the same function in other threads, run between any two of its operations.",
        "Guard the state with a `threading.Lock`, or return the value and store it in the coroutine; or take it with "
        "`--accept ASY030`.",
    ),
    _hazard(
        "ASY031",
        "it depends on the thread",
        "Under the strategy `offload` a function runs in a thread of a pool; so does a command that a test runs which "
        "awaits other things itself. A `threading.local` holds something else "
        "there, the thread has another name and number, and what a context variable is set to is not seen by the "
        "caller: the context is copied in, and not back.",
        "Hand the value in and return it; or take it with `--accept ASY031`.",
    ),
    _hazard(
        "ASY032",
        "other people's functions in several threads",
        "Under the strategy `offload` several tasks can run the function at once, each in a thread (`min(32, "
        "CPUs + 4)` of them by default; further calls wait). On the event loop they ran one after the other. It calls "
        "a function of a library, of which nobody here can say whether it bears that.",
        "Read what the library says about threads; then take it with `--accept ASY032`.",
    ),
    _hazard(
        "ASY033",
        "an event loop other than asyncio's",
        "`asyncio.to_thread` needs asyncio's event loop. The program imports another one.",
        "If the coroutine never runs on it, take it with `--accept ASY033`; else use that library's own function, such "
        "as `trio.to_thread.run_sync`.",
    ),
    _hazard(
        "ASY034",
        "what is handed in runs in a thread",
        "Under the strategy `offload` a function runs in a thread, and calls what was handed to it, which so runs in "
        "that thread, too: there is no running event loop in it, and what it changes changes beside other tasks.",
        "Let what is handed in do no more than `loop.call_soon_threadsafe`; or take it with `--accept ASY034`.",
    ),
    _hazard(
        "ASY035",
        "something else is put in the place of the plain function only",
        "Under the strategy `twin` coroutines call another function than before. Where a test or another module "
        "replaces the plain one (`patch`, `monkeypatch.setattr`), they are no longer reached by that.",
        "Replace the twin there as well, with `AsyncMock`; or take it with `--accept ASY035`.",
    ),
    _hazard(
        "ASY036",
        "a decorator is given the twin as well",
        "Under the strategy `twin` the coroutine function has the decorators of the plain one. One that looks at the "
        "name of what it is given, to log it or to keep it in a table, finds `f_async`.",
    ),
    Code(
        "ASY170",
        "refusal",
        "it stands in a coroutine function itself",
        "The strategy `offload` hands whole functions to threads. What stands in a coroutine function cannot be handed "
        "over statement by statement: each statement might run in another thread, which `sqlite3` refuses.",
        "Move the work into a plain function and call that, or use `--strategy convert`.",
    ),
    Code(
        "ASY171",
        "refusal",
        "a generator or context manager",
        "To call a generator, or a context manager made of one, runs nothing of it. What blocks runs where it is "
        "iterated or entered, and that is on the event loop.",
        "Let a plain function go through it and return a list, or do all of the work in its block.",
    ),
    Code(
        "ASY172",
        "refusal",
        "a connection would be used in two threads",
        "A connection of `sqlite3` works in the thread that opened it, and raises ProgrammingError in any other; with "
        "`check_same_thread=False` it does not, and the statements of several threads are parts of one transaction. "
        "Here one is kept, or is, or may be, opened outside of the function that would run in a thread, or used "
        "outside of it.",
        "Open and close the connection in the function; or use `--strategy convert`.",
    ),
    Code(
        "ASY173",
        "refusal",
        "StopIteration may leave the thread",
        "`next(...)` without a default, or `raise StopIteration`: a future takes no such exception, and the coroutine "
        "would wait for ever.",
        "Give `next` a default, or catch StopIteration there.",
    ),
    Code(
        "ASY174",
        "refusal",
        "it works in the thread of the event loop only",
        "What runs in a thread finds no running event loop there, and may not touch the one that waits for it "
        "(`get_running_loop`, `create_task`, `call_soon`); signal handlers are set in the main thread only.",
        "Do that in the coroutine, before or after the call.",
    ),
    Code(
        "ASY175",
        "refusal",
        "a lambda or generator runs in another thread",
        "What is handed in as a generator would run in the thread, and a lambda that a function makes may run when it "
        "is over, on the event loop.",
        "Hand in a list, or write a function.",
    ),
    Code(
        "ASY176",
        "refusal",
        "no twin can stand beside it",
        "A coroutine function cannot be written beside the plain one: it is defined inside of another plain function, "
        "defines coroutine functions itself, is overloaded, or its decorator hands it to a framework, which would get "
        "the twin as well.",
        "Move it to the module, or write the coroutine function by hand.",
    ),
    Code(
        "ASY177",
        "refusal",
        "reached through another name or module",
        "The call reaches the function by an alias, a re-export, or an import inside of a function. A twin has its "
        "own name, which is not there.",
        "Import the function from the module that defines it, at the top of the file.",
    ),
    Code(
        "ASY178",
        "refusal",
        "the name of the twin is taken",
        "Something is called `f_async` already, where the twin of `f` would stand or be called.",
        "If it does the same, call it in the coroutine; else give one of them another name.",
    ),
    Code(
        "ASY179",
        "refusal",
        "a connection would be shared with a twin",
        "The connection is kept in an attribute or a variable, is returned, or gets from a plain function to a "
        "coroutine function. It is one of `sqlite3` or one of aiosqlite, not both: either the plain function or "
        "its twin would find the wrong one. A connection that is only handed on as an argument, and ends in the "
        "function that opens it, has twins all along its way.",
        "Use `--strategy convert`; or open and close a connection in the function that coroutines call.",
    ),
)
