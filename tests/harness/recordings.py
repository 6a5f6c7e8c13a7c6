"""Recorded answers of providers, for the stand-in to play back."""

import base64
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from . import paths


@dataclass(frozen=True)
class Recording:
    """One exchange: the request as it was sent, the answer as the provider gave it."""

    id: str
    host: str
    method: str
    path: str
    """With its query string."""
    request: bytes
    status: int
    answer: bytes
    headers: dict[str, str] = field(default_factory=dict)
    """Of the answer."""
    request_type: str = "application/json"

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def streamed(self) -> bool:
        return self.content_type in ("text/event-stream", FRAMES, *LINES)


FRAMES = "application/vnd.amazon.eventstream"
LINES = ("application/x-ndjson", "application/stream+json")
"""A JSON value a line; the second is Cohere's name for it."""


def corpus_file() -> Path | None:
    """The corpus, which stays outside the repository; none where it is absent."""
    folder = Path(os.environ.get("TOLLKEEPER_CORPUS", paths.ROOT.parent / "shared" / "corpus"))
    file = folder / "recorded.jsonl"
    return file if file.is_file() else None


def corpus() -> list[Recording]:
    """All of it; empty where it is absent."""
    if (file := corpus_file()) is None:
        return []
    with file.open() as lines:
        return read(lines)


def read(lines: Iterable[str]) -> list[Recording]:
    """From the corpus' form: one JSON object a line."""
    return [_recording(json.loads(line)) for line in lines]


def _recording(line: dict[str, object]) -> Recording:
    def body(name: str) -> bytes:
        text = str(line[f"{name}_body"] or "")
        return base64.b64decode(text) if line[f"{name}_encoding"] == "base64" else text.encode()

    return Recording(
        id=str(line["id"]),
        host=str(line["host"]),
        method=str(line["method"]),
        path=str(line["path"]),
        request=body("request"),
        status=int(str(line["status"])),
        answer=body("response"),
        headers={"content-type": str(line["content_type"])},
    )
