"""One asyncio service that several agents keep their notes with: a line of JSON asks, a line of JSON answers."""

import asyncio
import json

from agent_memory.archive import Archive


class Desk:
    def __init__(self, archive: Archive) -> None:
        self.archive = archive

    async def answer(self, request: dict) -> dict:
        """Do what one request asks for."""
        match request:
            case {"do": "remember", "agent": str(agent), "notes": dict(notes)}:
                return {"added": self.archive.remember(agent, notes)}
            case {"do": "recall", "agent": str(agent), "topics": list(topics)}:
                return {"notes": self.archive.recall(agent, topics)}
            case {"do": "search", "words": str(words)}:
                return {"notes": self.archive.search(words)}
        return {"error": "remember, recall or search?"}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one agent until it hangs up."""
        while line := await reader.readline():
            answer = await self.answer(json.loads(line))
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        writer.close()
        await writer.wait_closed()


async def open_desk(archive: Archive, port: int = 0) -> asyncio.Server:
    """Return the service, ready for agents on this machine."""
    archive.prepare()
    return await asyncio.start_server(Desk(archive).serve, "127.0.0.1", port)
