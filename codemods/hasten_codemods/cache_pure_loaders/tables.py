"""What is known of functions and methods that are not the program's: whether they are pure, and what they give.

A line says what kind of value the functions after it give (see `hasten_codemods.cache_pure_loaders.words`). A function
that is in no table is not taken for pure. Each was read in its documentation or source: it changes nothing but what it
gives, and equal arguments give equal results for as long as the process lives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hasten.api import Call


def _read(text: str) -> dict[str, str]:
    """Return the kind by the dotted name."""
    found: dict[str, str] = {}
    for line in text.strip().splitlines():
        kind, _, names = line.strip().partition(": ")
        prefix, _, rest = names.partition(" | ")
        found.update({f"{prefix}.{name}": kind for name in rest.split()})
    return found


#: Functions that look at nothing but their arguments, by what they give.
PURE = _read("""
    int: builtins | len int abs round ord hash pow divmod
    bool: builtins | bool isinstance issubclass callable any all
    str: builtins | str repr chr hex oct bin ascii format
    bytes: builtins | bytes
    float: builtins | float complex
    list: builtins | list sorted bytearray
    dict: builtins | dict
    set: builtins | set
    copied: builtins | tuple frozenset
    iterator: builtins | reversed enumerate zip map filter iter range
    part: builtins | min max next
    total: builtins | sum
    class: builtins | type
    str: os.path | join dirname basename normpath commonprefix commonpath normcase
    parts of str: os.path | splitext split splitdrive
    bool: os.path | isabs
    str: os | fspath fsdecode
    bytes: os | fsencode
    path: pathlib | Path PurePath PosixPath PurePosixPath PureWindowsPath
    pattern: re | compile
    match: re | match search fullmatch
    str: re | sub escape
    list of str: re | findall split
    iterator of match: re | finditer
    json: json | loads load
    str: json | dumps
    json: tomllib | loads load
    json: tomli | loads load
    json: toml | loads
    json: yaml | safe_load full_load
    list of json: yaml | safe_load_all full_load_all
    str: yaml | safe_dump
    json: orjson | loads
    bytes: orjson | dumps
    json: ujson | loads load
    json: simplejson | loads load
    json: ast | literal_eval
    object: ast | parse walk
    str: ast | unparse get_docstring dump
    iterator of json: csv | reader DictReader
    str: textwrap | dedent indent fill shorten
    list of str: textwrap | wrap
    str: inspect | cleandoc
    iterator: itertools | chain count islice product permutations combinations groupby accumulate takewhile dropwhile
    iterator: itertools | starmap zip_longest repeat cycle compress filterfalse pairwise batched
    part: functools | reduce
    closure: functools | partial
    function: operator | itemgetter attrgetter methodcaller
    dict: collections | OrderedDict defaultdict Counter
    list: collections | deque
    object: copy | copy
    fresh: copy | deepcopy
    float: math | sqrt floor ceil log log2 log10 exp pow fabs hypot sin cos tan atan atan2 radians degrees fsum
    int: math | gcd comb factorial isqrt
    number: decimal | Decimal
    number: fractions | Fraction
    moment: datetime | date datetime time timedelta timezone
    moment: datetime.datetime | fromisoformat combine
    moment: datetime.date | fromisoformat
    hash: hashlib | md5 sha1 sha224 sha256 sha384 sha512 blake2b blake2s new
    bytes: base64 | b64encode b64decode urlsafe_b64encode urlsafe_b64decode b32encode b32decode b16encode b16decode
    bytes: base64 | b85encode b85decode
    bytes: binascii | hexlify unhexlify
    int: zlib | crc32 adler32
    bytes: zlib | compress decompress
    bytes: gzip | decompress
    bytes: bz2 | decompress
    bytes: lzma | decompress
    parts of number: struct | unpack unpack_from
    bytes: struct | pack
    str: unicodedata | normalize category name
    str: html | escape unescape
    str: urllib.parse | quote unquote quote_plus unquote_plus urlencode urljoin urlunsplit urlunparse
    parts of str: urllib.parse | urlsplit urlparse urldefrag
    dict: urllib.parse | parse_qs
    list: urllib.parse | parse_qsl
    list of str: shlex | split
    str: shlex | quote join
    bool: fnmatch | fnmatch fnmatchcase
    list of str: fnmatch | filter
    str: fnmatch | translate
    list of str: difflib | get_close_matches
    list: heapq | nlargest nsmallest
    int: bisect | bisect bisect_left bisect_right
    number: ipaddress | ip_address ip_network ip_interface
    object: uuid | uuid5 uuid3 UUID
    file: io | StringIO BytesIO
    element: xml.etree.ElementTree | fromstring XML
    str: xml.etree.ElementTree | tostring
    object: configparser | ConfigParser RawConfigParser
    version: packaging.version | Version parse
    version: packaging.requirements | Requirement
    version: packaging.specifiers | SpecifierSet Specifier
    str: packaging.utils | canonicalize_name
    str: importlib.metadata | version
    str: importlib_metadata | version
    str: string | capwords
    template: string | Template
    object: contextlib | suppress nullcontext closing
    cast: typing | cast
    cast: typing_extensions | cast
    code: builtins | compile
    bool: keyword | iskeyword
    path: importlib.resources | files as_file
    path: importlib_resources | files as_file
""")

#: Functions that read a file, by what they give; the path is their first argument.
READING = _read("""
    file: builtins | open
    file: io | open
    file: codecs | open
    file: gzip | open
    bool: os.path | exists isfile isdir islink lexists
    int: os.path | getsize
    list of str: os | listdir
    element: xml.etree.ElementTree | parse
    json: toml | load
    list of str: glob | glob
""")

#: Functions that give something of a package that is installed; who asks for it gives the package first.
PACKAGED = _read("""
    str: importlib.resources | read_text
    bytes: importlib.resources | read_binary
    file: importlib.resources | open_text open_binary
    bytes: pkgutil | get_data
""")

#: Methods of paths that only take names apart and put them together, by what they give.
_LEXICAL = {
    "path": "joinpath with_suffix with_name with_stem relative_to parent",
    "str": "as_posix as_uri name stem suffix anchor root drive __str__",
    "bool": "is_absolute match is_relative_to",
    "parts of str": "parts suffixes parents",
}
#: Methods of paths that read what is there, by what they give.
_LOOKING = {
    "str": "read_text",
    "bytes": "read_bytes",
    "file": "open",
    "bool": "exists is_file is_dir is_symlink",
    "iterator of path": "iterdir glob rglob",
}


def _methods(**kinds: dict[str, str]) -> dict[str, dict[str, str]]:
    return {
        kind: {name: given for given, names in table.items() for name in names.split()} for kind, table in kinds.items()
    }


#: Methods by the kind of what they are called on, with what they give.
METHODS = _methods(
    str={
        "str": "strip lstrip rstrip lower upper title capitalize casefold swapcase format format_map join replace "
        "removeprefix removesuffix zfill center ljust rjust expandtabs translate",
        "list of str": "split rsplit splitlines",
        "parts of str": "partition rpartition",
        "bytes": "encode",
        "bool": "startswith endswith isdigit isalpha isalnum isspace isupper islower isidentifier isnumeric "
        "isdecimal isprintable isascii istitle",
        "int": "find rfind index rindex count",
    },
    bytes={
        "bytes": "strip lstrip rstrip lower upper replace join removeprefix removesuffix",
        "list of bytes": "split splitlines",
        "str": "decode hex",
        "bool": "startswith endswith",
        "int": "find index count",
    },
    path=_LEXICAL,
    pattern={
        "match": "match search fullmatch",
        "str": "sub",
        "list of str": "findall split",
        "iterator of match": "finditer",
    },
    template={"str": "substitute safe_substitute"},
    match={
        "str": "group expand",
        "parts of str": "groups",
        "int": "start end",
        "parts of int": "span",
        "dict of str": "groupdict",
    },
    list={
        "int": "index count",
        "list": "copy",
        "none": "append extend insert sort reverse remove clear",
        "part": "pop",
    },
    dict={
        "part": "get pop setdefault",
        "iterator": "items keys values",
        "dict": "copy",
        "none": "update clear",
        "list": "most_common",
    },
    set={
        "none": "add discard remove update clear",
        "set": "union intersection difference symmetric_difference copy",
        "bool": "issubset issuperset isdisjoint",
    },
    json={
        "json": "get items keys values copy pop setdefault",
        "int": "index count",
        "none": "append extend insert sort reverse remove clear update",
    },
    file={
        "text": "read readline getvalue",
        "list of text": "readlines",
        "none": "close seek __exit__",
        "file": "__enter__",
    },
    element={
        "element": "getroot find",
        "list of element": "findall",
        "iterator of element": "iter iterfind",
        "str": "get findtext",
    },
    number={"str": "hex", "number": "quantize normalize"},
    moment={"str": "isoformat", "moment": "date time replace"},
    hash={"none": "update", "str": "hexdigest", "bytes": "digest", "hash": "copy"},
)
LOOKING = _methods(path=_LOOKING)["path"]

#: Functions that take out of the file, or the iterator, that they are given: a second time there is nothing left.
CONSUMING = frozenset(
    {f"{module}.load" for module in ("json", "tomllib", "tomli", "ujson", "simplejson", "toml")}
    | {
        "yaml.safe_load",
        "yaml.safe_load_all",
        "yaml.full_load",
        "yaml.full_load_all",
        "csv.reader",
        "csv.DictReader",
        "builtins.next",
        "pickle.load",
    }
)

#: Kinds of what parsers give.
_PARSED = frozenset({"json", "iterator of json", "element", "code", "list of json"})
#: These only ask whether a file is there, or read a few words.
_QUICK = frozenset({"ast.literal_eval", *(name for name, kind in READING.items() if kind in {"bool", "int"})})
#: What takes long enough to be worth keeping: it reads, parses, compiles, unpacks, or compares with many.
COSTLY = frozenset(
    {
        *READING,
        *PACKAGED,
        *(name for name, kind in PURE.items() if kind in _PARSED),
        "ast.parse",
        "importlib.metadata.version",
        "importlib_metadata.version",
        "packaging.version.Version",
        "packaging.version.parse",
        "packaging.requirements.Requirement",
        "packaging.specifiers.SpecifierSet",
        "difflib.get_close_matches",
        *(f"{module}.decompress" for module in ("zlib", "gzip", "bz2", "lzma")),
    }
).difference(_QUICK)
COSTLY_METHODS = frozenset({"read_text", "read_bytes"})

#: Functions that give another path for the same file: what they ask for is no matter where the path is known.
RESOLVING = frozenset({"os.path.abspath", "os.path.realpath"})
RESOLVING_METHODS = frozenset({"resolve", "absolute", "expanduser"})
#: Methods that write where a path points to.
WRITING_METHODS = frozenset(
    {"write_text", "write_bytes", "mkdir", "touch", "unlink", "rename", "replace", "rmdir", "symlink_to", "chmod"}
)
#: Names of modules, no functions, that never change while the process lives.
CONSTANTS = frozenset(
    _read("""
    str: os | sep linesep name pathsep extsep altsep curdir pardir
    str: os.path | sep
    immutable: sys | platform version_info maxsize byteorder executable prefix implementation
    float: math | pi inf nan e tau
    str: string | ascii_letters ascii_lowercase ascii_uppercase digits hexdigits
    str: string | octdigits printable punctuation whitespace
""")
)
#: Methods that change what they are called on.
MUTATORS = frozenset(
    {"add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem", "popleft", "remove"}
    | {"reverse", "setdefault", "sort", "update", "write", "writelines", "intersection_update", "difference_update"}
    | {"symmetric_difference_update", "subtract", "move_to_end", "rotate", "extendleft", "__setitem__", "__delitem__"}
)
#: Methods that look and change nothing, and give no part of what they are called on.
LOOKERS = frozenset(
    {"index", "count", "issubset", "issuperset", "isdisjoint", "startswith", "endswith", "join", "format", "encode"}
    | {"decode", "strip", "lower", "upper", "split", "isdigit", "keys", "__contains__", "__len__", "hexdigest", "title"}
    | {
        "lstrip",
        "rstrip",
        "replace",
        "splitlines",
        "removeprefix",
        "removesuffix",
        "capitalize",
        "partition",
        "substitute",
        "safe_substitute",
    }
)
#: Methods of values in the tables that change nothing: what a pure function gives is made of such values.
READERS = frozenset(name for table in METHODS.values() for name in table).difference(
    MUTATORS, {"read", "readline", "readlines", "close", "seek"}
)
#: Methods that give a part of what they are called on, or a view or copy that holds its parts.
GIVERS = frozenset({"get", "items", "values", "__getitem__", "__iter__"})
COPIERS = frozenset({"copy", "union", "intersection", "difference"})
#: Functions that look at what they are given, and keep nothing of it.
TAKERS_THAT_LOOK = frozenset(
    _read("""
    look: builtins | len print str repr bool isinstance hash any all sum int float format type id callable range
    look: json | dumps dump
    look: yaml | safe_dump dump
    look: orjson | dumps
    look: toml | dumps
    look: tomli_w | dumps
    look: copy | deepcopy
    look: pprint | pprint pformat
    look: logging | debug info warning error
    look: flask | jsonify
    look: flask.json | jsonify
    look: starlette.responses | JSONResponse
    look: fastapi.responses | JSONResponse ORJSONResponse
    look: django.http | JsonResponse
    look: aiohttp.web | json_response
    look: sanic.response | json
    look: jsonschema | validate
    look: re | compile match search fullmatch sub
""")
)
#: Functions that make something new that holds the parts of what they are given.
TAKERS_THAT_HOLD = frozenset(
    _read("""
    hold: builtins | list tuple set frozenset dict sorted reversed enumerate zip iter filter
    hold: itertools | chain islice
    hold: itertools.chain | from_iterable
    hold: copy | copy
    hold: collections | OrderedDict deque Counter
""")
)
#: Functions that give a part of what they are given.
TAKERS_THAT_GIVE = frozenset({"builtins.next", "builtins.min", "builtins.max"})


def meant(call: Call, dotted: str | None) -> str:
    """Return the name under which a function stands in these tables, given its dotted name.

    `yaml.load(file, Loader=yaml.SafeLoader)` is `yaml.safe_load(file)`.
    """
    if dotted == "yaml.load":
        loader = call.argument(1, "Loader")
        name = call.module.dotted(call.scope, loader.shape) if loader is not None else None
        if name in {"yaml.SafeLoader", "yaml.CSafeLoader"}:
            return "yaml.safe_load"
        if name in {"yaml.FullLoader", "yaml.CFullLoader"}:
            return "yaml.full_load"
    return dotted or ""
