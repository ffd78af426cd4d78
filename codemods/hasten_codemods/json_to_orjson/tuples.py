"""What the standard library gives as a named tuple, which `json` writes as a list and orjson refuses.

Drawn once from typeshed: every public function, method and attribute whose annotated result is a `NamedTuple` or a
structseq, or holds some, for Python 3.11 to 3.14; modules that nobody writes as JSON (codecs, tkinter) are left out. A
name that is not here is not taken for one.
"""

from __future__ import annotations

import re


def _under(module: str, names: str) -> set[str]:
    return {f"{module}.{each}" for each in names.split()}


#: Functions and classes that give one.
ONE = frozenset(
    _under("os", "stat lstat fstat statvfs fstatvfs times uname get_terminal_size sched_getparam waitid")
    | _under("os", "stat_result statvfs_result terminal_size times_result uname_result sched_param waitid_result")
    | _under("urllib.parse", "urlsplit urlparse urldefrag SplitResult ParseResult DefragResult")
    | _under("urllib.parse", "SplitResultBytes ParseResultBytes DefragResultBytes")
    | _under("time", "gmtime localtime strptime struct_time")
    | _under("shutil", "disk_usage get_terminal_size")
    | _under("platform", "uname android_ver ios_ver")
    | _under("pwd", "getpwnam getpwuid struct_passwd")
    | _under("grp", "getgrnam getgrgid struct_group")
    | _under("spwd", "getspnam struct_spwd")
    | _under("resource", "getrusage struct_rusage")
    | _under("signal", "sigwaitinfo sigtimedwait")
    | _under("sys", "getwindowsversion get_asyncgen_hooks")
    | _under("inspect", "getargs getargspec getargvalues getclosurevars getframeinfo getfullargspec")
    | _under("inspect", "ArgInfo ArgSpec Arguments Attribute ClosureVars FrameInfo FullArgSpec Traceback")
    | _under("statistics", "linear_regression LinearRegression")
    | _under("doctest", "testfile testmod TestResults")
    | _under("sndhdr", "what whathdr SndHeaders")
    | _under("dis", "Instruction Positions")
    | {
        "imaplib.Internaldate2tuple",
        "ssl.get_default_verify_paths",
        "pkgutil.ModuleInfo",
        "difflib.Match",
        "tokenize.TokenInfo",
        "decimal.DecimalTuple",
        "selectors.SelectorKey",
    }
)

#: Functions that give several, in a list or an iterator.
MANY = frozenset(
    _under("inspect", "stack trace getinnerframes getouterframes classify_class_attrs")
    | _under("pkgutil", "iter_modules walk_packages")
    | _under("tokenize", "tokenize generate_tokens")
    | _under("os", "wait3 wait4")
    | {"pwd.getpwall", "grp.getgrall", "spwd.getspall", "dis.get_instructions"}
)

#: Methods that give one, by names that hardly anything else has.
METHODS = frozenset(
    {
        "isocalendar",
        "timetuple",
        "utctimetuple",
        "cache_info",
        "stat",
        "lstat",
        "as_tuple",
        "find_longest_match",
        "getparams",
        "info_patchlevel",
        "request_rate",
    }
)
METHODS_OF_MANY = frozenset({"get_matching_blocks"})

#: Attributes that are one.
CONSTANTS = frozenset(
    _under("sys", "flags float_info hash_info int_info thread_info version_info implementation.version")
    | {"curses.ncurses_version"}
)

#: What makes a class of named tuples.
CLASS_MAKERS = frozenset({"collections.namedtuple", "typing.NamedTuple", "typing_extensions.NamedTuple"})

#: Mappings of libraries that are `dict`s and hold other things than they show: orjson reads what they hold.
FOREIGN_MAPPINGS = frozenset(
    _under("sortedcontainers", "SortedDict")
    | _under("flask.request", "args form values files")
    | _under("werkzeug.datastructures", "MultiDict ImmutableMultiDict OrderedMultiDict CombinedMultiDict")
    | _under("django.http", "QueryDict")
    | _under("django.utils.datastructures", "MultiValueDict")
)
FOREIGN_CLASSES = frozenset(each.rpartition(".")[2] for each in FOREIGN_MAPPINGS if each[:13] != "flask.request")

#: Libraries whose numbers are subclasses of `float`, and whose records are tuples.
FOREIGN_NUMBERS = ("numpy", "tomlkit")

FLOAT_FUNCTIONS = re.compile(
    r"builtins\.float|time\.(?:time|monotonic|perf_counter|process_time)|"
    r"math\.(?:sqrt|exp|log|log2|log10|pow|sin|cos|tan|hypot|fsum|fabs|degrees|radians|dist)|"
    r"random\.(?:random|uniform|gauss|normalvariate)|statistics\.(?:mean|fmean|stdev|pstdev|variance)"
)
