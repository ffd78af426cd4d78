"""Keeps memories in one file, and replies that were already paid for in another."""

import hashlib
import json
import os
from pathlib import Path


class Memory:
    """The notes of one agent, read at start and written after each change."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notes: list[dict[str, str]] = []
        if path.exists():
            with open(path, encoding="utf-8") as file:
                self.notes = json.load(file)["notes"]

    def remember(self, topic: str, text: str) -> None:
        self.notes.append({"topic": topic, "text": text})
        self.save()

    def about(self, topic: str) -> list[str]:
        return [note["text"] for note in self.notes if note["topic"] == topic]

    def save(self) -> None:
        temporary = self.path.with_suffix(".tmp")
        with open(temporary, "w", encoding="utf-8") as file:
            # People read this file, hence the indentation.
            json.dump({"version": 2, "notes": self.notes}, file, indent=4)
        os.replace(temporary, self.path)


class ReplyCache:
    """Replies by the conversation that led to them, one line of JSON each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.replies: dict[str, str] = {}
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                entry = json.loads(line)
                self.replies[entry["key"]] = entry["reply"]

    @staticmethod
    def key(messages: list[dict[str, str]]) -> str:
        # Other spaces in this text would give other keys, and every reply would be paid for again.
        return hashlib.sha256(json.dumps(messages, sort_keys=True).encode()).hexdigest()

    def get(self, messages: list[dict[str, str]]) -> str | None:
        return self.replies.get(self.key(messages))

    def put(self, messages: list[dict[str, str]], reply: str) -> None:
        key = self.key(messages)
        self.replies[key] = reply
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"key": key, "reply": reply}) + "\n")
