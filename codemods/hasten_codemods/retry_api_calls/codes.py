"""Every hazard, refusal and proof of `retry-api-calls`, as its page in the documentation shows it."""

from __future__ import annotations

from hasten.api import Code

CODES: tuple[Code, ...] = (
    Code(
        "RTY001",
        "hazard",
        "the request may be carried out twice",
        "`POST` and `PATCH` do something each time. Where the answer is lost on its way back, the server has acted, "
        "and the second attempt orders, charges or sends again. A second `PUT` may undo what somebody else wrote in "
        "between, and a second `DELETE` finds nothing, and says so.",
        "Send an idempotency key that is the same for each attempt, made outside of the function; or take it with "
        "`--accept RTY001` where a second request does no harm.",
    ),
    Code(
        "RTY002",
        "hazard",
        "a request that asks seems to do something",
        "By the standard of HTTP, `GET` changes nothing. Some servers do not keep to it, and the name of the function "
        "or of the address says that something is done.",
        "Look at what the server does; take it with `--accept RTY002` where a second request does no harm.",
    ),
    Code(
        "RTY003",
        "hazard",
        "something else would be done again",
        "Each attempt runs the function from its first line. It does something before its call is over that could be "
        "seen done twice, or that nobody can tell anything about: a counter, a list that grows, a file, a call of "
        "something unknown.",
        "Take the call out into a function of its own and try that again; or take it with `--accept RTY003` where "
        "it does no harm.",
    ),
    Code(
        "RTY004",
        "hazard",
        "an argument may be used up",
        "An iterator, a generator or an open file can be gone through once. The second attempt would find it empty, "
        "and send nothing, without an error.",
        "Annotate the parameter (`list[str]`, `bytes`), or read it before; or take it with `--accept RTY004`.",
    ),
    Code(
        "RTY005",
        "hazard",
        "the call stands in a loop",
        "The loop would begin again from its start, with all calls that went well before.",
        "Take one round of the loop out into a function of its own and try that again; or take it with "
        "`--accept RTY005`.",
    ),
    Code(
        "RTY006",
        "hazard",
        "a decorator that nobody knows",
        "The new decorator stands below those that are there, which see one call however many attempts there are. What "
        "a decorator does that looks into the function cannot be told.",
        "Look at the decorator; take it with `--accept RTY006` where it only calls the function.",
    ),
    Code(
        "RTY007",
        "hazard",
        "a context that is entered again",
        "The call stands in a `with` of which nothing is known. It would be left with the error of the attempt, and "
        "entered again.",
        "Take the call out of it; or take it with `--accept RTY007` where that does no harm.",
    ),
    Code(
        "RTY008",
        "hazard",
        "it may try again by itself",
        "The session is passed in from outside, or sent through an adapter, or a method of a class of the program, of "
        "which nobody knows what it does. Where it tries again by itself, attempts multiply.",
        "Look at who makes the session; take it with `--accept RTY008` where it makes one attempt.",
    ),
    Code(
        "RTY009",
        "hazard",
        "a test lets such calls fail",
        "A test answers with a busy status, or raises an error that passes, and reaches the function. It waits for the "
        "attempts then, counts more of them than before, and may run out of the answers that it prepared.",
        "Take the waits out in tests: `monkeypatch.setattr(fetch.retry, 'wait', tenacity.wait_none())`, with the "
        "answers for each attempt; or take it with `--accept RTY009`.",
    ),
    Code(
        "RTY010",
        "hazard",
        "callers get a value in the place of an error",
        "With `fallback`, the function returns that value after its last attempt. Callers that catch the error, or "
        "count on it, see the value.",
        "Take it with `--accept RTY010` where all callers can do with the value.",
    ),
    Code(
        "RTY011",
        "hazard",
        "only its name tells what it is",
        "What the method is called on was passed in by something that cannot be seen. Elsewhere in the program a "
        "session has the same name, and the call is given an address, or settings that only such a session takes; "
        "without those it is left alone. Where it is something else, the decorator would do nothing.",
        "Annotate the parameter or the attribute (`session: requests.Session`); or take it with `--accept RTY011`.",
    ),
    Code(
        "RTY012",
        "hazard",
        "its log line reads otherwise",
        "The loop wrote a line before each wait. tenacity writes one as well, in its own words, and at the level that "
        "the settings say. It writes none when it gives up: whoever catches the error may.",
        "Look for what reads these lines; take it with `--accept RTY012` where only people do.",
    ),
    Code(
        "RTY013",
        "hazard",
        "other tasks run while it waits",
        "A loop waits with `time.sleep` in a coroutine, or a coroutine calls a client that blocks: nothing else runs "
        "meanwhile. tenacity waits with `asyncio.sleep`: that is better, and lets others in.",
        "Look at what the function shares with other tasks; take it with `--accept RTY013`.",
    ),
    Code(
        "RTY014",
        "hazard",
        "something is put in the place of the sleep",
        "A test replaces `time` or `sleep` by the name that the module has for it. The module sleeps no more: tenacity "
        "does, and it really waits.",
        "Replace `tenacity.nap.time.sleep` there; or take it with `--accept RTY014`.",
    ),
    Code(
        "RTY015",
        "hazard",
        "something that may call it is a coroutine, or tries again",
        "A method of that name is called on something that nobody can tell the kind of, or handed to what tries it "
        "again. Were it this one, its waits would keep an event loop from all else, or its attempts would multiply.",
        "Annotate what the method is called on; or take it with `--accept RTY015` where it is something else.",
    ),
    Code(
        "RTY016",
        "hazard",
        "no more than what is seen",
        "Nothing is seen to speak against another attempt, which is less than a proof: what calls the function may try "
        "again, give up meanwhile, or count on one attempt, and what it reads may be used up, in ways that no text "
        "shows. Where the function does more than to ask and to read the answer, or something in the program looks as "
        "if it tried again, that is named. Every change that has no other hazard has this one.",
        "Read the function, and who calls it. Take all such changes with `--accept RTY016`, which leaves those that "
        "something speaks against.",
    ),
    Code(
        "RTY101",
        "refusal",
        "the client tries again by itself",
        "A decorator on top would multiply the attempts: three by three are nine requests for each failure. The client "
        "also heeds what the server says about when to come back.",
        "Set how often it tries in the client itself.",
    ),
    Code(
        "RTY102",
        "refusal",
        "the session tries again by itself",
        "The program gives a session an `HTTPAdapter` with `max_retries`, or a transport with `retries`; or it is of a "
        "class of the program whose `request` or `send` tries again. A decorator on top would multiply the attempts.",
        "Set `status_forcelist` and `backoff_factor` of its `Retry`; or take the adapter or the loop away, and run "
        "hasten again.",
    ),
    Code(
        "RTY103",
        "refusal",
        "a loop tries again by hand",
        "The call stands in a loop that tries it again when it fails. A decorator on top would multiply the attempts. "
        "Where the loop is all that the function does, and how often and how long can be seen, it is replaced.",
        "Leave it; or write `for attempt in tenacity.Retrying(...): with attempt:` in its place, which may count with "
        "parameters and attributes, and keeps what was made before it.",
    ),
    Code(
        "RTY104",
        "refusal",
        "a lock is held, or a transaction is open",
        "Whoever needs the lock would wait as long as the attempts take, and a transaction that failed cannot go on.",
        "Call before the lock is taken, or the transaction begins.",
    ),
    Code(
        "RTY105",
        "refusal",
        "failures do not leave the function",
        "A handler inside keeps them, or raises another error that does not know them. A decorator never sees them, "
        "and would do nothing.",
        "Take the call out into a function of its own, inside of the `try`, and try that again; or raise the other "
        "error `from` the first.",
    ),
    Code(
        "RTY106",
        "refusal",
        "what calls it tries again",
        "A function on the way to it is tried again already, by a decorator, a loop, a task queue, or an object that "
        "it is handed to, such as `Retrying(...)`. Attempts would multiply.",
        "Leave it, or take the other one away.",
    ),
    Code(
        "RTY107",
        "refusal",
        "a coroutine calls it",
        "The function is no coroutine function, so it waits with `time.sleep`: the event loop would stand still for "
        "the whole wait.",
        "Make it a coroutine function, with an asynchronous client, and run hasten again.",
    ),
    Code(
        "RTY110",
        "refusal",
        "the call stands in no function",
        "It runs when the module is imported, or in a lambda.",
        "Put it into a function.",
    ),
    Code(
        "RTY111",
        "refusal",
        "a generator",
        "Calling a generator only makes it: what is tried again is nothing that could fail. Below `@contextmanager` it "
        "is the same.",
        "Take the call out into a function of its own.",
    ),
    Code(
        "RTY112",
        "refusal",
        "a property",
        "Nobody expects that reading an attribute waits for seconds.",
        "Make it a method; or take the call out into one.",
    ),
    Code(
        "RTY113",
        "refusal",
        "Python calls the method",
        "`__init__`, `__enter__` and their like are called at moments that are no place for waiting, on objects that "
        "are half made.",
        "Take the call out into a method of its own.",
    ),
    Code(
        "RTY114",
        "refusal",
        "the function belongs to tests",
        "A test is there to see what fails.",
        "Nothing need be done.",
    ),
    Code(
        "RTY115",
        "refusal",
        "the function is tried again already",
        "It has a decorator that tries it again.",
        "Nothing need be done.",
    ),
    Code(
        "RTY116",
        "refusal",
        "the answer is read as a stream",
        "With `stream=True` the call is over before the answer is read, so the failure comes later; and what was "
        "written of the first half stays written.",
        "Read the answer whole; or write a function that reads it all, and try that again.",
    ),
    Code(
        "RTY117",
        "refusal",
        "the coroutine is not awaited here",
        "The function returns a coroutine, whose making never fails. A retry would make one attempt, without a word.",
        "Make it `async def`, and return what the awaited call gives.",
    ),
    Code(
        "RTY118",
        "refusal",
        "the name may stand for something else",
        "The client is imported in more than one way, or something else may be in its place.",
        "Import it in one way.",
    ),
    Code(
        "RTY119",
        "refusal",
        "several clients in one function",
        "Their failures are of different classes, and which of them may be tried again differs.",
        "Split the function.",
    ),
    Code(
        "RTY120",
        "refusal",
        "an argument can be read once",
        "The function reads an iterator, a generator or an open file that it is given. The second attempt would find "
        "it empty, and send nothing, without an error.",
        "Read it before, and pass what was read.",
    ),
    Code(
        "RTY121",
        "refusal",
        "the function calls itself",
        "Each call on the way down would be tried again, and attempts would multiply.",
        "Take the call out into a function of its own.",
    ),
    Code(
        "RTY122",
        "refusal",
        "it calls what is tried again",
        "The retry belongs to the innermost function that calls out. Another one around it would multiply "
        "the attempts.",
        "Take its own call out into a function of its own.",
    ),
    Code(
        "RTY123",
        "refusal",
        "no module can be put beside it",
        "Which answers are worth another attempt, and what `Retry-After` says, is told by a module that hasten writes "
        "into the package, and there is no place for it.",
        "Make a package of it.",
    ),
    Code(
        "RTY124",
        "refusal",
        "the decorator cannot name what it needs",
        "A decorator runs when its module is imported. The client is imported later, or under a condition, or its name "
        "is taken.",
        "Import it at the top of the module.",
    ),
    Code(
        "RTY125",
        "refusal",
        "what calls out is handed on",
        "A function or method of the client is passed on as a value, `send(session.get, url)`, and called elsewhere, "
        "with what cannot be seen here.",
        "Call it here; or put `@tenacity.retry` on what calls it.",
    ),
    Code(
        "RTY126",
        "refusal",
        "the function is only defined under a condition",
        'It stands below `if __name__ == "__main__"`, in a `try`, or in another condition. The imports that its '
        "decorator needs would run whenever the module is imported, and make tenacity a need of the whole program.",
        "Define the function at the top of the module; or import tenacity below the condition and decorate it by hand.",
    ),
    Code(
        "RTY127",
        "refusal",
        "the settings make no sense",
        "Fewer than two attempts, a shortest wait longer than the longest, or a `fallback` that is no expression, or "
        "that names what the module of the function does not have.",
        "Mend the settings.",
    ),
    Code(
        "RTY128",
        "refusal",
        "the function looks at the status itself",
        "It compares `status_code`, or asks `ok`, and makes something of a busy answer that nobody can tell from what "
        "it makes of others: `None`, or an error of its own. Missing answers are tried again, busy ones are not.",
        "Call `raise_for_status()`; or return the answer whole, and look at it where the function is called.",
    ),
    Code(
        "RTY129",
        "refusal",
        "the client calls the method",
        "It stands in the place of a method of the client's own class. `get` and `post` of a session call `request`, "
        "so that the one and the other would be tried again, and attempts would multiply.",
        "Try again where the session is used.",
    ),
    Code(
        "RTY201",
        "proof",
        "the request changes nothing",
        "`GET`, `HEAD` and `OPTIONS` only ask, by the standard of HTTP, and nothing in the names says otherwise.",
    ),
    Code(
        "RTY202",
        "proof",
        "only requests that change nothing are tried again",
        "The function sends requests of any kind. The errors of its client know the request that failed, and the "
        "decorator asks them.",
    ),
    Code(
        "RTY203",
        "proof",
        "an idempotency key is sent",
        "The server knows a second request by its key, which comes from outside of the function and is the same for "
        "each attempt.",
    ),
    Code(
        "RTY204",
        "proof",
        "nothing on the ways to it tries again",
        "All callers were followed, to where the program begins.",
    ),
    Code(
        "RTY205",
        "proof",
        "the loop did the same",
        "The handler of the loop was run with every number in it: attempts, waits and the last exception are those of "
        "the decorator.",
    ),
)
