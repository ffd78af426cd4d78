"""The command `hasten`: finds the subcommand, and turns what goes wrong into one line and an exit code.

Exit codes: 0 done; 1 `--check` was given and something would change, or `--verify` failed; 2 a usage or configuration
error, or a file that could not be processed; 130 interrupted.

A command is a module that is imported when it is called for, and imports the engine when it runs: `hasten --version`
costs what importing click costs.
"""

from __future__ import annotations

import errno
import gc
import importlib
import os
from typing import NoReturn

import click

from hasten import __version__
from hasten.cli import streams
from hasten.errors import HastenError, VerifyError

_FULL_OR_CLOSED = frozenset({errno.ENOSPC, errno.EBADF, errno.EIO})
_COMMANDS = {
    "preview": "hasten.cli.rewriting",
    "apply": "hasten.cli.rewriting",
    "review": "hasten.cli.reviewing",
    "undo": "hasten.cli.undoing",
    "list": "hasten.cli.pages",
    "explain": "hasten.cli.pages",
    "lsp": "hasten.cli.serving",
}


class _Commands(click.Group):
    """A group whose commands are imported on demand, listed in the order of their use."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of the commands."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """Import the module of a command and return the command."""
        if cmd_name not in _COMMANDS:
            return None
        # `list` is the name of a type, so the functions carry a suffix.
        command: click.Command = getattr(importlib.import_module(_COMMANDS[cmd_name]), f"{cmd_name}_command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or fail with the name of the nearest one."""
        if args and not args[0].startswith("-") and args[0] not in _COMMANDS:
            from hasten.config import near

            ctx.fail(f"there is no command {args[0]!r}{near(args[0], _COMMANDS)}")
        return super().resolve_command(ctx, args)


@click.command(
    "hasten",
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    invoke_without_command=True,
    # As `hasten.cli.options.examples` makes it, without its imports.
    epilog="\b\nExamples:\n  hasten preview src\n  hasten review src/store.py\n  hasten apply --verify pytest src",
)
@click.version_option(__version__, "--version", message="hasten %(version)s")
@click.pass_context
def commands(context: click.Context) -> None:
    """Rewrite Python code so that it runs faster, and show why each rewrite is right.

    `hasten preview` shows diffs and writes nothing; `hasten apply` writes the same changes; `hasten review` asks about
    those of one file, one by one; `hasten undo` takes the last apply back.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(2)


def main() -> int:
    """Run the command line of this process and return the exit code."""
    streams.open_missing()
    # The process ends with the run, and nearly all that it makes lives as long: looking for garbage in it would take a
    # fifth of the time.
    gc.disable()
    try:
        # Without standalone mode click raises its errors instead of ending the process.
        code = commands.main(prog_name="hasten", standalone_mode=False)
    except VerifyError as error:
        streams.fail(str(error))
        code = 1
    except HastenError as error:
        streams.fail(str(error))
        code = 2
    except click.UsageError as error:
        hint = f" (see `{error.ctx.command_path} --help`)" if error.ctx else ""
        streams.fail(f"{_sentence(error.format_message())}{hint}")
        code = 2
    except click.ClickException as error:
        streams.fail(_sentence(error.format_message()))
        code = 2
    except (KeyboardInterrupt, click.Abort) as error:
        streams.fail(f"interrupted; {str(error) or 'nothing more is done'}")
        code = 130
    except BrokenPipeError:
        code = 0
    except Exception as error:  # noqa: BLE001 - the last resort: say that this is our fault, and keep the exit code's meaning
        code = _failed(error)
    lost = streams.flush()
    if lost:
        streams.fail(str(lost))
        code = 2
    return code if isinstance(code, int) else 0


def run() -> NoReturn:
    """Run the command line, and end the process with its exit code.

    It ends at once, as mypy does: everything is written and closed by then, and to take apart, object by object, what
    the system takes back as a whole would be a thirtieth of the time.
    """
    os._exit(main())


def _failed(error: Exception) -> int:
    """Say what nobody foresaw; return the exit code."""
    if isinstance(error, OSError) and error.filename is None and error.errno in _FULL_OR_CLOSED:
        # From click, which printed a help screen.
        streams.fail(str(streams.lost(error)))
        return 2
    import traceback

    for line in "".join(traceback.format_exception(error)).splitlines():
        streams.say(line)
    said = "; ".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ())])
    streams.fail(f"this is a mistake in hasten, please report it with the lines above: {said}")
    return 2


def _sentence(message: str) -> str:
    """Return a message of click in the style of our own: lower case, without the full stop."""
    message = " ".join(message.split())
    return (message[:1].lower() + message[1:]).rstrip(".")
