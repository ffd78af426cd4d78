"""Every hazard and refusal that comes from making functions into coroutine functions, as their pages show them.

They belong to the engine, not to one codemod: each codemod that awaits what used to block gives the same reasons.
"""

from __future__ import annotations

from hasten.model import Code

#: Methods that cannot wait whatever calls them: special ones and properties.
FIRM = frozenset({"ASY121", "ASY122"})
_ACCEPT = "Read the diff at the place named; if the difference does not matter there, take it with `--accept {code}`."
_BY_HAND = (
    "Leave it as it is, or make the change by hand: keep the plain function and write a coroutine function beside."
)


def _hazard(code: str, title: str, text: str, remedy: str = _ACCEPT) -> Code:
    return Code(code, "hazard", title, text, remedy.format(code=code))


def _refusal(code: str, title: str, text: str, remedy: str = _BY_HAND) -> Code:
    return Code(code, "refusal", title, text, remedy)


ASYNC_CODES: tuple[Code, ...] = (
    _hazard(
        "ASY001",
        "a receiver is guessed",
        "Nobody can say what the object is whose method is called; one class of the program alone has a method of "
        "that name, so it is taken for one of its instances. Were it another, `await` would raise TypeError.",
        "Annotate the parameter or attribute, then run hasten again; or take it with `--accept ASY001`.",
    ),
    _hazard(
        "ASY002",
        "a handler that swallows cancellation",
        "A bare `except:` or `except BaseException` stands around the new `await` and does not raise again. "
        "A task that "
        "is cancelled while it waits there goes on as if nothing had happened.",
        "Catch `Exception`, or raise again, then run hasten again; or take it with `--accept ASY002`.",
    ),
    _hazard(
        "ASY003",
        "read before the await, written after it",
        "In `self.total += await f()` the old value is read before the wait and written after it: what another task "
        "stores in between is lost (ten tasks that add 1 make 1). Likewise where a loop with the wait in it goes "
        "through something that another task changes (`dictionary changed size during iteration`, or an element is "
        "skipped), and where the function looks before the wait at what it uses after it, and another task has changed "
        "it meanwhile.",
        "Take the result into a variable of its own first, then add it; go through a copy (`list(self.clients)`); look "
        "again after the wait; or take it with `--accept ASY003`.",
    ),
    _hazard(
        "ASY004",
        "a Flask view becomes a coroutine function",
        "Flask runs it, and what is registered for the beginning or end of a request, through asgiref, which has to be "
        "installed (`flask[async]`): each in a thread and an event loop of its own. What is bound to one loop (a "
        "client, a lock) cannot be kept for the next, not even within one request. A worker still serves one request "
        "at a time: nothing is gained unless the function waits for several things at once, and each loop takes time.",
    ),
    _hazard(
        "ASY005",
        "a handler moves from the thread pool to the event loop",
        "FastAPI and Starlette run a plain function in a thread and a coroutine function on the event loop. Whatever "
        "still blocks in it, or in what it calls, now holds up every other request.",
    ),
    _hazard(
        "ASY006",
        "replaced by something that cannot be awaited",
        "A test or another module puts something else in the function's place. `patch` without `new` makes an "
        "`AsyncMock` by itself, and lambdas, plain mocks and functions that a test puts there are made awaitable. This "
        "one is not: it is another object, or nobody can say whose place it takes; what it returns `await` may refuse "
        "(TypeError).",
        "Use `AsyncMock` or an `async def` there; or take it with `--accept ASY006`.",
    ),
    _hazard(
        "ASY007",
        "an event loop of its own",
        "The caller stays a plain function and calls `asyncio.run`, which makes a new event loop for each "
        "call. What is "
        "bound to one loop (a connection pool, an `asyncio.Lock`) cannot be used in the next.",
    ),
    _hazard(
        "ASY008",
        "a comprehension within a comprehension",
        "`await` in a comprehension that stands within another one is a SyntaxError before Python 3.11.",
        "Take it with `--accept ASY008` if no older Python has to read the file.",
    ),
    _hazard(
        "ASY009",
        "a method that the standard library calls by its name",
        "Objects with `read`, `write`, `flush` and their like are handed to `print`, `json`, `csv`, `logging` and "
        "others, which call these methods and await nothing.",
    ),
    _hazard(
        "ASY010",
        "an attribute that is taken for another one",
        "An attribute with the name of the method is read, as a value, on an object of which nobody can say what it "
        "is. Other classes of the program have plain data of that name, so it is taken for theirs. Were it the method, "
        "whoever calls it then would not await it.",
        "Annotate the parameter or attribute at the place named, then run hasten again; or take it with "
        "`--accept ASY010`.",
    ),
    _hazard(
        "ASY011",
        "a generator is cleaned up later",
        "What an abandoned generator has in `finally` and `with` runs at once; that of an asynchronous one runs some "
        "turns of the event loop later. It is abandoned where something else in the comprehension fails, and by "
        "`next(rows())`, which takes one value and forgets the rest.",
        "Write a loop, which gets a block of its own for that; or take it with `--accept ASY011`.",
    ),
    _hazard(
        "ASY012",
        "a call on an attribute that the program sets nowhere",
        "A method of that name is called on an attribute of an object of which nobody can say what it is "
        "(`request.query_params.get`). Nothing in the program gives an attribute of that name to anything, so what it "
        "holds is taken for something that others made. So is what a method gives that no class of the program has and "
        'that is given nothing but constants (`path.open("w").close()`). A library may have put an object of the '
        "program there all the same, under a name that it was told in a string; were it this method's, its call would "
        "not be awaited. The same is told of what has the name of an attribute that holds the function "
        "(`settings.get`), where all objects with that attribute were followed, and one of them was handed to a method "
        "that is known by its name alone.",
        "Annotate the object at the place named, then run hasten again; or take it with `--accept ASY012`.",
    ),
    _hazard(
        "ASY013",
        "an exception of a signal comes elsewhere",
        "While `asyncio.run` is at work, Ctrl-C cancels the main task, and KeyboardInterrupt is raised when that has "
        "ended: a handler for it inside of a coroutine function never runs. What a function that was given to "
        "`signal.signal` raises comes up in the event loop, too, and not where the coroutine waits.",
        "Catch KeyboardInterrupt around `asyncio.run`, and CancelledError inside; use `loop.add_signal_handler` or "
        "`asyncio.timeout` in the place of handlers that raise; or take it with `--accept ASY013`.",
    ),
    _hazard(
        "ASY014",
        "changes come later than before",
        "A task that had nothing to wait for had done all of its work when it first gave way. With a new wait in it, "
        "what it changes after that (an attribute, a global name, a file) comes later: whoever started it and does not "
        "wait for it reads what is not there yet, or the program ends before; of several tasks the shorter ones come "
        "first; and a timeout, or a task beside it that fails, ends it in the middle.",
        "Await the task before its effects are needed, or take it with `--accept ASY014` if nobody looks before.",
    ),
    _hazard(
        "ASY015",
        "an object that is seen before it is finished",
        "The constructor puts the object somewhere (a list of all workers, a table by name) and waits after that: "
        "another task can take it from there before the constructor has ended.",
        "Put it there when all else is done; or take it with `--accept ASY015`.",
    ),
    _hazard(
        "ASY016",
        "a property that may be asked for by any name",
        "`getattr` or one of its like asks something unknown for an attribute whose name nobody can tell. Were it this "
        "property, it would get a coroutine, which nobody awaits.",
        "Annotate the object at the place named, then run hasten again; or take it with `--accept ASY016`.",
    ),
    _hazard(
        "ASY017",
        "a generator that is used up where it is made",
        "A generator that is kept in a variable, returned or handed on is gone through at once, since whoever uses it "
        "later cannot wait: `iter([item async for item in rows()])`. All of it runs before the first value is used, "
        "even values that nobody asks for; what it raises is raised where it is made; and all values are there at the "
        "same time.",
        "Use it up in a `for` loop where it is called; or take it with `--accept ASY017`.",
    ),
    _hazard(
        "ASY028",
        "what a constructor did is done at the first use",
        "The constructor stays as it is up to the first statement that has to wait. The rest runs once, when a method "
        "first needs what it makes: files appear, errors are raised, and statements are run then, and not where the "
        "object is made. What the rest reads (attributes of the object, files, the clock) it reads later, too. Where "
        "it fails, the object is there all the same, and the next method tries again. An object that is closed before "
        "its first use was never opened.",
        "Look whether the program counts on errors of the constructor, or on what it leaves behind; else take it with "
        "`--accept ASY028`.",
    ),
    _hazard(
        "ASY029",
        "a method that a library calls starts an event loop",
        "The method overrides one of a library (`Application.start` of traitlets, `Command.run` of setuptools, `do_*` "
        "of `cmd.Cmd` and of `BaseHTTPRequestHandler`, `handle` of `BaseRequestHandler`, `Thread.run`), which calls it "
        "and awaits nothing. It stays as it is, and runs what waits with `asyncio.run`. No coroutine of the program is "
        "seen to call it, or to let the library do so; whoever does so unseen, in a notebook or a test that awaits, "
        "gets RuntimeError, since a loop runs there already.",
        "Look who calls it, or what launches it; where no event loop runs there, take it with `--accept ASY029`.",
    ),
    _hazard(
        "ASY039",
        "a configuration may give something else",
        "A trait of traitlets holds what makes an object, or the object itself, and a configuration of the user's may "
        "set it. What the program gives it becomes asynchronous; what a configuration gives it stays as it is, and "
        "awaiting what its methods return raises TypeError.",
        "Say so where the trait is documented: its methods are coroutine functions from then on. Then take it with "
        "`--accept ASY039`.",
    ),
    _hazard(
        "ASY023",
        "a private method that a base may know",
        "The class derives from one that is not part of the program, and the method has a name of the kind that is for "
        "a class alone (`_connect`). If the base has a method of that name, and calls it, it gets a coroutine that "
        "nobody awaits.",
        "Look whether the base has a method of that name; if it has none, take it with `--accept ASY023`.",
    ),
    _hazard(
        "ASY024",
        "StopIteration that nobody catches",
        "`next(...)` without a default, in a function that becomes a coroutine function. If there is nothing, it "
        "raised StopIteration; out of a coroutine that comes as RuntimeError, and `anext` raises StopAsyncIteration. "
        "Nothing in the program catches StopIteration, so it ends with an error as before.",
        "Give `next` a default; or take it with `--accept ASY024`.",
    ),
    _hazard(
        "ASY027",
        "items that are put in at once",
        "`found.update(rows())` put each item into the container when the generator gave it. Now all of them are "
        "awaited first. If the generator raises in the middle the container has none of them, where it had some, and a "
        "generator that looks into the container finds it as it was before.",
        "Write a loop that puts in one by one; or take it with `--accept {code}`.",
    ),
    _refusal(
        "ASY101",
        "in a lambda",
        "There is no asynchronous lambda: `await` in one is a SyntaxError.",
        "Write a nested `async def`, if whoever calls the lambda can await.",
    ),
    _refusal(
        "ASY102",
        "in the body of a class",
        "The body of a class runs where it is defined, and `await` in it is a SyntaxError even inside an `async def`.",
        "Make the value in a function, and hand it to the class.",
    ),
    _refusal(
        "ASY103",
        "at module level",
        "The call runs when the module is imported. `asyncio.run` there fails when the import happens inside a running "
        "event loop.",
        'Move it into a function that is called later, or below `if __name__ == "__main__":`.',
    ),
    _refusal(
        "ASY104",
        "in a generator expression",
        "With `await` inside, a generator expression becomes an asynchronous one, which `sum`, `any`, `list` and `for` "
        "refuse; and a list comprehension in its place evaluates everything, at once.",
        "Write a loop, or a list comprehension if all of it may be evaluated.",
    ),
    _refusal(
        "ASY105",
        "inside an f-string",
        "The place of the call inside the f-string cannot be told on this version of Python; or it stands in `{...=}`, "
        "which shows its text.",
        "Assign the call to a variable first.",
    ),
    _refusal(
        "ASY106",
        "in an annotation",
        "Annotations may be evaluated late or never, and `await` in one is a SyntaxError from Python 3.14 on.",
        "Make the value before the definition.",
    ),
    _refusal(
        "ASY107",
        "a lock or another effect on the whole process is held",
        "Around the call a `threading` lock is held, or standard output, the warning filters, the working directory or "
        "a patch are changed. Other tasks would run in the middle of it, or wait for the lock forever.",
        "Use `asyncio.Lock`, or move the call out of the `with` statement.",
    ),
    _refusal(
        "ASY108",
        "StopIteration is caught around the call",
        "A coroutine function cannot raise StopIteration: it arrives as RuntimeError, and the handler never runs.",
        "Catch StopIteration where it is raised, and return a value instead.",
    ),
    _refusal(
        "ASY109",
        "the result is awaited already",
        "The plain function returns something awaitable, which is awaited or scheduled here; with the "
        "function itself a "
        "coroutine function there would be two things to await.",
        "Make the function `async def` by hand, and await what it returns inside.",
    ),
    _refusal(
        "ASY110",
        "in a file that is not rewritten",
        "The file is no part of what hasten was asked to rewrite, and would have to change, too.",
        "Name the file on the command line as well.",
    ),
    _refusal(
        "ASY120",
        "a constructor",
        "An `__init__` that has to wait becomes an asynchronous factory: `Store(path)` is then "
        "`await Store.create(path)`, which makes the object and awaits what was the body, now a method. Nothing else "
        "happens, and nothing later than before. Whoever still writes `Store(path)`, outside of the program too, gets "
        "TypeError: a class without an `__init__` takes no arguments, and where none are needed, or a base has an "
        "`__init__`, hasten leaves one that raises it. Here that cannot be done: the object is made in another way "
        "(`__new__`, a metaclass, a dataclass, a base from elsewhere), or the next constructor cannot be told.",
        "Write an asynchronous factory, `async def create(cls)`, and make objects with that.",
    ),
    _refusal(
        "ASY121",
        "a special method",
        "Python itself calls the method by its special name and awaits nothing: the coroutine would count as true, as "
        "a result, or as nothing at all. `__enter__` and `__exit__` become `__aenter__` and `__aexit__`, and each "
        "`with` that enters such an object an `async with`; a `with` that is left somewhere raises TypeError. Here the "
        "object is entered in another way (an `ExitStack`, a base from elsewhere), or has the asynchronous twins "
        "already. `__del__` cannot wait, either, and may run when no event loop does, so that no task could be left "
        "to do it. Where all that it does is to call `close`, it can go once whoever opens the object closes it; but "
        "that nobody relies on it the program cannot show.",
        "Use the asynchronous twin where there is one (`__aenter__`, `__aiter__`), or a plain method. In the place of "
        "`__del__` close the object where it is opened, by `with closing(...)` or `try` and `finally`.",
    ),
    _refusal(
        "ASY122",
        "a property",
        "A getter that has to wait becomes `async def` below its `@property`, and each `obj.x` becomes `await obj.x`; "
        "`cached_property` becomes a property that keeps its value in `vars(self)`, since a coroutine can be awaited "
        "once only. This one stays: it can be set or deleted, which cannot wait, or is so in the program; it is a "
        "property in one class and something else in another; it is a generator; its class answers for attributes "
        "itself; or something gets at it in another way than by reading it of an object: by its name, of its class, "
        "by a template or a pattern, or by a test that puts something in its place.",
        "Make a method of it, or read it of an object at the place named.",
    ),
    _refusal(
        "ASY123",
        "a cache around the function",
        "`lru_cache` and `cache` would keep the coroutine, which can be awaited once only.",
        "Use a cache for coroutine functions.",
    ),
    _refusal(
        "ASY124",
        "a context manager made of a generator",
        "`@contextmanager` becomes `@asynccontextmanager`, and each `with` that enters it an `async with`. Here it is "
        "entered in another way, or its generator does what an asynchronous one cannot.",
        "Enter it with `with`, or use `asynccontextmanager` and `async with` by hand.",
    ),
    _refusal(
        "ASY125",
        "a generator",
        "With `await` inside, a generator becomes an asynchronous one, and each `for` over it an `async for`. One "
        "that is kept, returned or handed on is used up where it is called (ASY017). Here it is used in another way "
        "(the value of `yield from`, `send`), may have no end, or does what an asynchronous one cannot.",
        "Use it in a `for` loop, in `list(...)` or `next(...)`, or change generator and consumers by hand.",
    ),
    _refusal(
        "ASY126",
        "a decorator that may not take coroutine functions",
        "The decorator calls, wraps or registers the function, and is not known to await it: what it does "
        "after the call "
        "would happen before the body runs.",
        "Give the decorator an asynchronous form.",
    ),
    _refusal(
        "ASY127",
        "a task of a task queue",
        "Celery and its like call the function, take the coroutine for the result, and never run the body.",
        "Keep the task, and call `asyncio.run` in it.",
    ),
    _refusal(
        "ASY128",
        "an entry of the program",
        "A command of click or typer, an entry point of the project, or a method that a library calls where a program "
        "begins (`Application.start` of traitlets, `do_*` of `cmd.Cmd`), is called by code that awaits nothing: the "
        "exit code would be 0 and the body would never run. It runs its body with `asyncio.run`, unless it cannot: a "
        "coroutine calls it, or lets the library do so, or what it would run starts an event loop itself.",
        "Move the body into an `async def`, and let the command call `asyncio.run` on it.",
    ),
    _refusal(
        "ASY129",
        "a test or fixture that stays a plain function",
        "Tests and fixtures become coroutine functions in the style of the project: with a mark and fixtures of "
        "pytest-asyncio (`asyncio_mode = auto` needs none), with the mark of anyio, or in an "
        "`IsolatedAsyncioTestCase`. This one cannot, for the reason given: a test runner calls it and awaits nothing "
        "(`setup_method`, `setUpClass`), what it does starts an event loop and cannot be handed to a thread "
        "(`await asyncio.to_thread(runner.invoke, cli)`), or nobody can say how it is run. Calls in it stand in "
        "`asyncio.run` then; this one cannot.",
        "Take what stands in the way out of the test, or make it asynchronous by hand.",
    ),
    _refusal(
        "ASY130",
        "may override a method of a class outside the program",
        "A base class that hasten cannot see may have a method of that name, and call it without awaiting.",
        "Rename the method, if the base class has none of that name.",
    ),
    _refusal(
        "ASY131",
        "defined more than once",
        "The name is bound in several ways, and which one a call reaches is decided at run time.",
        "Define it once.",
    ),
    _refusal(
        "ASY132",
        "handed on as a value",
        "The function, or class, itself gets to where nobody can follow it (`map`, a sort key, a library, a container "
        "that is gone through): whoever calls it there awaits nothing. What can be followed is no refusal: a variable, "
        "an attribute of an object, a parameter or its default value, what a function returns, `functools.partial`, a "
        "lambda that only calls, and a dictionary, list or tuple of which items are taken. All that can be called at "
        "such a place converts together. The message names the place where the trail ends. `contextlib.closing` awaits "
        "nothing either: where `with` enters it by itself, the block becomes a `try` that awaits `close` in its "
        "`finally`; where it is entered otherwise, or may hold anything, it is a refusal.",
        "Call it where it is named, annotate what is unknown at the place named, or write a coroutine function beside "
        "it.",
    ),
    _refusal(
        "ASY133",
        "runs in a thread or process",
        "A thread, process or executor calls the function and would end with a coroutine whose body never ran.",
        "Await the coroutine function directly, once nothing in it blocks; until then keep the plain function.",
    ),
    _refusal(
        "ASY134",
        "reached by its name in a string",
        "The function is looked up by name at run time (`getattr`, a dotted path), and the call cannot be seen; or a "
        "doctest calls it, whose lines are run as they are.",
        "Call it by name, or change the place named by hand.",
    ),
    _refusal(
        "ASY135",
        "a call whose receiver is unknown",
        "A method of that name is called on an object of which nobody can say what it is; were it this one, the "
        "coroutine would never be awaited, without a word.",
        "Annotate the parameter or attribute at the place named, then run hasten again.",
    ),
    _refusal(
        "ASY136",
        "imported by `*`",
        "A module that imports everything uses the name, and may mean this function.",
        "Import the name.",
    ),
    _refusal(
        "ASY137",
        "something else is put in its place",
        "The attribute is assigned to, so a call may reach something else than the method.",
        "Give the attribute another name.",
    ),
    _refusal(
        "ASY138",
        "it starts an event loop",
        "The function, or one that it calls, starts an event loop (`asyncio.run`, `run_until_complete`), which fails "
        "inside a running one.",
        "Await the coroutine instead of running a loop for it.",
    ),
    _refusal(
        "ASY139",
        "StopIteration may leave the function",
        "`raise StopIteration`, or `next(...)` without a default where the program catches StopIteration: a coroutine "
        "function raises RuntimeError instead.",
        "Give `next` a default, or catch StopIteration there.",
    ),
    _refusal(
        "ASY140",
        "the call may reach several functions",
        "One call reaches this function and others that cannot be awaited as it is: a generator beside a plain "
        "function, or a class beside one that has no constructor of its own, or is to be made by a factory of another "
        "name.",
        "Write them alike: give them a common base class, or each class an `__init__`.",
    ),
    _refusal(
        "ASY141",
        "a constructor that cannot wait for the first use",
        "What a constructor makes is to be made when the object is first used. That is right only as long as everybody "
        "who uses it can wait for it: methods of the class that are, or become, coroutine functions. Here something "
        "else asks for it: a plain method, a property, code outside of the class, `hasattr`; or the constructor is "
        "one whose later part cannot run by itself.",
        "Let a coroutine function of the class do what is done there; or let the constructor become a factory.",
    ),
    _refusal(
        "ASY144",
        "a context of Flask ends where an event loop runs",
        "Flask runs each coroutine function that it is handed (a view, a function of `before_request`, "
        "`teardown_appcontext` or `errorhandler`) in a thread and an event loop of its own. What does that, asgiref, "
        "refuses where an event loop runs already. So no coroutine function may request a page, or leave "
        "`with app.app_context():`. A test, a command or whatever begins the program stays a plain function, and runs "
        "each thing that waits by `asyncio.run`; a function that others call may be called by a coroutine.",
        "Open the context where the program begins, or in a test that is a plain function, and hand on what is read "
        "there.",
    ),
)
