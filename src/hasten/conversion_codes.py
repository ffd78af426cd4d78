"""The hazards and refusals of whole conversions, beside those of single functions and calls (`hasten.async_codes`)."""

from __future__ import annotations

from hasten.model import Code

#: No event loop runs a call, so nothing is gained where it is awaited.
UNREACHED = "ASY150"

CONVERSION_CODES: tuple[Code, ...] = (
    Code(
        "ASY020",
        "hazard",
        "functions become coroutine functions",
        "The blocking call stands in a plain function. It becomes a coroutine function, and so does every function "
        "between it and a coroutine; each call of them is awaited. At each new `await` other tasks may run, where "
        "nothing could come between before, and the task may be cancelled. Under the strategy `twin` it is a coroutine "
        "function beside it that the coroutines call.",
        "Read the diff: what two tasks share must bear a pause at each new `await`. Then take it with "
        "`--accept ASY020`.",
    ),
    Code(
        "ASY021",
        "hazard",
        "nobody in the program calls it",
        "A function that becomes a coroutine function is called from nowhere in the program. It may be unused, or "
        "called by code that hasten cannot see, which would get a coroutine and not await it.",
        "If it is nobody's entry from outside, take it with `--accept ASY021`; else keep it with `# hasten: ignore`.",
    ),
    Code(
        "ASY022",
        "hazard",
        "the program starts with it",
        "A function that becomes a coroutine function is called where a file is run as a program; `asyncio.run` is put "
        "around that call. If the project's metadata names the same function as a command (`[project.scripts]`), the "
        "command gets a coroutine, does nothing, and says that all is well.",
        "Look for its name in `pyproject.toml`, `setup.cfg`, `setup.py`, and wherever programs are started from; then "
        "take it with `--accept ASY022`.",
    ),
    Code(
        UNREACHED,
        "refusal",
        "no coroutine calls it",
        "The blocking call stands in a plain function that no coroutine calls, directly or through others. No event "
        "loop is blocked, and to start one would only cost. A test that uses `sqlite3` by itself is one of these.",
        'Leave it as it is. Whoever wants no `sqlite3` left has such tests converted, too, with `tests = "all"` of '
        "`sqlite3-to-aiosqlite`. Where it is called from a coroutine in a way that cannot be seen, make the function "
        "`async def` by hand. Where another codemod makes one of it in this run, run hasten once more.",
    ),
    Code(
        "ASY151",
        "refusal",
        "the name asyncio is taken where it is needed",
        "A plain function that stays one would have to call `asyncio.run`, in a file that uses the name for something "
        "of its own.",
        "Give it another name.",
    ),
)
