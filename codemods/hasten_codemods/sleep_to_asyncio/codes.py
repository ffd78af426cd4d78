"""Every hazard, refusal and proof of `sleep-to-asyncio`, as its page in the documentation shows it.

The facts were found by running both functions (CPython 3.8 to 3.13, uvloop), not from their manuals. What follows from
making coroutine functions of functions is the same for all codemods that do so, and has codes of the engine's.
"""

from __future__ import annotations

from hasten.api import Code

CODES: tuple[Code, ...] = (
    Code(
        "SLP001",
        "hazard",
        "how long it sleeps is not known",
        "`time.sleep` raises ValueError for a negative number and for NaN. `asyncio.sleep` returns at once for the "
        "one and never for the other. A handler that counts on the ValueError is not reached.",
        "If the number cannot be negative, take it with `--accept SLP001`; else write `max(0, seconds)`.",
    ),
    Code(
        "SLP002",
        "hazard",
        "something else is put in the place of time.sleep",
        "A test or a tool replaces `time.sleep` for the whole program (`monkeypatch.setattr(time, 'sleep', ...)`). "
        "That has no effect on `asyncio.sleep`: the test really sleeps, and what it expects of its replacement does "
        "not come true.",
        "Replace `asyncio.sleep` there, too; or take it with `--accept SLP002`.",
    ),
    Code(
        "SLP003",
        "hazard",
        "under uvloop a sleep may end early",
        "The program uses uvloop, whose timers count whole milliseconds: `asyncio.sleep` may return up to 0.7 ms "
        "early, and less than half a millisecond is no time at all.",
        "Take it with `--accept SLP003`, unless less than a millisecond matters.",
    ),
    Code(
        "SLP004",
        "hazard",
        "coroutines may run on another event loop",
        "The program uses trio, curio or anyio, whose coroutines need not run on asyncio. `asyncio.sleep` raises "
        "RuntimeError there.",
        "Take it with `--accept SLP004` if this code only runs on asyncio.",
    ),
    Code(
        "SLP101",
        "refusal",
        "time may be something else",
        "The name is bound in several ways, assigned to, or shadowed, or a module of the program is called `time`.",
        "Import `time` in one way.",
    ),
    Code(
        "SLP102",
        "refusal",
        "time.sleep passed as a value",
        "The function, or the module `time` with it, is handed to other code, which calls it when it pleases, and "
        "awaits nothing.",
        "Pass a coroutine function such as `asyncio.sleep` where the other code awaits what it calls.",
    ),
    Code(
        "SLP103",
        "refusal",
        "arguments that cannot be seen",
        "`time.sleep` takes one argument by position. With `*args` or anything else nobody can say what is meant: the "
        "second argument of `asyncio.sleep` is what it returns.",
        "Write the argument out.",
    ),
    Code(
        "SLP104",
        "refusal",
        "patched by name",
        "A test or a tool replaces `time.sleep` in this very module by its name "
        "(`mock.patch('app.worker.time.sleep')`). After a rewrite the patch would fail, or succeed and change nothing, "
        "and the test would really sleep.",
        "Change the patch together with the call.",
    ),
    Code(
        "SLP105",
        "refusal",
        "the name asyncio is taken",
        "The file uses the name `asyncio` for something of its own, or the program has a module of that name.",
        "Give it another name.",
    ),
    Code(
        "SLP106",
        "refusal",
        "time.sleep of another module",
        "The function is reached through a module of the program that may exchange it for another (`compat.sleep`).",
        "Import `time` here.",
    ),
    Code(
        "SLP201",
        "proof",
        "in a coroutine function, for a known time",
        "The function is a coroutine function already, and the time is a constant that is not negative: no other "
        "function changes, and `asyncio.sleep` takes as long as `time.sleep` did.",
    ),
)
