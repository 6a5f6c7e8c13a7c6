#!/usr/bin/env python3
"""Makes texts to count, half a megabyte of each kind, and the worst ones there are, a megabyte each:

    texts.py FOLDER        FOLDER/*.txt and FOLDER/worst/*.txt

From Debian packages (the Administrator's Handbook in several languages, LibreOffice's help in Hindi), this machine's
Rust and Python sources and, where there is recorded traffic (TOLLKEEPER_CORPUS), its request bodies. What is there is
kept, so that one set of texts serves many runs.
"""

import glob
import html
import json
import os
import random
import re
import subprocess
import sys
import tempfile

SIZE = 500_000
HANDBOOK = {"prose": "en-US", "chinese": "zh-CN", "japanese": "ja-JP", "arabic": "ar-MA", "russian": "ru-RU"}


def package(name, folder):
    subprocess.run(
        ["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", name],
        cwd=folder, check=True, stdout=subprocess.DEVNULL,
    )
    subprocess.run(["dpkg-deb", "-x", glob.glob(f"{folder}/{name}_*.deb")[0], folder], check=True)


def plain(page):
    page = re.sub(r"(?s)<(script|style|pre).*?</\1>", " ", page)
    text = html.unescape(re.sub(r"<[^>]+>", "", page))
    return re.sub(r"\n\s*\n+", "\n\n", text)


def paragraphs(files, foreign):
    """The texts' paragraphs of some length, those in the wanted script where that is not Latin; each once."""
    seen, size = {}, 0
    for name in sorted(files):
        with open(name, encoding="utf-8", errors="ignore") as file:
            for line in plain(file.read()).split("\n"):
                line = line.strip()
                others = sum(c > "\u02ff" for c in line)
                if len(line) > 30 and (others > len(line) / 2 or not foreign) and line not in seen:
                    seen[line] = True
                    size += len(line.encode())
        if size > SIZE:
            break
    return "\n".join(seen)


def sources():
    roots = [subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True).stdout.strip(), "/usr"]
    files = [f for root in roots for f in glob.glob(f"{root}/lib/rustlib/src/rust/library/core/src/**/*.rs", recursive=True)]
    files += glob.glob("/usr/lib/python3/**/*.py", recursive=True)
    text = ""
    for name in sorted(files):
        if len(text) < SIZE:
            with open(name, encoding="utf-8", errors="ignore") as file:
                text += file.read(20_000)
    return text


def bodies(corpus):
    with open(f"{corpus}/recorded.jsonl", encoding="utf-8") as file:
        bodies = [json.loads(line)["request_body"] or "" for line in file]
    return "\n".join(body[:8000] for body in bodies if body.startswith("{") and "base64" not in body)


def real():
    texts = {"code": sources(), "emoji": "🎉 Yay! 😀😃👍🏽 👨‍👩‍👧‍👦 so 🔥🔥🔥 → ✅ done ❤️\n" * 4000}
    corpus = os.environ.get("TOLLKEEPER_CORPUS", "../shared/corpus")
    if os.path.exists(f"{corpus}/recorded.jsonl"):
        texts["chat"] = bodies(corpus)
    else:
        print("skipped: chat (no recorded traffic; set TOLLKEEPER_CORPUS)", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        package("debian-handbook", folder)
        for name, language in HANDBOOK.items():
            pages = glob.glob(f"{folder}/usr/share/doc/debian-handbook/html/{language}/*.html")
            texts[name] = paragraphs(pages, name != "prose")
        package("libreoffice-help-hi", folder)
        pages = glob.glob(f"{folder}/usr/share/libreoffice/help/hi/**/*.html", recursive=True)
        texts["hindi"] = paragraphs(pages, True)
    return {name: text.encode()[:SIZE].decode(errors="ignore") for name, text in texts.items()}


def worst():
    """What makes others slow: pieces without end, of one kind of character each."""
    chance = random.Random(1)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

    def repeated(unit):
        return unit * (1_000_000 // len(unit.encode()))

    return {
        "one-letter": repeated("a"),
        "spaces": repeated(" "),
        "newlines": repeated("\n"),
        "white-space": repeated(" \t \u00a0\u3000"),
        "equals-signs": repeated("=") + "#",
        "random-letters": "".join(chance.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(1_000_000)),
        "random-han": "".join(chr(chance.randrange(0x4E00, 0x9E00)) for _ in range(333_333)),
        "marks": repeated("\u0301"),
        "base64": "".join(chance.choice(letters) for _ in range(1_000_000)),
    }


def write(folder, texts):
    os.makedirs(folder, exist_ok=True)
    for name, text in texts.items():
        with open(f"{folder}/{name}.txt", "w", encoding="utf-8", newline="") as file:
            file.write(text)
        print(f"{name:15} {len(text.encode()):8} bytes", file=sys.stderr)


def main():
    target = sys.argv[1]
    if not os.path.exists(f"{target}/worst"):
        write(target, real())
        write(f"{target}/worst", worst())


if __name__ == "__main__":
    main()
