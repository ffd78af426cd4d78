"""Talks to the model's HTTP API."""

import json
import urllib.error
import urllib.request


class ModelError(Exception):
    """The API gave an answer that is no completion."""


class ModelClient:
    def __init__(self, url: str, model: str, timeout: float = 30.0) -> None:
        self.url = url
        self.model = model
        self.timeout = timeout

    def complete(self, messages: list[dict[str, str]]) -> str:
        """Send the conversation and return the model's reply."""
        body = json.dumps({"model": self.model, "messages": messages}).encode()
        answer = self._post("/v1/chat", body)
        try:
            return answer["choices"][0]["message"]["content"]
        except (KeyError, IndexError) as error:
            raise ModelError(f"no reply in {sorted(answer)}") from error

    def embed(self, text: str) -> list[float]:
        """Return the vector of `text`."""
        answer = self._post("/v1/embeddings", json.dumps({"model": self.model, "input": text}).encode("utf-8"))
        return answer["data"][0]["embedding"]

    def _post(self, path: str, body: bytes) -> dict:
        request = urllib.request.Request(
            self.url + path, data=body, headers={"Content-Type": "application/json"}, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as response:
                return json.loads(response.read())
        except urllib.error.HTTPError as error:
            # The API explains itself in JSON, also when it fails.
            detail = json.loads(error.read())
            raise ModelError(detail["error"]["message"]) from error
        except json.JSONDecodeError as error:
            raise ModelError("the answer is not JSON") from error
