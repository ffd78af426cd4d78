"""Every hazard, refusal and proof of `json-to-orjson`, as its page in the documentation shows it.

The facts were found by running both libraries (CPython 3.11 and 3.13, orjson 3.13.0), not from their manuals.
"""

from __future__ import annotations

from hasten.api import Code

_ACCEPT = "Read the diff at the place named; if the difference does not matter there, take it with `--accept {code}`."


def _hazard(code: str, title: str, text: str, remedy: str = _ACCEPT) -> Code:
    return Code(code, "hazard", title, text, remedy.format(code=code))


def _refusal(code: str, title: str, text: str, remedy: str) -> Code:
    return Code(code, "refusal", title, text, remedy)


def _proof(code: str, title: str, text: str) -> Code:
    return Code(code, "proof", title, text)


CODES: tuple[Code, ...] = (
    _hazard(
        "JSON001",
        "the text is used as text",
        "The text that `json.dumps` makes is compared, searched, cut, measured, formatted or shown. orjson "
        "writes the same document "
        "without spaces after `:` and `,`, writes characters outside ASCII as they are instead of as `\\uXXXX`, "
        "and writes some "
        "floats in another way (`1e-05` becomes `0.00001`).",
    ),
    _hazard(
        "JSON002",
        "the text is hashed, signed, or used as a key",
        "A digest, signature, cache key or dictionary key made from the text changes with every space. Values "
        "that were stored "
        "under the old key are not found again, and signatures made by others no longer match.",
        "Give the cache a new version, or keep `json` here with `# hasten: ignore`; take it with `--accept JSON002`.",
    ),
    _hazard(
        "JSON003",
        "nobody can see who reads the text",
        "The text leaves the code that hasten can see: it is returned and no caller is in sight, stored in a "
        "database or a file, "
        "or handed to code outside the program. Whoever parses it reads the same document; whoever looks at the "
        "text sees another.",
    ),
    _hazard(
        "JSON004",
        "the text goes where UTF-8 may not be spoken",
        "`json.dumps` writes ASCII only, so any encoding will do; orjson's text holds every character as it is. "
        "A file opened without "
        "`encoding=` uses the locale's, standard output the terminal's, and `.encode('ascii')` cannot hold it at all.",
        'Open the file with `encoding="utf-8"`, then run hasten again; or take it with `--accept JSON004`.',
    ),
    _hazard(
        "JSON005",
        "NaN or infinity",
        "The program handles numbers that JSON cannot express. `json` writes `NaN` and reads it back; orjson "
        "writes `null` without a word, and "
        "refuses to read a document that holds `NaN` or `Infinity`, or a number too large for a float.",
    ),
    _hazard(
        "JSON006",
        "integers beyond 64 bits",
        "The program handles integers outside `-2**63` to `2**64-1`. orjson refuses to write them (TypeError) and "
        "reads them as floats, "
        "without a word and with the last digits lost.",
    ),
    _hazard(
        "JSON007",
        "named tuples and other subclasses",
        "orjson refuses to write named tuples, other subclasses of `tuple`, and subclasses of `float` such as "
        "`numpy.float64` (TypeError), and reads the raw "
        "storage of `dict` and `list` subclasses that override `items` or `__iter__`, in classes that they derive from "
        "as well. So it does of an OrderedDict after `move_to_end`, whose order it does not see, and of mappings such "
        "as `SortedDict`, `MultiDict` and `QueryDict`. The standard library gives many named tuples: `os.stat`, "
        "`urlsplit`, `date.isocalendar`, `sys.version_info`.",
    ),
    _hazard(
        "JSON008",
        "what used to be refused is written",
        "A handler or a test counts on `json.dumps` to raise TypeError for what JSON cannot express. orjson "
        "writes dataclasses, dates and "
        "times, UUIDs and Enum members by itself.",
    ),
    _hazard(
        "JSON009",
        "keys that are not text, sorted",
        'With `sort_keys=True`, `json` sorts number keys as numbers (9, 10) and orjson as text ("10", "9"); '
        "keys of mixed types are sorted too "
        "instead of raising TypeError.",
    ),
    _hazard(
        "JSON010",
        "`default=` is called for other types",
        "orjson writes UUIDs and Enum members by itself and never asks `default` about them, and asks it about "
        "`float` and `tuple` subclasses, "
        "which `json` writes by itself. hasten adds `OPT_PASSTHROUGH_DATETIME` and `OPT_PASSTHROUGH_DATACLASS`, "
        "so those types go to `default` "
        "as before. An exception raised in `default` arrives as the cause of a TypeError, not as itself, and "
        "more than 254 "
        "levels of `default` are refused.",
    ),
    _hazard(
        "JSON011",
        "`cls=` becomes `default=`",
        "The encoder class only overrides `default`, so an instance's method serves as orjson's `default=`. What "
        "JSON010 says of `default` holds, and "
        "`super().default(o)` raises the standard library's TypeError inside orjson's.",
    ),
    _hazard(
        "JSON012",
        "another exception is raised",
        "Around this call, or around a call of the function that holds it, an exception is caught that orjson "
        "raises as another one. For "
        "`loads`: a TypeError for an argument that is neither text nor bytes, a UnicodeDecodeError and a "
        "RecursionError all become JSONDecodeError, "
        "a ValueError. For `dumps`: the ValueError for a circular structure and the RecursionError become TypeError.",
        "Catch `(TypeError, ValueError)` in one handler, then run hasten again; or take it with `--accept JSON012`.",
    ),
    _hazard(
        "JSON013",
        "the words of an error are read",
        "The message, position or text of a JSON error is read or shown. orjson's errors are subclasses of the "
        "same classes, but say the same "
        "things in other words, at other positions.",
    ),
    _hazard(
        "JSON014",
        "text of a subclass of str or bytes",
        "`json.loads` reads instances of subclasses of `str` and `bytes` (markupsafe's `Markup`, `numpy.str_`, members "
        "of a `StrEnum`); orjson refuses them. The program defines or uses such a class, and what reaches this call is "
        "not known.",
        "Pass `str(text)`, then run hasten again; or take it with `--accept JSON014`.",
    ),
    _hazard(
        "JSON015",
        "byte order marks, UTF-16 and UTF-32",
        "`json.loads` finds out the encoding of bytes by itself; orjson reads UTF-8 without a byte order mark "
        "and nothing else. The program handles "
        "documents in another encoding.",
    ),
    _hazard(
        "JSON016",
        "lone surrogates",
        "The program handles text with lone surrogates such as `\\ud800`. `json` reads and writes them; orjson "
        "refuses both.",
    ),
    _hazard(
        "JSON017",
        "deep nesting",
        "The program counts on how deep a document may nest. `json` gives up with RecursionError when Python's "
        "stack is full (about 990 levels); orjson "
        "writes 254 levels and reads 1024, and raises TypeError or JSONDecodeError beyond. "
        "A loop that puts a value into "
        "the next one, and a function that puts its own result into its result, make as many levels as there are "
        "rounds.",
    ),
    _hazard(
        "JSON018",
        "the program knows the text by heart",
        "Somewhere, most often in a test, the program holds JSON text as the standard library would format it, "
        "or compares the text of "
        "`json.dumps`. The text written here may be what it is compared with.",
        "Compare parsed documents instead, then run hasten again; or take it with `--accept JSON018`.",
    ),
    _hazard(
        "JSON019",
        "circular structures",
        "`check_circular=False` asks for a RecursionError on a circular structure; orjson always notices, and "
        "raises TypeError.",
    ),
    _hazard(
        "JSON020",
        "a value from far away",
        "What is written was followed back through a dozen assignments, calls and attributes, or to two thousand "
        "places, without coming to an end. What lies beyond was not looked at, and may be anything that orjson "
        "writes otherwise: a datetime, a named tuple, an integer beyond 64 bits.",
    ),
    _hazard(
        "JSON021",
        "keys that are floats",
        "`json` writes a float key as `repr` does (`1e-05`, `NaN`); orjson, with `OPT_NON_STR_KEYS`, writes some in "
        "another way (`0.00001`, `null`), without a word. The program uses floats as keys.",
        "Make the keys text with `str(key)`, then run hasten again; or take it with `--accept JSON021`.",
    ),
    _refusal(
        "JSON101",
        "indent other than two spaces",
        'orjson indents by two spaces or not at all, and always writes `": "` when it does.',
        "Use `indent=2`, or keep `json` here.",
    ),
    _refusal(
        "JSON102",
        "skipkeys",
        "orjson raises TypeError where `skipkeys=True` drops a key.",
        "Drop such keys before the call.",
    ),
    _refusal(
        "JSON103",
        "allow_nan=False",
        "`allow_nan=False` raises ValueError for NaN and infinity; orjson writes `null` without a word, so the "
        "check would be lost.",
        "Keep `json` here, or check the numbers before the call and drop the argument.",
    ),
    _refusal(
        "JSON104",
        "a custom encoder class",
        "`cls=` names an encoder that does more than override `default`, or that is not the program's own.",
        "Move what the encoder does into a function for `default=`.",
    ),
    _refusal(
        "JSON105",
        "hooks and options of the decoder",
        "`orjson.loads` takes no keyword arguments: there is no `object_hook`, `object_pairs_hook`, "
        "`parse_float`, `parse_int`, `parse_constant`, `cls` or `strict=False`.",
        "Walk the result afterwards, or keep `json` here.",
    ),
    _refusal(
        "JSON106",
        "arguments that cannot be seen",
        "The call takes `*args`, `**kwargs`, an argument that `json` itself does not know, or one whose value "
        "decides the format and is not a constant.",
        "Write the arguments out.",
    ),
    _refusal(
        "JSON107",
        "patched by name",
        'A test or a tool replaces this function of `json` by its name (`mock.patch("app.json.loads")`, '
        "`monkeypatch.setattr(json, ...)`). After a rewrite the patch "
        "would fail, or, worse, still succeed and change nothing.",
        "Change the patch together with the call.",
    ),
    _refusal(
        "JSON108",
        "json passed as an object",
        "The module itself is passed on, stored, or asked with `getattr`. orjson has no `dump`, `load` or "
        "keyword arguments, so it cannot stand in.",
        "Pass functions instead of the module.",
    ),
    _refusal(
        "JSON109",
        "a function of json passed as a value",
        "The function is handed to code that may call it with other arguments, or that expects text where orjson "
        "gives bytes.",
        "Wrap it: `lambda document: orjson.loads(document)`.",
    ),
    _refusal(
        "JSON110",
        "json may be something else",
        "The name is bound in several ways (`try: import simplejson as json`), assigned to, or shadowed, or a "
        "module of the program is called `json`.",
        "Import `json` in one way.",
    ),
    _refusal(
        "JSON111",
        "encoder and decoder objects",
        "orjson has no `JSONEncoder`, `JSONDecoder`, `raw_decode`, `iterencode`, nor the modules `json.tool`, "
        "`json.scanner`, `json.encoder`, `json.decoder`.",
        "Keep `json` here, or call `dumps` and `loads`.",
    ),
    _refusal(
        "JSON112",
        "a file that is no plain name, or a result that is used",
        '`json.dump(x, open(p, "w"))` would open, and so empty, the file before `x` is made into text; and `json.dump` '
        "returns None where `write` returns a number.",
        "Open the file in a `with` statement and give it a name; call `dump` as a statement.",
    ),
    _refusal(
        "JSON113",
        "inside an f-string or beside a comment",
        "The place of the call inside an f-string cannot be told on this version of Python, or an argument that "
        "has to go stands beside a comment.",
        "Assign the call to a variable first, or move the comment.",
    ),
    _refusal(
        "JSON114",
        "json of another module",
        "The function is reached through another module that imports `json` (`from app import json`, "
        "`app.json.loads`).",
        "Import `json` here.",
    ),
    _refusal(
        "JSON115",
        "orjson is something else here",
        "The module already uses the name `orjson` for something else, or imports it under a condition.",
        "Free the name, or import orjson plainly.",
    ),
    _refusal(
        "JSON116",
        "separators that change the document",
        "The separators are not those of JSON, or are not constants.",
        "Leave `separators` out.",
    ),
    _proof(
        "JSON201", "the same text", "The value is a constant: hasten ran both libraries on it and got the same text."
    ),
    _proof(
        "JSON202", "read by a parser", "The text goes straight into `json.loads`, `json.load` or their orjson twins."
    ),
    _proof(
        "JSON203",
        "sent as a body",
        "The text is the body of an HTTP request or of a response declared as JSON, in UTF-8; nothing in the "
        "program compares JSON text.",
    ),
    _proof(
        "JSON204",
        "read back by a parser",
        "Every place of the program that opens the same file for reading hands its content to a JSON parser, and "
        "the file is UTF-8.",
    ),
    _proof("JSON205", "keys are text", "Every key of the value is a `str`, so orjson needs no `OPT_NON_STR_KEYS`."),
    _proof("JSON206", "the same handler", "Where an exception changes its class, one handler catches both."),
    _proof(
        "JSON207",
        "the argument is text",
        "The argument is seen to be made as `str` or `bytes`, so no TypeError can arise. An annotation is no proof.",
    ),
    _proof(
        "JSON208",
        "encoded at once",
        "`json.dumps(x).encode()` and `orjson.dumps(x)` are both the UTF-8 bytes of the document.",
    ),
    _proof(
        "JSON209",
        "plain values",
        "The value is made of text, numbers, lists and dictionaries that can be seen; `tuple`s and subclasses of "
        "`str`, `int`, `list` and `dict` are written as before.",
    ),
    _proof(
        "JSON210", "the text is not used", "Only whether the call succeeds matters, or whether there is text at all."
    ),
    _proof(
        "JSON211",
        "keys that are not text",
        "Integers, booleans, None and instances of subclasses of `str` as keys are written as `json` writes them, with "
        "`OPT_NON_STR_KEYS`. Floats are not always: see JSON021.",
    ),
    _proof(
        "JSON212",
        "caught as before",
        "`orjson.JSONDecodeError` is a subclass of `json.JSONDecodeError`, and `orjson.JSONEncodeError` is "
        "`TypeError`.",
    ),
)
