"""`hasten lsp`, by a client that speaks the protocol with a process of its own."""

from __future__ import annotations

import ast
import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from lsprotocol import types
from pygls.lsp.client import LanguageClient

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from tests.cli.conftest import Command, Tree

ONLY = ("--select", "slow-to-fast,sleep-to-asyncio")
MIXED: dict[str, str | bytes] = {
    "app/a.py": 's = "\U0001f40d"; x = slow(1)\ny = slow(2, risky=True)\nslow()\n',
    "needs.py": "a = slow(4, needs=1)",
    "pyproject.toml": "[project]\nname = 'a'\nversion = '1'\ndependencies = []\n",
}


class Editor:
    """An editor with some files open; it does what the server asks of it."""

    def __init__(self, client: LanguageClient, root: Path) -> None:
        """Take a client that is connected."""
        self.client = client
        self.root = root
        self.encoding = "utf-16"
        self.refuses = False
        self.texts: dict[str, str] = {}
        self.shown: list[str] = []
        self.found: dict[str, list[types.Diagnostic]] = {}
        self._told = asyncio.Event()

        @client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)  # type: ignore[untyped-decorator]
        def publish(given: types.PublishDiagnosticsParams) -> None:
            self.found[given.uri] = list(given.diagnostics)
            self._told.set()

        @client.feature(types.WINDOW_SHOW_MESSAGE)  # type: ignore[untyped-decorator]
        def show(given: types.ShowMessageParams) -> None:
            self.shown.append(given.message)
            self._told.set()

        @client.feature(types.WORKSPACE_APPLY_EDIT)  # type: ignore[untyped-decorator]
        def apply(given: types.ApplyWorkspaceEditParams) -> types.ApplyWorkspaceEditResult:
            if self.refuses:
                return types.ApplyWorkspaceEditResult(applied=False, failure_reason="not today")
            for change in given.edit.document_changes or ():
                if isinstance(change, types.CreateFile):
                    assert change.uri not in self.texts
                    self.texts[change.uri] = ""
                    continue
                assert isinstance(change, types.TextDocumentEdit)
                self._edit(change)
            return types.ApplyWorkspaceEditResult(applied=True)

    async def open(self, name: str, text: str | None = None) -> list[types.Diagnostic]:
        """Open a file, with the text that it has on disk or another; return what is said about it."""
        uri = (self.root / name).as_uri()
        self.texts[uri] = (self.root / name).read_bytes().decode() if text is None else text
        self._told.clear()
        document = types.TextDocumentItem(uri, "python", 1, self.texts[uri])
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(document))
        await self.told()
        return self.found.get(uri, [])

    def type(self, name: str, text: str) -> None:
        """Change a file without saving it."""
        uri = (self.root / name).as_uri()
        self.texts[uri] = text
        change = types.TextDocumentContentChangeWholeDocument(text)
        identifier = types.VersionedTextDocumentIdentifier(uri=uri, version=2)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, [change]))

    async def actions(self, name: str, line: int) -> list[types.Command]:
        """Return the commands of what is offered in a line."""
        at = types.Range(types.Position(line, 0), types.Position(line, 99))
        found = await self.client.text_document_code_action_async(
            types.CodeActionParams(
                types.TextDocumentIdentifier((self.root / name).as_uri()), at, types.CodeActionContext([])
            )
        )
        # This client takes an action that has a command for that, with the text of the command's fields as its name.
        return [
            types.Command(**ast.literal_eval(each.command) | {"title": each.title})
            for each in found or ()
            if isinstance(each, types.Command)
        ]

    async def do(self, action: types.Command) -> None:
        """Have a change made."""
        await self.client.workspace_execute_command_async(types.ExecuteCommandParams(action.command, action.arguments))

    async def told(self) -> None:
        """Wait until the server has something to say."""
        await asyncio.wait_for(self._told.wait(), 120)

    def text(self, name: str) -> str:
        """Return what a file holds, in the editor if it is open there."""
        uri = (self.root / name).as_uri()
        return self.texts[uri] if uri in self.texts else (self.root / name).read_text(encoding="utf-8")

    def _edit(self, change: types.TextDocumentEdit) -> None:
        uri = change.text_document.uri
        name = Path(uri.removeprefix("file://")).relative_to(self.root).as_posix()
        lines = re.split(r"(?<=\n)|(?<=\r)(?!\n)", self.text(name))
        for edit in reversed(change.edits):
            assert isinstance(edit, types.TextEdit)
            start, end = (_offset(lines, at, self.encoding) for at in (edit.range.start, edit.range.end))
            text = self.text(name)
            self.texts[uri] = text[:start] + edit.new_text + text[end:]


def _offset(lines: list[str], at: types.Position, encoding: str) -> int:
    """Return where a position is, which counts units of an encoding."""
    size = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[encoding]
    name = f"{encoding}-le" if size > 1 else encoding
    before = lines[at.line].encode(name)[: size * at.character].decode(name) if at.character else ""
    return sum(map(len, lines[: at.line])) + len(before)


@pytest.fixture
def session(hasten_command: Command) -> Callable[..., None]:
    """Return what leads a conversation with the server, and ends it as an editor does."""

    def lead(
        root: Path,
        conversation: Callable[[Editor], Awaitable[None]],
        encodings: Sequence[str] | None = None,
        *,
        creates: bool = False,
    ) -> None:
        async def connected() -> None:
            client = LanguageClient("test", "1")
            command, *rest = hasten_command.line("lsp", *ONLY)
            await client.start_io(command, *rest, cwd=str(root), env=hasten_command.environment)
            editor = Editor(client, root)
            general = types.GeneralClientCapabilities(position_encodings=encodings)
            operations = [types.ResourceOperationKind.Create] if creates else None
            edit = types.WorkspaceEditClientCapabilities(document_changes=True, resource_operations=operations)
            workspace = types.WorkspaceClientCapabilities(workspace_edit=edit)
            capabilities = types.ClientCapabilities(general=general, workspace=workspace)
            answer = await client.initialize_async(types.InitializeParams(capabilities, root_uri=root.as_uri()))
            editor.encoding = str(answer.capabilities.position_encoding or "utf-16")
            assert answer.capabilities.code_action_provider
            client.initialized(types.InitializedParams())
            await conversation(editor)
            await client.shutdown_async(None)
            client.exit(None)
            process: Any = client._server
            assert await asyncio.wait_for(process.wait(), 60) == 0

        asyncio.run(connected())

    return lead


def test_what_is_found_stands_beside_its_lines(session: Callable[..., None], tree: Tree) -> None:
    """Positions count UTF-16, hazards are told, refusals are hints."""

    async def conversation(editor: Editor) -> None:
        found = await editor.open("app/a.py")
        safe, unsafe, refused = sorted(found, key=lambda each: each.range.start.line)
        assert (safe.code, safe.severity) == ("slow-to-fast", types.DiagnosticSeverity.Information)
        assert (safe.range.start.character, safe.range.end.character) == (14, 18)
        assert "ACM001 it is risky" in unsafe.message
        assert unsafe.severity == types.DiagnosticSeverity.Hint
        assert refused.code == "ACM101"

    session(tree(MIXED), conversation)


@pytest.mark.parametrize(("encodings", "start"), [(["utf-8", "utf-16"], 17), (["utf-32"], 14), (["utf-16"], 15)])
def test_columns_are_counted_as_agreed(
    session: Callable[..., None], tree: Tree, encodings: list[str], start: int
) -> None:
    """As Neovim counts, and others; also where the last line ends, and in lines that hold form feeds."""
    text = 'a = 1\n\x0c\ns = "\x0c\U0001f40d"; x = slow(1)\r# \x85\r\ny = "\U0001f40d", slow(2)'

    async def conversation(editor: Editor) -> None:
        found = sorted(await editor.open("a.py"), key=lambda each: each.range.start.line)
        assert [each.range.start.line for each in found] == [2, 4]
        assert found[0].range.start.character == start
        for line in (2, 4):
            (action,) = await editor.actions("a.py", line)
            await editor.do(action)
            await editor.open("a.py", editor.text("a.py"))
        assert editor.text("a.py") == text.replace("slow", "fast")

    session(tree({"a.py": text.encode()}), conversation, encodings)


def test_a_change_is_made_where_it_is_asked_for(session: Callable[..., None], tree: Tree) -> None:
    """The offer says that it is unsafe; only that change is made."""

    async def conversation(editor: Editor) -> None:
        await editor.open("app/a.py")
        (action,) = await editor.actions("app/a.py", 1)
        assert action.title == "hasten: call fast (unsafe)"
        await editor.do(action)
        assert editor.text("app/a.py") == str(MIXED["app/a.py"]).replace("slow(2", "fast(2")
        assert await editor.actions("app/a.py", 2) == []

    session(tree(MIXED), conversation)


def test_all_files_of_a_group_are_changed(session: Callable[..., None], tree: Tree) -> None:
    """Files that are not open, too; and a last line without an end stays without."""

    async def conversation(editor: Editor) -> None:
        await editor.open("needs.py")
        (action,) = await editor.actions("needs.py", 0)
        await editor.do(action)
        assert editor.text("needs.py") == "a = fast(4, needs=1)"
        assert "acme-fast" in editor.text("pyproject.toml")

    session(tree(MIXED), conversation)


def test_coroutines_in_two_files(session: Callable[..., None], tree: Tree) -> None:
    """What the editor holds counts, and not what is on disk."""
    files = {
        "app.py": "import asyncio\n\nfrom waiting import pause\n\n\nasync def main():\n    pass\n",
        "waiting.py": "import time\n\n\ndef pause():\n    time.sleep(1)\n",
    }

    async def conversation(editor: Editor) -> None:
        await editor.open("app.py", files["app.py"].replace("    pass", "    pause()"))
        await editor.open("waiting.py")
        (action,) = await editor.actions("waiting.py", 4)
        await editor.do(action)
        assert "    await pause()\n" in editor.text("app.py")
        assert "    await asyncio.sleep(1)\n" in editor.text("waiting.py")
        assert (editor.root / "waiting.py").read_text() == files["waiting.py"]

    session(tree(files), conversation)


def test_a_file_that_a_change_brings_is_created(session: Callable[..., None], tree: Tree) -> None:
    """With what it holds."""

    async def conversation(editor: Editor) -> None:
        await editor.open("a.py")
        (action,) = await editor.actions("a.py", 0)
        await editor.do(action)
        assert editor.text("a.py") == "fast(1, beside=2)\n"
        assert editor.text("new0.py") == "fast = 1\n"

    session(tree({"a.py": "slow(1, beside=2)\n"}), conversation, creates=True)


def test_what_an_editor_does_not_do_is_told(session: Callable[..., None], tree: Tree) -> None:
    """It creates no files, or has its own reasons: nobody is left to think that the change was made."""

    async def conversation(editor: Editor) -> None:
        await editor.open("a.py")
        for line, why in ((0, "which the editor cannot create"), (1, "has not made this change: not today")):
            (action,) = await editor.actions("a.py", line)
            editor.refuses = True
            await editor.do(action)
            assert why in editor.shown[-1]
        assert editor.text("a.py") == "slow(1, beside=2)\nslow(2)\n"

    session(tree({"a.py": "slow(1, beside=2)\nslow(2)\n"}), conversation)


def test_a_file_that_is_open_under_another_name(session: Callable[..., None], tree: Tree) -> None:
    """It is edited under the name that the editor knows."""

    async def conversation(editor: Editor) -> None:
        await editor.open("link.py")
        (action,) = await editor.actions("link.py", 0)
        await editor.do(action)
        assert editor.text("link.py") == "fast(1)\n"
        assert editor.text("in/a.py") == "slow(1)\n"

    root = tree({"in/a.py": "slow(1)\n", "pyproject.toml": ""})
    (root / "link.py").symlink_to("in/a.py")
    session(root, conversation)


def test_a_text_that_was_changed_since_is_left(session: Callable[..., None], tree: Tree) -> None:
    """It has to be looked at again."""

    async def conversation(editor: Editor) -> None:
        await editor.open("app/a.py")
        (action,) = await editor.actions("app/a.py", 0)
        editor.type("app/a.py", "mine\n")
        await editor.do(action)
        assert editor.text("app/a.py") == "mine\n"
        assert "app/a.py was changed since it was looked at" in editor.shown[-1]

    session(tree(MIXED), conversation)


def test_metadata_that_was_changed_on_disk_since(session: Callable[..., None], tree: Tree) -> None:
    """It is edited as it is now, though no editor has it open: edits go by the numbers of lines."""
    metadata = "[project]\nname = 'a'\nversion = '1'\ndependencies = []\n"

    async def conversation(editor: Editor) -> None:
        await editor.open("a.py")
        (action,) = await editor.actions("a.py", 0)
        (editor.root / "pyproject.toml").write_text(f"# mine\n{metadata}")
        await editor.do(action)
        assert editor.text("a.py") == "fast(1, needs=2)\n"
        assert editor.text("pyproject.toml") == f"# mine\n{metadata}".replace("[]", '["acme-fast>=1.0"]')

    session(tree({"pyproject.toml": metadata, "a.py": "slow(1, needs=2)\n"}), conversation)


def test_metadata_that_an_editor_holds_otherwise(session: Callable[..., None], tree: Tree) -> None:
    """A part of a change is not made."""
    metadata = "[project]\nname = 'a'\nversion = '1'\ndependencies = []\n"

    async def conversation(editor: Editor) -> None:
        await editor.open("a.py")
        await editor.open("pyproject.toml")
        (action,) = await editor.actions("a.py", 0)
        editor.type("pyproject.toml", f"# mine\n{metadata}")
        await editor.do(action)
        assert editor.text("a.py") == "slow(1, needs=2)\n"
        assert "pyproject.toml was changed since it was looked at" in editor.shown[-1]

    session(tree({"pyproject.toml": metadata, "a.py": "slow(1, needs=2)\n"}), conversation)


def test_a_file_in_another_encoding_that_is_not_open(session: Callable[..., None], tree: Tree) -> None:
    """What the change makes of it is text of the encoding that it declares."""
    app = "# coding: latin-1\nfrom waiting import pause\n\n\nasync def main():\n    pause(), '\xe9'\n"
    files: dict[str, str | bytes] = {
        "pyproject.toml": "",
        "app.py": app.encode("latin-1"),
        "waiting.py": "import time\n\n\ndef pause():\n    time.sleep(1)\n",
    }

    async def conversation(editor: Editor) -> None:
        await editor.open("waiting.py")
        (action,) = await editor.actions("waiting.py", 4)
        editor.texts[(editor.root / "app.py").as_uri()] = app
        await editor.do(action)
        assert editor.text("app.py") == app.replace("    pause()", "    await pause()")
        assert "    await asyncio.sleep(1)\n" in editor.text("waiting.py")

    session(tree(files), conversation)


def test_a_project_inside_of_another(session: Callable[..., None], tree: Tree) -> None:
    """The innermost is the one that a file belongs to, whatever was opened first."""
    marked = "[tool.hasten]\n"
    files = {"pyproject.toml": marked, "a.py": "slow(1)\n", "in/pyproject.toml": marked, "in/b.py": "slow(2)\n"}

    async def conversation(editor: Editor) -> None:
        await editor.open("../a.py")
        await editor.open("b.py")
        (action,) = await editor.actions("b.py", 0)
        assert action.arguments is not None
        assert action.arguments[0] == str(editor.root)
        await editor.do(action)
        assert editor.text("b.py") == "fast(2)\n"

    session(tree(files) / "in", conversation)


def test_a_wrong_configuration_is_told(session: Callable[..., None], tree: Tree) -> None:
    """And the server stays."""

    async def conversation(editor: Editor) -> None:
        await editor.open("a.py")
        assert "selekt" in editor.shown[-1]
        (editor.root / "pyproject.toml").write_text("")
        assert len(await editor.open("a.py")) == 1

    session(tree({"a.py": "slow(1)\n", "pyproject.toml": "[tool.hasten]\nselekt = 1\n"}), conversation)


def test_what_is_missing_is_named(hasten_command: Command, tree: Tree) -> None:
    """The server needs more than the rest."""
    root = tree({"pygls/__init__.py": "raise ModuleNotFoundError('no', name='pygls')\n"})
    path = f"{root}:{hasten_command.environment['PYTHONPATH']}"
    done = hasten_command("lsp", cwd=root, variables={"PYTHONPATH": path})
    assert done.returncode == 2
    assert b"`pip install 'hasten[lsp]'` installs it" in done.stderr
