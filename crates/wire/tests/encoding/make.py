"""Writes the encoded bodies beside it, each by another implementation than the one under test: zlib of Python, and the
packages brotli and zstandard (pip install brotli zstandard).

A file is a sequence of flushed pieces, each after its length as a 32-bit little-endian number.
"""

import json
import struct
import zlib
from pathlib import Path

import brotli
import zstandard

HERE = Path(__file__).parent

WORDS = "The mesh meters what passes and holds nobody up , not even for a moment .".split()
EVENTS = [
    "data: " + json.dumps({"id": "chatcmpl-7", "object": "chat.completion.chunk", "model": "gpt-4o",
                           "choices": [{"index": 0, "delta": {"content": f" {word}"}, "finish_reason": None}]}) + "\n\n"
    for word in WORDS * 3
]  # fmt: skip
USAGE = {"prompt_tokens": 17, "completion_tokens": 45, "total_tokens": 62}
EVENTS += ["data: " + json.dumps({"id": "chatcmpl-7", "choices": [], "usage": USAGE}) + "\n\n", "data: [DONE]\n\n"]


def deflated(window_bits: int) -> list[bytes]:
    codec = zlib.compressobj(6, zlib.DEFLATED, window_bits)
    pieces = [codec.compress(event.encode()) + codec.flush(zlib.Z_SYNC_FLUSH) for event in EVENTS]
    return [*pieces, codec.flush()]


def brotlied() -> list[bytes]:
    codec = brotli.Compressor(quality=5)
    pieces = [codec.process(event.encode()) + codec.flush() for event in EVENTS]
    return [*pieces, codec.finish()]


def zstandarded() -> list[bytes]:
    codec = zstandard.ZstdCompressor(level=3, write_checksum=True).compressobj()
    pieces = [codec.compress(event.encode()) + codec.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK) for event in EVENTS]
    return [*pieces, codec.flush()]


def write(name: str, pieces: list[bytes]) -> None:
    (HERE / name).write_bytes(b"".join(struct.pack("<I", len(piece)) + piece for piece in pieces))


write("events.plain", [event.encode() for event in EVENTS])
write("events.gzip", deflated(31))
write("events.deflate", deflated(15))
write("events.bare-deflate", deflated(-15))
write("events.br", brotlied())
write("events.zstd", zstandarded())
write("events.gzip-br", [brotli.compress(b"".join(deflated(31)))])
# A megabyte of zeros fifty times over, in each coding.
ZEROS = bytes(50 << 20)
write("bomb.gzip", [zlib.compress(ZEROS, 9, wbits=31)])
write("bomb.br", [brotli.compress(ZEROS, quality=1)])
write("bomb.zstd", [zstandard.ZstdCompressor(level=1).compress(ZEROS)])
