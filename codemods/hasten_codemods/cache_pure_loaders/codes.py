"""Every hazard, refusal and proof of `cache-pure-loaders`, as its page in the documentation shows it.

The facts about `functools.lru_cache` were found by running it (CPython 3.9 to 3.13), not from its manual.
"""

from __future__ import annotations

from hasten.api import Code

_ACCEPT = "Look at the place; if that cannot happen, take it with `--accept {code}`."


def _hazard(code: str, title: str, text: str, remedy: str = _ACCEPT) -> Code:
    return Code(code, "hazard", title, text, remedy.format(code=code))


def _refusal(code: str, title: str, text: str, remedy: str, *, quiet: bool = False) -> Code:
    return Code(code, "refusal", title, text, remedy, quiet)


CODES: tuple[Code, ...] = (
    _hazard(
        "CCH001",
        "the file may change",
        "The function reads a file that is not part of its own package, or whose name nobody writes out, or that some "
        "other place writes, moves, or gives to what may write it. Once the result is kept, a new content of the "
        "file is not seen. A relative path means another file after `os.chdir`, too.",
        "If the file stays as it is while the program runs, take it with `--accept CCH001`; else set "
        '`freshness = "mtime"`, which looks at the size and the time of the file before each use.',
    ),
    _hazard(
        "CCH002",
        "nobody can see what becomes of the result",
        "The function gives a list, a dictionary, or something else that can be changed, and the place named hands it "
        "on to where hasten cannot follow it. Every caller gets the same object: what one of them changes, all see.",
        "Return something that cannot be changed, such as a tuple; or take it with `--accept CCH002`. With "
        '`returns = "copy"` each caller gets a copy of its own, with `returns = "view"` a view that nobody can change.',
    ),
    _hazard(
        "CCH003",
        "nobody can see what it is given",
        "An argument without a hash raises TypeError, one that is hashed by its identity and then changed gives the "
        "old result, and `1`, `1.0` and `True` share one; so do `0.0` and `-0.0`, or one time in two time zones, "
        "which no cache tells apart. What is given to the parameter cannot be seen, by its annotation or by its "
        "callers, or is of such a type.",
        "Annotate the parameter with a type that has a hash, or take it with `--accept CCH003`.",
    ),
    _hazard(
        "CCH004",
        "the function calls itself",
        "A cached function that calls itself needs twice as much of the interpreter's stack: it reaches half the "
        "depth. So does one that calls another one that calls it. And it needs the stack of the process, too: where "
        "`sys.setrecursionlimit` allows tens of thousands of calls, the process may end without a message. "
        "Where it moves several of its arguments all its results are kept, and none is given up: with the last 128 of "
        "them it would compute most of them again.",
    ),
    _hazard(
        "CCH005",
        "callers outside of the program may change the result",
        "The project is a library, the function has a public name, and what it gives can be changed. Those who use the "
        "library are not to be seen; one who changes what he is given changes it for all others. A program that serves "
        "requests with it is run and not imported.",
        "Return something that cannot be changed, such as a tuple; or take it with `--accept CCH005`.",
    ),
    _hazard(
        "CCH006",
        "the file is told by its time and size",
        'With `freshness = "mtime"` the file is read again once it is another one, or its time or its size has '
        "changed. "
        "Whoever writes as many bytes as before within the same tick of the clock is not noticed.",
    ),
    _hazard(
        "CCH007",
        "a failure is kept",
        "The function catches an error that reading the file may raise, such as OSError, and goes on without it. What "
        "it gives then is kept, also when the next attempt would succeed.",
        "Let the error out, since errors are not kept; or catch what cannot change, such as FileNotFoundError. Or "
        "take it with `--accept CCH007`.",
    ),
    _hazard(
        "CCH008",
        "callers get a read-only view",
        'With `returns = "view"` a list becomes a tuple, a dictionary a `types.MappingProxyType`, and a set a '
        "frozenset, all the way down. Whoever tries to change them gets an error at that place. So does `json.dumps`, "
        "which does not know the mapping; `isinstance(value, dict)` says no, and a tuple is never equal to a list.",
        'Look at the uses of the result; or set `returns = "copy"`.',
    ),
    _hazard(
        "CCH009",
        "the object is taken to stay as it is",
        "The method gives what follows from attributes of its object, and `functools.cached_property` keeps the first "
        "result in the object. Nothing is seen to change these attributes, but whoever has the object may: a copy that "
        "is changed has the old result, and so has an object of a class that other files derive from it. What takes "
        "all attributes of the object together (`vars`, pickle, a debugger) sees one more.",
        "If objects of the class are made once and never changed, take it with `--accept CCH009`. A frozen dataclass "
        "says so to all who read the code.",
    ),
    _hazard(
        "CCH010",
        "no more than what is seen",
        "The function is pure, what it reads stays as it is, and nobody changes what it gives, as far as the text of "
        "the program shows, and nothing is in doubt. That is less than a proof. Names and attributes can be set, "
        "functions fetched, files written and results changed in ways that no text shows: through a registry, a "
        "method of a library, a name that is put together. Every change that has no other hazard has this one.",
        "Read the function, and who calls it. Take all such changes with `--accept CCH010`, which leaves those that "
        "something speaks against.",
    ),
    _refusal(
        "CCH101",
        "it changes something",
        "The function does more than give a result: it assigns to something that outlives it, writes, prints, or logs. "
        "With a cache that happens only once.",
        "Move what only computes the result into a function of its own.",
    ),
    _refusal(
        "CCH102",
        "it reads something that changes",
        "The function reads a variable that some place of the program assigns again or changes. The cache would keep "
        "the result for the first value.",
        "Hand the value in as an argument, or make the variable a constant.",
    ),
    _refusal(
        "CCH103",
        "it depends on the outside world",
        "The function asks the clock, the environment, the network, a database, a random number, another process, or "
        "the system by its files (`/proc`, `/sys`). The cache would freeze the first answer.",
        "Hand the answer in as an argument; or keep the result by hand for as long as it may be old.",
    ),
    _refusal(
        "CCH104",
        "it calls what is not known to be pure",
        "The function calls something that is neither the program's own nor in hasten's table of pure functions, or "
        "that nobody can tell: a method of a value of unknown type, a function in a variable.",
        "If it is pure, put `@functools.cache` there by hand. An annotation of the parameters helps hasten to see it.",
    ),
    _refusal(
        "CCH105",
        "it changes what it is given",
        "The function changes one of its arguments, or takes from an iterator or an open file that it is given. The "
        "second call would leave the argument as it is.",
        "Work on a copy; hand in a path instead of an open file.",
    ),
    _refusal(
        "CCH106",
        "a caller changes the result",
        "Somebody changes what the function gives. Once it is cached every caller gets the same object, and all of "
        "them see the change.",
        'Copy it before it is changed, or set `returns = "copy"`.',
    ),
    _refusal(
        "CCH107",
        "an argument has no hash",
        "A cache finds results by the hash of the arguments. Lists, dictionaries and sets have none: the call would "
        "raise TypeError.",
        "Hand in a tuple or a frozenset.",
    ),
    _refusal(
        "CCH108",
        "no function that can be cached",
        "A second caller of a cached generator gets what the first has left of it, which is nothing; a coroutine can "
        "be awaited once; a property, a context manager, or a function below another decorator is no longer called as "
        "it stands; a function inside another one gets a new cache each time.",
        "Take the work out into a function of the module.",
    ),
    _refusal(
        "CCH109",
        "a method",
        "A cache on a method keeps every object that it was called on, for ever; objects that are equal share "
        "results; and a changed attribute is not noticed. A method that some class overrides has another result for "
        "each class.",
        "Move the work into a function of the module, which is given what it needs. A method without parameters is "
        "kept in its object, by `functools.cached_property`, if what it reads there is given a value once, in "
        "`__init__` or as a field of a dataclass, and annotated as something that nobody can change.",
    ),
    _refusal(
        "CCH110",
        "a test replaces what it depends on",
        "A test puts something else in the place of a function, a constant or the file system that the function uses. "
        "What one test has computed would be there in the next, and a replacement would have no effect.",
        "Call `cache_clear()` of the function in a fixture of these tests, and put `@functools.cache` there by hand.",
    ),
    _refusal(
        "CCH111",
        "the name functools is taken",
        "The file uses the name `functools` for something of its own, or the program has a module of that name.",
        "Give it another name.",
    ),
    _refusal(
        "CCH112",
        "it is asked what it is",
        "A cached function is no plain function: `inspect.isfunction` says no, it has no `__code__` or `__globals__`, "
        "and it cannot be replaced by a decorator that looks for a function.",
        "Cache it by hand where that does not matter.",
    ),
    _refusal(
        "CCH113",
        "a loop waits for the file to change",
        "A `while` loop, or one that sleeps, reads the file again and again, most likely until there is something new "
        "in it. With a cache it would wait for ever.",
        "Leave it as it is.",
    ),
    _refusal(
        "CCH114",
        "the module beside it cannot be used",
        "What was asked for needs the module `_caching.py` in the package, or beside the script. There is another one "
        "of that name, the name is taken, or the file is imported where the module may not be found.",
        "Rename what is in the way, or leave the options `freshness` and `returns` as they are for this file.",
    ),
    _refusal(
        "CCH190",
        "not worth it",
        "Nothing shows that the function is called again with the same arguments: in a loop that leaves them as they "
        "are, for each request, or on one way through the program. Such refusals are listed with `-v` only.",
        "If it is called again and again all the same, put `@functools.cache` there by hand.",
        quiet=True,
    ),
    _refusal(
        "CCH191",
        "it computes, and not only that",
        "The function computes in loops, and is called again and again. But it does more than to give a result that "
        "follows from its arguments, or cannot be cached as it stands: the reason is said. Such refusals are listed "
        "with `-v` only.",
        "Move what only computes into a function of the module.",
        quiet=True,
    ),
    Code("CCH201", "proof", "pure", "The function, and all that it calls, follows from its arguments alone."),
    Code(
        "CCH202", "proof", "the result cannot be changed", "The result is text, a number, or another immutable value."
    ),
    Code("CCH203", "proof", "nobody changes the result", "The result was followed to all places that it gets to."),
    Code(
        "CCH204",
        "proof",
        "data of the package",
        "The files that it reads lie beside the module, under names that are written out, and nothing in the program "
        "writes them.",
    ),
    Code(
        "CCH205",
        "proof",
        "each caller gets a copy",
        'With `returns = "copy"` nobody has the object that is kept. A deep copy takes its time, too: for a small JSON '
        "document longer than reading it again.",
    ),
)
