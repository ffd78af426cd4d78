"""Try calls over the network again when they fail for a while.

A server that is busy says so, a connection breaks, an answer comes too late: a second later all is well. This codemod
puts `@tenacity.retry` on the functions that call out, so that one 503 does not fail a request, and sees to it that the
second attempt does no harm.

Nothing is tried again without `--unsafe` or `--accept RTY016`: what follows is what is looked for.

It finds the innermost function of the program that makes the call: through requests, httpx, aiohttp or urllib, with a
function of theirs or with a session, wherever that was made. Only what passes is tried again: no answer, half an
answer, and, where the code makes errors of answers (`raise_for_status`), 429, 502, 503 and 504. Three attempts, waits
that grow, what `Retry-After` says, a log line before each wait, and in the end the very exception that callers saw
before.

A function that returns the answer whole is tried again by what that says, and returns the last one. Where it looks at
the status itself, only missing answers are tried again: what it makes of a 503 is its own affair. The line in the log
names the error, and so the address: look whether that holds a secret.

A loop that tries again by hand is replaced by a decorator that makes the same attempts, after the same waits.

The decorator stands below those that are there, next to the function. Clients that try again by themselves are left
alone, sessions of the program's own classes among them, and so is what is called by something that does, or handed to
it.

A wait of seconds is no good in tests: `monkeypatch.setattr(fetch.retry, "wait", tenacity.wait_none())` takes it out.

See <https://tenacity.readthedocs.io> for tenacity itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from hasten.api import Codemod, Finding, Option, Program, Settings
from hasten_codemods.retry_api_calls import codes

if TYPE_CHECKING:
    from hasten.api import Transformer

#: The clients that may have settings of their own.
_CLIENTS = ("aiohttp", "httpx", "requests", "urllib")


class RetryApiCalls(Codemod):
    """`def fetch(...)` gets `@tenacity.retry(...)`, where a second attempt can do no harm."""

    contract: ClassVar[str] = (
        "An idempotent call that failed in a transient way is tried again. Callers see the results and the exceptions "
        "that they saw before; nothing else changes but time: a call that fails each time takes as long as all "
        "attempts and the waits between them, and a line is logged before each wait. No change is `safe`, since "
        "nobody can see all that counts on one attempt. The best that there is has the hazard RTY016 and no other: the "
        "requests change nothing by the standard of HTTP (`GET`, `HEAD`, `OPTIONS`), the exceptions that pass can be "
        "seen to leave the function, nothing else in it could be seen done twice, and nothing on the ways to it is "
        "seen to try again; or a loop did the same."
    )
    triggers: ClassVar[tuple[bytes, ...]] = (
        *(b"requests", b"httpx", b"aiohttp", b"urllib", b"openai", b"anthropic", b"boto3", b"botocore", b"genai"),
        *(b"redis", b"grpc", b"stripe", b"azure", b"google.cloud"),
    )
    asks: ClassVar[tuple[bytes, ...]] = tuple(
        b"%b %b" % (word, name) for word in (b"import", b"from") for name in (b"requests", b"httpx", b"aiohttp")
    )
    literals: ClassVar[tuple[str, ...]] = (r"\w\.(?:time|sleep)$",)
    codes = codes.CODES
    options: ClassVar[tuple[Option, ...]] = (
        Option("attempts", int, 3, "How often a call is made, the first time included.", per=_CLIENTS),
        Option("multiplier", float, 1.0, "Seconds of the first wait, which double from wait to wait.", per=_CLIENTS),
        Option("min", float, 4.0, "No wait is shorter than this, in seconds.", per=_CLIENTS),
        Option("max", float, 10.0, "No wait is longer than this, unless the server asks for it.", per=_CLIENTS),
        Option(
            "jitter",
            bool,
            default=False,
            help="Wait for a random part of that, so that not all come back at once.",
            per=_CLIENTS,
        ),
        Option(
            "log",
            str,
            "warning",
            "The level of the line that is logged before each wait.",
            choices=("none", "debug", "info", "warning", "error"),
            per=_CLIENTS,
        ),
        Option(
            "policy",
            str,
            "inline",
            "Where it stands how often and how long: with each function, or once for a package.",
            choices=("inline", "shared"),
        ),
        Option(
            "fallback",
            str,
            "",
            "An expression that functions return after the last attempt, in the place of the error.",
        ),
    )

    def analyse(self, program: Program, settings: Settings) -> Iterator[Finding]:
        """Yield a change or a refusal for every function of the target files that calls out."""
        from hasten_codemods.retry_api_calls.analysis import Analysis

        return Analysis(program, settings, self.name).findings()

    def transformer(self) -> type[Transformer]:
        """Return the transformer."""
        from hasten_codemods.retry_api_calls.transformer import RetryApiCallsTransformer

        return RetryApiCallsTransformer

    def prepare(self) -> None:
        """Import the analysis."""
        import hasten_codemods.retry_api_calls.analysis  # noqa: F401
