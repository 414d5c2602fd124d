"""A real server with the embedded model, and Debian's Chromium on its page.

What a test looks for is waited for (``expect``, ``wait_for…``), never looked at once: browser and server may be slow.
Every page is watched: a request to anybody else, an error in the console or an exception fails the test that it was in.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, expect, sync_playwright

HERE = Path(__file__).parent
LYRICS = """[verse]
Morning light is on the water.
I can hear the river calling.

[chorus]
Sing with me until the morning."""
LONG_LYRICS = "\n\n".join([LYRICS] * 6)
QUICK = {"duration": 4, "steps": 4}
LONG = {"duration": 120, "steps": 32}
"""For songs that are cancelled: they are still being made when a slow browser comes to it."""
PATIENCE = 600_000
"""Milliseconds that anything may take on a busy machine."""
expect.set_options(timeout=PATIENCE)


class Server:
    """``songbloom ui`` on a folder of its own. It can be killed and started again at the same address."""

    def __init__(self, folder: Path, *more: str, port: int = 0) -> None:
        self.folder, self._more, self.port = folder, more, port
        self._process: subprocess.Popen[str] | None = None
        self.told: list[str] = []
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "songbloom_x2", "ui", "--no-browser", f"--port={self.port}"]
        environment = {**os.environ, "SONGBLOOM_JOBS_LEASE_SECONDS": "20", "SONGBLOOM_JOBS_DRAIN_SECONDS": "1"}
        self._process = subprocess.Popen(
            [*command, f"--data-dir={self.folder}", *self._more], stderr=subprocess.PIPE, text=True, env=environment
        )
        there = threading.Event()
        threading.Thread(target=self._read, args=(self._process, there), daemon=True).start()
        assert there.wait(PATIENCE / 1000), "".join(self.told)
        self._wait()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        """As if the power went: no goodbye."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(40)
        if self._process.poll() is None:
            self.kill()

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """The API's answer."""
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(self.address + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(asked, timeout=PATIENCE / 1000) as answer:
            return json.load(answer)

    def song_of(self, job: str) -> str:
        """The first song of a job, once it is done."""
        deadline = time.monotonic() + PATIENCE / 1000
        while (told := self.ask(f"/v1/jobs/{job}"))["state"] in ("queued", "running"):
            assert time.monotonic() < deadline, told
            time.sleep(0.3)
        assert told["state"] == "succeeded", told
        song: str = told["result"]["songs"][0]["id"]
        return song

    def _read(self, process: subprocess.Popen[str], there: threading.Event) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            self.told.append(line)
            if found := re.search(r"The studio: http://127\.0\.0\.1:(\d+)/", line):
                self.port = int(found[1])
                there.set()

    def _wait(self) -> None:
        deadline = time.monotonic() + PATIENCE / 1000
        while not self._answers():
            assert time.monotonic() < deadline, "".join(self.told)
            time.sleep(0.2)

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.address}/healthz", timeout=10).close()
        except OSError:
            return False
        return True


@dataclass
class Watch:
    """What went wrong on a page; ``allowed`` are patterns of console errors that a test brings about itself."""

    address: str
    allowed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def on(self, page: Page) -> None:
        page.on("request", self._asked)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.wrong.append(f"exception: {error}"))

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.address + "/", "blob:", "data:")):
            self.wrong.append(f"request to {request.url}")

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not any(re.search(one, message.text) for one in self.allowed):
            self.wrong.append(f"console: {message.text} ({message.location.get('url')})")


class Studio:
    """The page in a browser, with the moves that many tests make."""

    def __init__(self, page: Page, server: Server, watch: Watch) -> None:
        self.page, self.server, self.watch = page, server, watch

    def open(self, **kept: Any) -> Studio:
        """Load the page; ``kept``: what an earlier visit left in the browser."""
        if kept:
            # Storage belongs to the address; a picture of it is there at once.
            self.page.goto(f"{self.server.address}/studio/icon.svg")
            self.page.evaluate(
                "kept => Object.entries(kept).forEach(([name, value]) => localStorage.setItem(`sb.${name}`, value))",
                {name: value if name in ("language", "theme") else json.dumps(value) for name, value in kept.items()},
            )
        self.page.goto(self.server.address)
        return self.ready()

    def ready(self) -> Studio:
        self.page.wait_for_selector("body[data-ready]", timeout=PATIENCE)
        return self

    def write(
        self, lyrics: str = LYRICS, *, long: bool = False, kept: dict[str, Any] | None = None, **options: Any
    ) -> Studio:
        """Load the page with a draft: by itself a song that is made quickly; ``long``: one that takes its time.

        ``kept``: what else an earlier visit left in the browser.
        """
        chosen = {**(LONG if long else QUICK), **options}
        return self.open(lyrics=LONG_LYRICS if long else lyrics, options=chosen, **(kept or {}))

    def create(self) -> str:
        """Press Create; the id of the job."""
        return self.created(lambda: self.page.click(".btn.create"))

    def created(self, ask: Callable[[], None]) -> str:
        """The id of the job that ``ask`` brings about."""
        before = self.page.evaluate("songbloom.get('jobs').map(job => job.id)")
        ask()
        self.page.wait_for_function("before => songbloom.get('jobs').some(job => !before.includes(job.id))", arg=before)
        job: str = self.page.evaluate(
            "before => songbloom.get('jobs').find(job => !before.includes(job.id)).id", before
        )
        return job

    def until_job(self, job: str, state: str) -> None:
        # A song that fails is not waited for.
        found = self.page.wait_for_function(
            """([id, state]) => songbloom.get('jobs').find(
                 job => job.id === id && [state, 'failed', 'succeeded', 'cancelled'].includes(job.state))""",
            arg=[job, state],
            timeout=PATIENCE,
        ).json_value()
        assert found["state"] == state, found["error"]

    def song_of(self, job: str) -> str:
        """The first song of a job that has succeeded."""
        return self.server.song_of(job)

    def choose(self, song: str) -> None:
        """Open a song of the list."""
        self.page.click(f"sb-library [data-song={song}] .open")
        self.page.wait_for_selector(f"sb-detail[data-shown={song}] .wave-area")

    def drag(self, start: float, end: float) -> tuple[Locator, Locator]:
        """Drag over the waveform of the open song, from one share of its width to another; the ends of the stretch."""
        wave = self.page.locator("sb-detail .wave-area")
        width = wave.evaluate("area => area.getBoundingClientRect().width")
        for step, share in enumerate((start, (start + end) / 2, end)):
            # Once the button is down, the ends of the stretch come between the pointer and the waveform.
            wave.hover(position={"x": width * share, "y": 40}, force=step > 0)
            if not step:
                self.page.mouse.down()
        self.page.mouse.up()
        ends = tuple(self.page.get_by_role("slider", name=f"{end} of the selection") for end in ("Beginning", "End"))
        for one in ends:
            one.wait_for()
        return ends[0], ends[1]


@pytest.fixture(scope="session")
def browser(chromium_flags: tuple[str, ...]) -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert chromium, "the page's tests need Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=chromium,
            args=[*chromium_flags, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
        )
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(*more: str, folder: Path | None = None) -> Server:
        servers.append(Server(folder or tmp_path_factory.mktemp("studio"), *more))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def server(start_server: Callable[..., Server]) -> Server:
    """One for most tests."""
    return start_server()


@pytest.fixture(scope="session")
def songs(server: Server) -> list[str]:
    """Two finished takes of one request, with seeds 7 and 8, each made alone."""
    request = {"lyrics": LYRICS, "title": "River", "style": "pop-edie", "duration": 8, "sampling": {"steps": 4}}
    asked: list[dict[str, Any]] = [{"type": "generate", "request": {**request, "seed": seed}} for seed in (7, 8)]
    # One after the other: songs that are made side by side are the same within rounding alone.
    return [server.song_of(server.ask("/v1/jobs", job)["id"]) for job in asked]


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Studio]]:
    """A page in a fresh profile: ``open_page(server, width=360, dark=True)``."""
    opened: list[tuple[BrowserContext, Watch]] = []

    def make(
        server: Server, *, width: int = 1440, height: int = 900, dark: bool = False, language: str = "en-GB"
    ) -> Studio:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            locale=language,
            # axe would measure the colours of what is just fading.
            reduced_motion="reduce",
            permissions=["microphone"],
        )
        page, watch = context.new_page(), Watch(server.address)
        page.set_default_timeout(PATIENCE)
        watch.on(page)
        opened.append((context, watch))
        return Studio(page, server, watch)

    yield make
    for context, _ in opened:
        context.close()
    assert [wrong for _, watch in opened for wrong in watch.wrong] == []


@pytest.fixture
def studio(open_page: Callable[..., Studio], server: Server) -> Studio:
    """The page on a laptop's screen."""
    return open_page(server)


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core, at the version that package-lock.json names."""
    script = HERE / "node_modules" / "axe-core" / "axe.min.js"
    if not script.is_file():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=HERE, check=True)
    return script.read_text(encoding="utf-8")
