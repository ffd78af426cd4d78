"""The command `lsp`, as the command line declares it; `hasten.cli.language_server` is the server."""

from __future__ import annotations

from typing import Any

import click

from hasten.cli.options import Options, choosing, common, examples, metadata
from hasten.cli.places import here
from hasten.errors import UsageError


@click.command("lsp", epilog=examples("hasten lsp --select json-to-orjson"))
@choosing
@metadata
@common
def lsp_command(**given: Any) -> int:  # noqa: ANN401 - the options, as declared above
    """Serve an editor: what could be rewritten, and why not, beside the lines, and the changes as code actions.

    The editor speaks the Language Server Protocol with this command over standard input and output. It takes what
    `pip install 'hasten[lsp]'` installs.
    """
    here()  # some versions of Python cannot even import the rest in a directory that is gone
    try:
        from hasten.cli import language_server
    except ModuleNotFoundError as error:
        if error.name not in {"pygls", "lsprotocol"}:
            raise
        message = "the language server needs `pygls`; `pip install 'hasten[lsp]'` installs it"
        raise UsageError(message) from None
    language_server.serve(Options(paths=(), **given))
    return 0
