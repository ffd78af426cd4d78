"""Answers questions with what is remembered."""

from agent_memory.client import ModelClient
from agent_memory.store import Memory, ReplyCache


class Agent:
    def __init__(self, client: ModelClient, memory: Memory, cache: ReplyCache) -> None:
        self.client = client
        self.memory = memory
        self.cache = cache

    def ask(self, topic: str, question: str) -> str:
        """Return the reply to `question`, from the cache where the same was asked before."""
        messages = [{"role": "system", "content": text} for text in self.memory.about(topic)]
        messages.append({"role": "user", "content": question})
        reply = self.cache.get(messages)
        if reply is None:
            reply = self.client.complete(messages)
            self.cache.put(messages, reply)
        return reply
