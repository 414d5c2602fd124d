"""The public package in an environment of its own: making it, and asking it for the same song.

Nothing of that package is part of this one. The environment is made by pip; torch and numpy are the very files of
this environment, linked, so that both sides compute with the same build.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from songbloom_x2.checkpoints.keymap import to_released
from songbloom_x2.config import SongConfig
from songbloom_x2.errors import SongBloomError

PACKAGE = "tts-webui.songbloom==0.1.1"
_NEEDS = (
    *("einops", "transformers<5", "omegaconf", "lightning", "spacy", "num2words", "pypinyin", "cn2an", "jieba"),
    *("nltk==3.8.1", "wordsegment", "g2p-en", "jieba-fast", "vector_quantize_pytorch", "alias-free-torch"),
    *("soundfile", "tqdm", "safetensors"),
)
_WITHOUT_DEPENDENCIES = ("descript-audio-codec", PACKAGE)
_PROGRAM = Path(__file__).with_name("peer_program.py")
_PREFIX = "model."


def set_up(folder: Path) -> Path:
    """Make the environment; gives its Python. Raises ``SongBloomError`` where pip fails."""
    if folder.exists() and any(folder.iterdir()):
        raise SongBloomError(f"{folder}: is not empty; give a new folder for the peer's environment")
    venv.create(folder, with_pip=True, symlinks=True)
    python = folder / "bin" / "python"
    where = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    answer = subprocess.run(where, capture_output=True, text=True, check=True)
    _link_own(Path(answer.stdout.strip()), ("torch", "numpy"))
    for options in (list(_NEEDS), ["--no-deps", *_WITHOUT_DEPENDENCIES]):
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *options]
        done = subprocess.run(command, stdout=sys.stderr, check=False)
        if done.returncode:
            raise SongBloomError(f"{folder}: the peer's packages could not be installed; pip's reason is above")
    return python


def _link_own(target: Path, names: tuple[str, ...]) -> None:
    seen: set[str] = set()
    waiting = list(names)
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in seen or name in ("pip", "setuptools"):
            continue
        seen.add(name)
        try:
            found = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        for top in {file.parts[0] for file in found.files or () if not file.parts[0].startswith(("..", "__pycache__"))}:
            if not (target / top).exists():
                (target / top).symlink_to(Path(str(found.locate_file(top))).resolve())
        waiting += [re.split(r"[ ;<>=!~\[(]", need)[0] for need in found.requires or () if "extra ==" not in need]


def write_released(weights: Path, file: Path) -> None:
    """Our random weights under the released keys; conditioning, which neither side computes here, is left out."""
    renamed = {}
    for name, tensor in load_file(weights).items():
        key = to_released(name)
        assert key is not None, name
        if ".condition_provider." not in key:
            renamed[key.removeprefix(_PREFIX)] = tensor
    save_file(renamed, file)


def ask(
    python: Path,
    config: SongConfig,
    released: Path,
    *,
    blocks: int,
    steps: int,
    dtype: str,
    device: str,
    runs: int,
    threads: int,
    probe: Path | None = None,
) -> Mapping[str, Any]:
    """Time the peer. Raises ``SongBloomError`` with the last line that it said where it fails."""
    asked = {
        "weights": str(released),
        "dim": config.dim,
        "heads": config.num_heads,
        "lm_layers": config.lm_layers,
        "diff_layers": config.diff_layers,
        "blocks": blocks,
        "steps": steps,
        "dtype": dtype,
        "device": device,
        "runs": runs,
        "probe": None if probe is None else str(probe),
    }
    environment = {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads), "PATH": "/usr/bin:/bin"}
    environment |= {"DISABLE_FLASH_ATTN": "1"} if device == "cpu" else {}
    done = subprocess.run(
        [str(python), "-W", "ignore", str(_PROGRAM)],
        input=json.dumps(asked), capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise SongBloomError(f"the peer failed: {last[:200]}; songbloom bench --setup-peer DIR makes its environment")
    answer: Mapping[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer
