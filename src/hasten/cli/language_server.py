"""A language server: diagnostics for what could be rewritten and what is refused, and a code action for each change.

The project is looked at when a file is opened or saved, with the texts that the editor holds in the place of files. A
change is made from the texts that were looked at; where the editor holds others by then, it is not made.
"""

from __future__ import annotations

import asyncio
import gc
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path

from hasten import __version__, pipeline, report
from hasten.cli import session
from hasten.cli.positions import Places, Units, edits
from hasten.cli.streams import visible
from hasten.errors import HastenError, SourceError
from hasten.model import Changed, Failed, Source
from hasten.plan import needed
from hasten.source import decode, decode_plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hasten.cli.options import Options
    from hasten.model import Change, Edit
    from hasten.request import Workbench

APPLY = "hasten.apply"
_SOURCE = "hasten"


@dataclass(slots=True)
class Look:
    """What was found when the project was looked at last.

    Attributes:
        root: the directory that all paths are relative to.
        bench: what was found, and what makes it.
        texts: the texts that the editor held in the place of files, by path.
        quiet: the codes of refusals that are not shown.
        places: the places of the files that were asked about so far.
    """

    root: Path
    bench: Workbench
    texts: dict[str, str]
    quiet: frozenset[str]
    places: dict[str, Places] = field(default_factory=dict)


@dataclass(slots=True)
class Projects:
    """The last look at each project, which is kept until the next.

    Attributes:
        options: what the command line says.
    """

    options: Options
    _looks: dict[Path, tuple[Look, ExitStack]] = field(default_factory=dict)

    def look(self, path: Path, folders: Sequence[Path], texts: dict[Path, str]) -> Look:
        """Look at the project of a file, with the texts of an editor; raises HastenError.

        Args:
            path: the file.
            folders: what the editor has open as folders: one that holds the file is its project if nothing else is.
            texts: what the editor holds in the place of files.
        """
        paths = [path, *(each for each in folders if path.is_relative_to(each))]
        # Threads and processes do not go together, and the editor is in use meanwhile: one process it is.
        asked = session.prepared(replace(self.options, paths=tuple(map(str, paths)), quiet=True, jobs=1), whole=True)
        held: dict[str, str] = {}
        overlay: list[Source] = []
        for target in asked.request.targets:
            full = asked.root / target
            if full in texts:
                try:
                    overlay.append(decode(target, texts[full].encode()))
                except SourceError:
                    continue  # as it is on disk, then
                held[target] = texts[full]
        stack = ExitStack()
        with stack:
            request = replace(asked.request, unsafe=True, overlay=tuple(overlay))
            bench = stack.enter_context(pipeline.opened(request, asked.codemods))
            quiet = session.quiet_codes(asked.codemods, verbose=self.options.verbose)
            look = Look(asked.root, bench, held, quiet)
            self._forget(asked.root)
            self._looks[asked.root] = look, stack.pop_all()
        gc.enable()  # a run does without; this process goes on
        return look

    def at(self, path: Path) -> Look | None:
        """Return the last look at the project of a file: the innermost, where one is inside of another."""
        around = [root for root in self._looks if path.is_relative_to(root)]
        return self._looks[max(around, key=lambda root: len(root.parts))][0] if around else None

    def close(self) -> None:
        """Forget everything."""
        for root in list(self._looks):
            self._forget(root)

    def _forget(self, root: Path) -> None:
        if root in self._looks:
            self._looks.pop(root)[1].close()


def serve(options: Options) -> None:
    """Speak with an editor over standard input and output until it says good-bye."""
    projects = Projects(options)
    try:
        server(projects).start_io()
    finally:
        projects.close()


def server(projects: Projects) -> LanguageServer:
    """Return a server of some projects."""
    # Whole texts: pygls puts the parts of a text together by lines that end at form feeds, too, which no editor's do.
    it = LanguageServer(_SOURCE, __version__, text_document_sync_kind=types.TextDocumentSyncKind.Full)
    # One look after the other: the next sees what the editor holds by then.
    turn = asyncio.Lock()

    async def look(uri: str) -> None:
        path = _path(uri)
        if path is None:
            return
        async with turn:
            held = list(it.workspace.text_documents.values())
            # Somebody goes on typing meanwhile, and what is found is about these.
            versions = {document.uri: document.version for document in held}
            texts = {at: document.source for document in held if (at := _path(document.uri)) is not None}
            try:
                found = await asyncio.to_thread(projects.look, path, _folders(it), texts)
            except HastenError as error:
                it.window_show_message(types.ShowMessageParams(types.MessageType.Error, visible(f"hasten: {error}")))
                return
        for each, version in versions.items():
            name = _name(found, each)
            if name is not None:
                diagnostics = list(_diagnostics(found, name, _units(it)))
                it.text_document_publish_diagnostics(types.PublishDiagnosticsParams(each, diagnostics, version=version))

    @it.feature(types.TEXT_DOCUMENT_DID_OPEN)
    async def opened(given: types.DidOpenTextDocumentParams) -> None:
        await look(given.text_document.uri)

    @it.feature(types.TEXT_DOCUMENT_DID_SAVE)
    async def saved(given: types.DidSaveTextDocumentParams) -> None:
        await look(given.text_document.uri)

    @it.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(given: types.DidCloseTextDocumentParams) -> None:
        it.text_document_publish_diagnostics(types.PublishDiagnosticsParams(given.text_document.uri, []))

    @it.feature(
        types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix])
    )
    def actions(given: types.CodeActionParams) -> list[types.CodeAction]:
        uri = given.text_document.uri
        path = _path(uri)
        found = projects.at(path) if path is not None else None
        name = _name(found, uri) if found is not None else None
        if found is None or name is None:
            return []
        places = _places(found, name, _units(it))
        return [
            types.CodeAction(
                title=f"hasten: {visible(change.title)}{'' if not change.hazards else ' (unsafe)'}",
                kind=types.CodeActionKind.QuickFix,
                command=types.Command(change.title, APPLY, arguments=[str(found.root), change.id]),
                is_preferred=not change.hazards,
            )
            for change in report.sites(found.bench.plan)
            if any(
                edit.path == name and _touch(places.range(edit.start, edit.end), given.range) for edit in change.edits
            )
        ]

    @it.command(APPLY)
    async def apply(root: str, name: str) -> None:
        found = projects.at(Path(root))
        if found is None or all(each.id != name for each in found.bench.plan.changes):
            _warn(it, "this change is not known any more; save the file, and ask again")
        else:
            await _make(it, found, name)

    return it


async def _make(it: LanguageServer, found: Look, name: str) -> None:
    """Let the editor make a change with all that it requires, or say why not."""
    outcomes = found.bench.draft(needed(found.bench.plan, [name]))
    for each in outcomes:
        if isinstance(each, Failed):
            _warn(it, f"{each.path}: {each.problem.message}")
            return
    files = [each for each in outcomes if isinstance(each, Changed)]
    stale = _stale(found, it, files)
    if stale:
        _warn(it, stale)
        return
    if any(each.created for each in files) and not _creates(it):
        _warn(it, "this change brings a new file, which the editor cannot create; `hasten apply` does")
        return
    edit = _workspace_edit(found, it, files)
    done = await it.workspace_apply_edit_async(types.ApplyWorkspaceEditParams(edit, label=f"hasten: {name}"))
    if not done.applied:
        _warn(it, f"the editor has not made this change: {done.failure_reason or 'it does not say why'}")


def _warn(it: LanguageServer, message: str) -> None:
    it.window_show_message(types.ShowMessageParams(types.MessageType.Warning, visible(f"hasten: {message}")))


def _folders(it: LanguageServer) -> list[Path]:
    """Return the folders that the editor has open."""
    uris = [each.uri for each in it.workspace.folders.values()] or filter(None, [it.workspace.root_uri])
    return [path for uri in uris if (path := _path(uri)) is not None]


def _path(uri: str) -> Path | None:
    given = to_fs_path(uri)
    return Path(given).resolve() if given is not None else None


def _name(found: Look, uri: str) -> str | None:
    """Return the path of a document from the root of a project, None where it is elsewhere."""
    path = _path(uri)
    return path.relative_to(found.root).as_posix() if path is not None and path.is_relative_to(found.root) else None


def _stale(found: Look, it: LanguageServer, files: Sequence[Changed]) -> str:
    """Return what keeps a change from being made of what the editor and the disk hold, "" if nothing does.

    An edit goes by the numbers of lines: in a text that was not looked at it would meet others.
    """
    documents = {_name(found, each.uri): each for each in it.workspace.text_documents.values()}
    for file in files:
        document = documents.get(file.path)
        if document is not None:
            same = not file.created and document.source == _text(found, file.path, file.before)
        else:
            same = _on_disk(found.root / file.path) == (None if file.created else file.before)
        if not same:
            return f"{file.path} was changed since it was looked at; save it, and ask again"
    return ""


def _text(found: Look, path: str, data: bytes) -> str:
    """Return the text of a file: what an editor held is UTF-8, whatever the file declares."""
    plain = path in found.texts or not path.endswith((".py", ".pyi"))
    return (decode_plain if plain else decode)(path, data).text


def _on_disk(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _creates(it: LanguageServer) -> bool:
    """Tell whether the editor creates files when it is asked to."""
    workspace = it.client_capabilities.workspace
    edit = workspace.workspace_edit if workspace is not None else None
    operations = edit.resource_operations if edit is not None else None
    return types.ResourceOperationKind.Create in (operations or ())


def _diagnostics(found: Look, name: str, units: Units) -> Iterator[types.Diagnostic]:
    places = _places(found, name, units)
    for change in report.sites(found.bench.plan):
        here = [edit for edit in change.edits if edit.path == name]
        if here:
            first = min(here, key=lambda each: each.start)
            told = [f"{each.code} {each.message}" for each in change.hazards]
            yield types.Diagnostic(
                places.range(first.start, first.end),
                visible("; ".join([f"{change.title} ({change.applicability})", *told])),
                severity=types.DiagnosticSeverity.Hint if told else types.DiagnosticSeverity.Information,
                code=change.codemod,
                source=_SOURCE,
                data={"change": change.id},
                related_information=list(_related(found, change, first, units)),
            )
    for refusal in found.bench.plan.refusals:
        if refusal.path == name and refusal.code not in found.quiet:
            yield types.Diagnostic(
                places.range(refusal.start, refusal.start),
                visible(f"{refusal.message} ({refusal.codemod}, refused)"),
                severity=types.DiagnosticSeverity.Hint,
                code=refusal.code,
                source=_SOURCE,
            )


def _related(found: Look, change: Change, first: Edit, units: Units) -> Iterator[types.DiagnosticRelatedInformation]:
    """Yield the other places that the change edits, in other files too."""
    for edit in change.edits:
        if edit != first:
            uri = from_fs_path(str(found.root / edit.path)) or ""
            place = _places(found, edit.path, units).of(edit.start)
            yield types.DiagnosticRelatedInformation(
                types.Location(uri, types.Range(place, place)), "is rewritten with it"
            )


def _places(found: Look, path: str, units: Units) -> Places:
    """Return the places of a file in the text that was looked at."""
    if path not in found.places:
        text = found.texts.get(path)
        if text is None:
            try:
                text = _text(found, path, _on_disk(found.root / path) or b"")
            except SourceError:
                text = ""
        found.places[path] = Places(text, units)
    return found.places[path]


def _units(it: LanguageServer) -> Units:
    """Return how columns are counted: client and server have agreed on an encoding."""
    counted: Units = it.workspace.position_codec.client_num_units
    return counted


def _touch(one: types.Range, other: types.Range) -> bool:
    return _order(one.start) <= _order(other.end) and _order(other.start) <= _order(one.end)


def _order(at: types.Position) -> tuple[int, int]:
    return at.line, at.character


def _workspace_edit(found: Look, it: LanguageServer, files: Sequence[Changed]) -> types.WorkspaceEdit:
    """Return all that a change makes of the files, as one edit."""
    documents = {_name(found, each.uri): each for each in it.workspace.text_documents.values()}
    changes: list[Any] = []
    for file in files:
        # An editor knows a file by the name that it was opened with, which need not be that of the file itself.
        document = documents.get(file.path)
        uri = document.uri if document is not None else from_fs_path(str(found.root / file.path)) or ""
        if file.created:
            changes.append(types.CreateFile(uri))
        before, after = (_text(found, file.path, data) for data in (file.before, file.after))
        version = document.version if document is not None else None
        identifier = types.OptionalVersionedTextDocumentIdentifier(uri, version)
        changes.append(types.TextDocumentEdit(identifier, list(edits(before, after, _units(it)))))
    return types.WorkspaceEdit(document_changes=changes)
