"""Hostile requests against a running server: no answer of 5xx, no path or trace in any, memory flat.

    SONGBLOOM_SERVER_REQUESTS_PER_MINUTE=none songbloom serve --port 8000 --data-dir soak-data --no-page &
    python tests/soak/hostile.py http://127.0.0.1:8000 --requests 5000 --pid SERVER_PID

Prints one JSON object: requests, answers by status, what was wrong (empty where all is well), memory before and after.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

LEAKS = re.compile(r"Traceback|File \"|site-packages|/(?:home|root|tmp|usr|work|var|private)/|songs\.db|\.py\b")
TRAVERSALS = (
    "../",
    "..%2f",
    "%2e%2e/",
    "..\\",
    "%00",
    "....//",
    "/etc/passwd",
    "%c0%ae%c0%ae/",
    "\u2025/",
    "file:///etc/passwd",
)
WORDS = "[verse] City lights are calling me home."


@dataclass
class Report:
    """What came back."""

    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def see(self, what: str, status: int, kind: str, text: str) -> None:
        """One answer."""
        self.requests += 1
        self.statuses[status] += 1
        if status >= 500:
            self.wrong.append(f"{what}: {status} {text[:200]}")
        if LEAKS.search(text):
            self.wrong.append(f"{what}: tells {LEAKS.search(text)}: {text[:200]}")
        if status >= 400 and text and not kind.startswith(("application/problem+json", "text/plain")):
            self.wrong.append(f"{what}: {status} as {kind}")


class Attacker:
    """Draws requests from one seed. ``known``: ids of jobs and songs that were there."""

    def __init__(self, client: httpx.Client, seed: int, secrets: tuple[str, ...] = ()) -> None:
        self._client = client
        self._random = random.Random(seed)
        self._secrets = secrets
        self.report = Report()
        self.jobs: list[str] = []
        self.songs: list[str] = []
        self._kinds: tuple[Callable[[], None], ...] = (
            self.traverse,
            self.junk_json,
            self.deep_json,
            self.odd_values,
            self.odd_headers,
            self.odd_ranges,
            self.odd_form,
            self.bomb,
            self.raw_bytes,
            self.race,
        )

    def run(self, count: int, until: float = math.inf) -> Report:
        """So many requests, or a few more; fewer where the clock (``time.monotonic``) says ``until``."""
        while self.report.requests < count and time.monotonic() < until:
            self._random.choice(self._kinds)()
        return self.report

    def send(self, method: str, path: str, **options: Any) -> httpx.Response | None:
        """One request, looked at. Bodies that the server does not take to the end may cut the connection."""
        try:
            answer = self._client.request(method, path, **options)
        except httpx.LocalProtocolError:
            # The client library would not send it; raw_bytes has the like.
            return None
        except (httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError, httpx.InvalidURL, UnicodeError):
            self.report.requests += 1
            self.report.statuses[0] += 1
            return None
        kind = answer.headers.get("content-type", "")
        text = answer.text if kind.startswith(("application/", "text/")) else ""
        self.report.see(f"{method} {path[:60]}", answer.status_code, kind, text)
        for secret in self._secrets:
            if secret in text or secret in str(answer.headers):
                self.report.wrong.append(f"{method} {path[:60]}: tells {secret}")
        return answer

    def traverse(self) -> None:
        """Paths where ids should be."""
        evil = "".join(self._random.choice(TRAVERSALS) for _ in range(self._random.randint(1, 5)))
        place = self._random.choice(
            (
                "/v1/songs/{}/audio",
                "/v1/jobs/{}",
                "/v1/songs/{}/spectrogram.png",
                "/v1/styles/{}",
                "/v1/models/{}/load",
                "/{}",
            )
        )
        self.send(self._random.choice(("GET", "DELETE", "POST", "HEAD")), place.format(evil))
        self.send("GET", f"/v1/songs/song-{'0' * 32}/audio?format={evil}")

    def junk_json(self) -> None:
        """Bytes that are no JSON, or JSON that is no job."""
        body = self._random.choice(
            (
                b"",
                b"{",
                b"\xff\xfe",
                b"null",
                b"[]",
                b'{"type": 1}',
                b'{"type":"generate","request":' + b"9" * 5000 + b"}",
                b"\xef\xbb\xbf{}",
                b'{"a":"\\ud800"}',
                b"NaN",
                bytes(self._random.randrange(256) for _ in range(300)),
            )
        )
        kind = self._random.choice(("application/json", "application/json; charset=utf-7", "text/plain", "", "a/b"))
        path = self._random.choice(("/v1/jobs", "/v1/lyrics/check", "/v1/audio/speech", "/v1/styles"))
        self.send("POST", path, content=body, headers={"Content-Type": kind})

    def deep_json(self) -> None:
        """Nesting and size."""
        depth = self._random.choice((100, 10_000, 200_000))
        opened = self._random.choice((b"[", b'{"a":'))
        self.send("POST", "/v1/jobs", content=opened * depth, headers={"Content-Type": "application/json"})
        lyrics = json.dumps({"lyrics": "la " * self._random.choice((10, 5000, 500_000))}).encode()
        self.send("POST", "/v1/lyrics/check", content=lyrics, headers={"Content-Type": "application/json"})

    def odd_values(self) -> None:
        """Well-formed jobs with values that nobody should give."""
        odd = (
            -1,
            0,
            1e308,
            2**63,
            2**64,
            "",
            "x" * 5000,
            None,
            [],
            {},
            True,
            "\u0000",
            "\u202e",
            "/etc/passwd",
            "a" * 129,
            1e-320,
        )
        field_name = self._random.choice(
            (
                "lyrics",
                "style",
                "seed",
                "duration",
                "title",
                "preset",
                "sampling",
                "style_start",
                "instrumental",
                "model",
                "song",
            )
        )
        request = {"lyrics": WORDS, "duration": 0.64, field_name: self._random.choice(odd)}
        body = {"type": "generate", "samples": self._random.choice((1, 1, 0, -1, 10**9, "1")), "request": request}
        answer = self.send("POST", "/v1/jobs", json=body)
        if answer is not None and answer.status_code == 202:
            self.jobs.append(answer.json()["id"])
            self.send("DELETE", f"/v1/jobs/{self.jobs[-1]}")

    def odd_headers(self) -> None:
        """Headers that are long, odd or lie."""
        name = self._random.choice(
            (
                "Authorization",
                "Idempotency-Key",
                "Last-Event-ID",
                "Range",
                "If-None-Match",
                "X-Request-ID",
                "Origin",
                "Cookie",
                "Host",
                "X-Forwarded-For",
                "Accept",
                "Content-Encoding",
                "Transfer-Encoding",
                "Expect",
            )
        )
        value = self._random.choice(
            ("", "x" * 8000, "\x7f", "é", "-1", "'; DROP TABLE jobs; --", "{{7*7}}", "999999999999")
        )
        self.send("GET", self._random.choice(("/v1/jobs", "/v1/songs", "/healthz")), headers={name: value.encode()})

    def odd_ranges(self) -> None:
        """Stretches of a song, if there is one."""
        if not self.songs:
            found = self.send("GET", "/v1/songs?limit=5")
            self.songs = [song["id"] for song in found.json().get("songs", ())] if found is not None else []
        song = self._random.choice(self.songs) if self.songs else f"song-{'0' * 32}"
        value = self._random.choice(
            (
                "bytes=-0",
                "bytes=0-0,1-1," * 500,
                "bytes=99999999999999999999-",
                "bytes=5-1",
                "bytes=" + "9" * 4000,
                "items=0-1",
                "bytes=-",
                "bytes=0-18446744073709551616",
            )
        )
        self.send("GET", f"/v1/songs/{song}/audio", headers={"Range": value})

    def odd_form(self) -> None:
        """Forms with wrong boundaries, names, encodings, many parts and long headers."""
        part = b'--x\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
        name = self._random.choice((b"file", b"job", b"style", b"../..", b"\xff", b"a" * 3000, b""))
        file = self._random.choice(
            (b"", b'; filename="../../etc/passwd"', b'; filename="\xff\x00"', b"; filename*=utf-8''%2e%2e%2f")
        )
        body = part % (name, file, b"z" * self._random.choice((0, 10, 70_000))) * self._random.choice((1, 2, 50))
        end = self._random.choice((b"--x--\r\n", b"", b"--y--"))
        kind = self._random.choice(
            (
                "multipart/form-data; boundary=x",
                "multipart/form-data",
                "multipart/form-data; boundary=" + "b" * 300,
                "multipart/form-data; boundary=x; charset=base64",
            )
        )
        self.send(
            "POST", self._random.choice(("/v1/styles", "/v1/jobs")), content=body + end, headers={"Content-Type": kind}
        )

    def bomb(self) -> None:
        """Sound that is none, or claims too much."""
        data = self._random.choice(
            (
                b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\1\0\1\0\xff\xff\xff\xff\0\0\0\0\0\0\0\0data\xff\xff\xff\xff",
                b"fLaC" + bytes(60),
                b"ID3\4\0\0\x7f\x7f\x7f\x7f",
                b"OggS" + bytes(100),
                b"\0" * 50_000,
            )
        )
        self.send("POST", "/v1/styles", files={"file": (self._random.choice(("a.wav", "../a", "a\0b")), data)})

    def raw_bytes(self) -> None:
        """What is no HTTP, or only the beginning of it."""
        address = urlsplit(str(self._client.base_url))
        data = self._random.choice(
            (
                b"\0\1\2\3\r\n\r\n",
                b"GET /v1/jobs HTTP/9.9\r\n\r\n",
                b"GET  /\r\nHost: x\r\n\r\n",
                b"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -5\r\n\r\n",
                b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
                b"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            )
        )
        with socket.create_connection((address.hostname or "", address.port or 80), timeout=20) as raw:
            raw.settimeout(20)
            try:
                raw.sendall(data)
                raw.shutdown(socket.SHUT_WR)
                text = raw.recv(65536).decode("latin-1")
            except OSError:
                text = ""
        found = re.match(r"HTTP/1\.1 (\d+)", text)
        self.report.see("raw bytes", int(found[1]) if found else 0, "text/plain", text)

    def race(self) -> None:
        """A job that is asked for, listened to, cancelled and deleted at once."""
        body = {"type": "generate", "request": {"lyrics": WORDS, "duration": 2, "seed": self._random.randrange(1000)}}
        answer = self.send("POST", "/v1/jobs", json=body)
        if answer is None or answer.status_code != 202:
            return
        job = answer.json()
        song = job["songs"][0]["id"]
        steps = [
            ("DELETE", f"/v1/jobs/{job['id']}"),
            ("GET", f"/v1/songs/{song}/audio"),
            ("DELETE", f"/v1/songs/{song}"),
            ("PATCH", f"/v1/songs/{song}"),
            ("GET", f"/v1/jobs/{job['id']}"),
        ]
        self._random.shuffle(steps)
        for method, path in steps:
            self.send(method, path, **({"json": {"deleted": False}} if method == "PATCH" else {}))
        self.send("DELETE", f"/v1/jobs/{job['id']}")


def resident_megabytes(pid: int) -> float | None:
    """Memory of a process, where the system tells it as Linux does."""
    try:
        found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(encoding="utf-8"))
    except OSError:
        return None
    return None if found is None else int(found[1]) / 1024


def main() -> int:
    """Attack, report, and end with 1 where something was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pid", type=int, help="the server's process, whose memory is told")
    parser.add_argument("--key")
    parser.add_argument(
        "--seconds", type=float, default=math.inf, help="stop after so long, with what was sent by then"
    )
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    headers = {} if args.key is None else {"Authorization": f"Bearer {args.key}"}
    memory = []
    until = time.monotonic() + args.seconds
    with httpx.Client(base_url=args.url, headers=headers, timeout=60) as client:
        attacker = Attacker(client, args.seed)
        for done in range(0, args.requests, max(args.requests // 5, 1)):
            attacker.run(done, until)
            memory.append(resident_megabytes(args.pid) if args.pid else None)
        report = attacker.run(args.requests, until)
        memory.append(resident_megabytes(args.pid) if args.pid else None)
    told = {
        "command": f"python tests/soak/hostile.py URL --requests {args.requests} --seed {args.seed} --pid PID",
        "requests": report.requests,
        "statuses": {str(status): count for status, count in sorted(report.statuses.items())},
        "wrong": report.wrong[:20],
        "wrong_count": len(report.wrong),
        "resident_mb": memory,
    }
    sys.path.insert(0, str(Path(__file__).parent))
    from ground import report as tell

    return tell(args, told, not report.wrong and report.requests >= args.requests)


if __name__ == "__main__":
    sys.exit(main())
