"""Runs the service against a model API that answers over real HTTP."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from agent_memory.client import ModelClient, ModelError
from agent_memory.service import Agent
from agent_memory.store import Memory, ReplyCache


class Model(BaseHTTPRequestHandler):
    """Repeats the question, and says how many messages came with it."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(asked)
        if asked["model"] == "unknown":
            self.answer(404, {"error": {"message": "no such model: unknown"}})
        elif self.path == "/v1/embeddings":
            self.answer(200, {"data": [{"embedding": [0.25, -1.5, float(len(asked["input"]))]}]})
        else:
            text = f"{len(asked['messages'])}: {asked['messages'][-1]['content']}"
            self.answer(200, {"choices": [{"message": {"content": text}}]})

    def answer(self, status, document):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(document).encode())

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    with HTTPServer(("127.0.0.1", 0), Model) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def client(server, model="small"):
    return ModelClient(f"http://127.0.0.1:{server.server_port}", model)


def test_notes_go_with_the_question(server, tmp_path):
    agent = Agent(client(server), Memory(tmp_path / "memory.json"), ReplyCache(tmp_path / "replies.jsonl"))
    agent.memory.remember("tea", "Zoë takes hers without sugar ☕")
    assert agent.ask("tea", "How does Zoë take her tea?") == "2: How does Zoë take her tea?"
    assert server.asked[0]["messages"][0] == {"role": "system", "content": "Zoë takes hers without sugar ☕"}


def test_a_reply_is_paid_for_once(server, tmp_path):
    for _ in range(2):
        agent = Agent(client(server), Memory(tmp_path / "memory.json"), ReplyCache(tmp_path / "replies.jsonl"))
        assert agent.ask("tea", "Green or black?") == "1: Green or black?"
    assert len(server.asked) == 1


def test_replies_of_an_earlier_version_are_found(tmp_path):
    path = tmp_path / "replies.jsonl"
    key = "662eff230c5300490920e97812e26102339f5331f8e3e7ff9f7116f725b35f49"
    path.write_text(json.dumps({"key": key, "reply": "Black."}) + "\n", encoding="utf-8")
    assert ReplyCache(path).get([{"role": "user", "content": "Grün oder schwarz?"}]) == "Black."


def test_memory_is_read_back(tmp_path):
    Memory(tmp_path / "memory.json").remember("naïve", "“quotes” and \\ backslashes")
    assert Memory(tmp_path / "memory.json").about("naïve") == ["“quotes” and \\ backslashes"]


def test_people_can_read_the_memory(tmp_path):
    Memory(tmp_path / "memory.json").remember("a", "b")
    assert len((tmp_path / "memory.json").read_text(encoding="utf-8").splitlines()) > 5


def test_a_vector_comes_back(server):
    assert client(server).embed("hello") == [0.25, -1.5, 5.0]


def test_the_api_explains_a_failure(server):
    with pytest.raises(ModelError, match="no such model: unknown"):
        client(server, model="unknown").complete([{"role": "user", "content": "?"}])
