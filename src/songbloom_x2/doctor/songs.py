"""What a song passes through: settings, model files, audio formats, fonts, the server's port."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from songbloom_x2.audio.encode import encode_audio
from songbloom_x2.audio.files import read_audio
from songbloom_x2.audio.formats import FORMATS
from songbloom_x2.checkpoints import native
from songbloom_x2.checkpoints.download_record import read_record
from songbloom_x2.checkpoints.fingerprint import file_sha256
from songbloom_x2.checkpoints.load import locate
from songbloom_x2.doctor.finding import Finding
from songbloom_x2.errors import AudioError, CheckpointError
from songbloom_x2.types import Waveform


def models(default: str, folder: Path) -> Iterator[Finding]:
    """The model that makes songs, whole, and the checksums of everything that was downloaded."""
    try:
        path = locate(default, folder)
        if native.is_native(path):
            loaded = native.load(path)
            yield Finding("model", "ok", f"{default}: whole, SHA-256 {loaded.hash[:16]}, {loaded.licence}")
        else:
            yield Finding("model", "ok", f"{default}: at {path}")
    except CheckpointError as error:
        yield Finding("model", "problem", str(error), "install the package again, or see songbloom models list")
    for place in sorted({record.parent for record in folder.rglob("download.json")} if folder.is_dir() else ()):
        yield from _downloaded(place)


def _downloaded(place: Path) -> Iterator[Finding]:
    try:
        for name, recorded in read_record(place).items():
            file = place / name
            if not file.is_file():
                yield Finding("model", "problem", f"{file}: was downloaded and is not there", "download it again")
            elif file.stat().st_size != recorded.size or file_sha256(file) != recorded.sha256:
                yield Finding("model", "problem", f"{file}: is not what was downloaded", "remove it, download it again")
            else:
                yield Finding("model", "ok", f"{file}: as downloaded")
    except CheckpointError as error:
        yield Finding("model", "problem", str(error))


def formats(folder: Path) -> Iterator[Finding]:
    """Each file format written and read again; ``folder`` takes the files."""
    tone = np.sin(2 * np.pi * 440 * np.arange(48000) / 48000).astype(np.float32)
    sound = Waveform(0.3 * np.stack([tone, tone]), 48000)
    for format in (known.name for known in FORMATS):
        file = folder / f"tone.{format}"
        try:
            file.write_bytes(encode_audio(sound, format=format).data)
            heard = read_audio(file)
        except (AudioError, OSError) as error:
            yield Finding("audio", "problem", f"{format}: {error}", "pip install --upgrade soundfile")
            continue
        if abs(heard.seconds - 1) > 0.1:
            yield Finding("audio", "problem", f"{format}: a second became {heard.seconds:.2f} s", "update soundfile")
        else:
            yield Finding("audio", "ok", f"{format}: written and read again")


def fonts() -> Iterator[Finding]:
    """Whether a browser on this machine can show Chinese; pictures of the program draw their own letters."""
    program = shutil.which("fc-list")
    if program is None:
        yield Finding("fonts", "ok", "none needed here: pictures draw their own letters")
        return
    done = subprocess.run([program, ":lang=zh", "family"], capture_output=True, text=True, timeout=60)
    if done.stdout.strip():
        yield Finding("fonts", "ok", f"Chinese: {done.stdout.splitlines()[0].partition(',')[0]}")
    else:
        advice = "for the page in Chinese on this machine's own screen: apt install fonts-noto-cjk"
        yield Finding("fonts", "note", "none with Chinese characters", advice)


def port(host: str, number: int) -> Iterator[Finding]:
    """Whether the server can listen where the settings say."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, number))
        except OSError as error:
            advice = "another program has it (a server of this program?): songbloom serve --port N takes another"
            yield Finding("port", "note", f"{host}:{number}: {error.strerror}", advice)
        else:
            yield Finding("port", "ok", f"{host}:{number} is free for songbloom serve")
