"""The whole examination, in order."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from songbloom_x2.config import ModelsConfig, ServerConfig
from songbloom_x2.doctor import libraries, machine, songs
from songbloom_x2.doctor.finding import Finding
from songbloom_x2.errors import SongBloomError
from songbloom_x2.settings.folders import data_folder, models_folder
from songbloom_x2.settings.resolve import resolve_settings


def examine(environment: Mapping[str, str], config: Path | None = None) -> Iterator[Finding]:
    """Findings one by one; ``environment`` is the process's, ``config`` a settings file that was named."""
    yield from libraries.libraries()
    yield from machine.processor()
    yield from machine.memory()
    yield from machine.graphics()
    models, server = ModelsConfig(), ServerConfig()
    try:
        settings = resolve_settings({}, config=config)
        models, server = settings.section(ModelsConfig), settings.section(ServerConfig)
        yield Finding("settings", "ok", "read without complaint: songbloom config show says where each comes from")
    except SongBloomError as error:
        yield Finding("settings", "problem", str(error), "correct it; the defaults are used below")
    folder = models_folder(models.folder, environment)
    yield from machine.disk({"songs": Path.cwd(), "models": folder, "server": data_folder(environment)})
    yield from songs.models(models.default, folder)
    with tempfile.TemporaryDirectory() as temporary:
        yield from songs.formats(Path(temporary))
    yield from songs.fonts()
    yield from songs.port(server.host, server.port)
