"""Sends recorded requests through Envoy, each answered with what was recorded for it."""

import http.client
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count

from harness.recordings import Recording


@dataclass(frozen=True)
class Answer:
    """What the client got."""

    status: int
    body: bytes
    """Decompressed; as far as it came."""
    complete: bool
    """Whether it ended as HTTP says it must."""


def send_all(
    port: int,
    recordings: Iterable[Recording],
    steer: str,
    requests: dict[str, bytes] | None = None,
    patience: float = 30,
) -> dict[str, Answer]:
    """The answers by the recordings' ids, which are the callers' tenants as well.

    `steer` says how the stand-in is to answer: `{size}` stands for a fiftieth of the answer, `{half}` for a random
    number of such pieces, both never 0. `requests` has other bodies than those recorded. A client who has waited for
    `patience` seconds hangs up.
    """
    with ThreadPoolExecutor(4) as threads:
        calls = {
            recording.id: threads.submit(
                _send,
                port,
                recording,
                steer,
                seed,
                (requests or {}).get(recording.id, recording.request),
                patience,
            )
            for seed, recording in zip(count(), recordings)
        }
    return {id: call.result() for id, call in calls.items()}


def _send(
    port: int, recording: Recording, steer: str, seed: int, request: bytes, patience: float
) -> Answer:
    length = len(recording.answer)
    how = steer.format(size=length // 50 + 1, half=seed % 25 + 1)
    headers = {
        "host": recording.host,
        "content-type": recording.request_type,
        "x-tenant-id": recording.id,
        "x-stand-in": f"recording={recording.id}; seed={seed}; {how}",
    }
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=patience)
    try:
        connection.request(recording.method, recording.path, request, headers)
        response = connection.getresponse()
        body, complete = _read(response)
        if response.headers.get("content-encoding") == "gzip":
            body = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(body)
        return Answer(response.status, body, complete)
    finally:
        connection.close()


def _read(response: http.client.HTTPResponse) -> tuple[bytes, bool]:
    pieces = list(_pieces(response))
    return b"".join(piece for piece in pieces if piece), None not in pieces


def _pieces(response: http.client.HTTPResponse) -> Iterator[bytes | None]:
    """What comes, as it comes; a None where the connection broke, or patience was at its end."""
    try:
        while piece := response.read1():
            yield piece
    except (http.client.IncompleteRead, ConnectionError, TimeoutError):
        yield None
