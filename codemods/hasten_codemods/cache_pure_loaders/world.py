"""What functions from elsewhere ask the outside world, or change: for reasons that say more than "not known"."""

from __future__ import annotations

#: What the outside world is asked by functions that begin so, in words.
WORLD = {
    "time.": "the clock",
    "datetime.datetime.now": "the clock",
    "datetime.datetime.today": "the clock",
    "datetime.datetime.utcnow": "the clock",
    "datetime.date.today": "the clock",
    "random.": "a random number",
    "secrets.": "a random number",
    "uuid.uuid1": "a random number",
    "uuid.uuid4": "a random number",
    "os.urandom": "a random number",
    "os.environ": "the environment",
    "os.getenv": "the environment",
    "os.path.expanduser": "the environment",
    "os.path.expandvars": "the environment",
    "pathlib.Path.home": "the environment",
    "os.getcwd": "the current directory",
    "os.path.abspath": "the current directory",
    "os.path.realpath": "the current directory",
    "os.path.relpath": "the current directory",
    "pathlib.Path.cwd": "the current directory",
    "locale.": "the locale",
    "sys.argv": "the command line",
    "sys.stdin": "the terminal",
    "builtins.input": "the terminal",
    "os.isatty": "the terminal",
    "shutil.get_terminal_size": "the terminal",
    "os.get_terminal_size": "the terminal",
    "shutil.which": "the environment",
    "os.getpid": "the process",
    "threading.": "the thread",
    "platform.": "the system",
    "getpass.": "the system",
    "socket.": "the network",
    "requests.": "the network",
    "httpx.": "the network",
    "urllib.request.": "the network",
    "urllib3.": "the network",
    "aiohttp.": "the network",
    "http.client.": "the network",
    "sqlite3.": "a database",
    "sqlalchemy.": "a database",
    "psycopg": "a database",
    "subprocess.": "another process",
    "flask.": "the request",
}
#: What changes something, in words.
CHANGING = {
    "builtins.print": "writes to the terminal",
    "logging.": "writes to the log",
    "warnings.": "warns",
    "sys.stdout": "writes to the terminal",
    "sys.stderr": "writes to the terminal",
    "os.remove": "removes a file",
    "os.unlink": "removes a file",
    "os.makedirs": "makes a directory",
    "os.mkdir": "makes a directory",
    "os.rename": "renames a file",
    "os.replace": "renames a file",
    "os.chdir": "changes the current directory",
    "os.chmod": "changes a file",
    "os.utime": "changes a file",
    "shutil.": "changes files",
    "tempfile.": "makes a file",
    "builtins.exec": "runs text as code",
    "builtins.eval": "runs text as code",
    "builtins.setattr": "changes an object",
    "builtins.delattr": "changes an object",
    "click.": "speaks to the terminal",
    "pickle.dump": "writes to a file",
    "json.dump": "writes to a file",
    "yaml.dump": "writes to a file",
    "importlib.import_module": "imports a module by its name",
    "builtins.__import__": "imports a module by its name",
}


def known_by(table: dict[str, str], dotted: str) -> str:
    """Return what a table of beginnings says of a dotted name, empty where it says nothing."""
    return next((words for start, words in table.items() if _begins(dotted, start)), "")


def _begins(dotted: str, start: str) -> bool:
    if start.endswith("."):
        return dotted.startswith(start) or dotted == start[:-1]
    return dotted == start or dotted.startswith(f"{start}.")
