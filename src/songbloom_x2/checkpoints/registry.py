"""The models that are known by name: where their files are, and under which licence. Nothing here downloads.

The original repositories of the released models are gone; ``repository`` is only the default of a setting. Sizes and
checksums that nobody has recorded are ``None``: they are noted at the first download and checked from then on.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from songbloom_x2.checkpoints.released_shape import RELEASED_LICENCE

EMBEDDED = "embedded"
"""The small model inside the package."""

MIRRORS = ("rsxdalv/SongBloom", "AI-ModelScope/SongBloom (ModelScope)")
"""Public copies of the released files."""


@dataclass(frozen=True)
class KnownFile:
    """One file of a known model. ``sha256`` (hexadecimal) and ``size`` (bytes) where they are known."""

    name: str
    sha256: str | None = None
    size: int | None = None


@dataclass(frozen=True)
class KnownModel:
    """A model that can be asked for by name."""

    name: str
    about: str
    licence: str
    repository: str | None
    """Default repository on the hub; none for the model inside the package."""
    original: str | None
    """Where the authors had published it; deleted since."""
    files: tuple[KnownFile, ...]


_SHARED = (
    KnownFile("stable_audio_1920_vae.json"),
    KnownFile("autoencoder_music_dsp1920.ckpt"),
    KnownFile("vocab_g2p.yaml"),
)


def _released(name: str, about: str, original: str) -> KnownModel:
    files = (KnownFile(f"{name}.yaml"), KnownFile(f"{name}.pt"), *_SHARED)
    return KnownModel(name, about, RELEASED_LICENCE, MIRRORS[0], original, files)


_ALL = (
    KnownModel(
        EMBEDDED,
        "the small model in the package: synthetic voice and band, runs on a laptop",
        "Apache-2.0",
        None,
        None,
        (KnownFile("config.json"), KnownFile("model.safetensors")),
    ),
    _released("songbloom_full_150s", "2 B, songs up to 150 s", "CypressYang/SongBloom"),
    _released("songbloom_full_150s_dpo", "2 B, songs up to 150 s, tuned to preferences", "CypressYang/SongBloom"),
    _released("songbloom_full_240s", "2 B, songs up to 240 s", "CypressYang/SongBloom_long"),
)

MODELS = MappingProxyType({model.name: model for model in _ALL})
"""Known models by name."""
