"""Keeps what all agents were told in one SQLite file."""

import sqlite3
from contextlib import closing
from pathlib import Path

SCHEMA = """
create table if not exists notes (
    id integer primary key,
    agent text not null,
    topic text not null,
    text text not null
);
create index if not exists notes_by_topic on notes (agent, topic);
"""


class Archive:
    """The notes of many agents; each call opens the file for itself, so that none is inside another's transaction."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def prepare(self) -> None:
        """Make the tables, unless they are there."""
        with closing(sqlite3.connect(self.path)) as connection:
            # Whoever reads need not wait for the one who writes.
            connection.execute("pragma journal_mode = wal")
            connection.executescript(SCHEMA)

    def remember(self, agent: str, notes: dict[str, str]) -> int:
        """Add a note on each topic, all or none; return how many."""
        rows = [(agent, topic, text) for topic, text in notes.items()]
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.executemany("insert into notes (agent, topic, text) values (?, ?, ?)", rows)
        return len(rows)

    def recall(self, agent: str, topics: list[str]) -> dict[str, str]:
        """Return the newest note on each topic that there is one on."""
        found = {}
        with closing(sqlite3.connect(self.path)) as connection:
            for topic in topics:
                row = connection.execute(
                    "select text from notes where agent = ? and topic = ? order by id desc limit 1", (agent, topic)
                ).fetchone()
                if row is not None:
                    found[topic] = row[0]
        return found

    def search(self, words: str, limit: int = 5) -> list[str]:
        """Return the shortest notes of any agent that hold these words; every note is looked at."""
        with closing(sqlite3.connect(self.path)) as connection:
            rows = connection.execute(
                "select text from notes where text like ? order by length(text), id limit ?", (f"%{words}%", limit)
            ).fetchall()
        return [text for (text,) in rows]
