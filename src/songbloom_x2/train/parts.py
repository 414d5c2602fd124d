"""The parts of the embedded model that are trained apart: which modules, under which objective, from which weights."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from songbloom_x2.codec.two_stem import TwoStemCodec
from songbloom_x2.config import SongConfig, TwoStemConfig
from songbloom_x2.errors import CheckpointError
from songbloom_x2.song_model import SongModel

Part = Literal["sketch", "regression", "render"]
_MODULES: dict[Part, tuple[str, ...]] = {
    "sketch": ("sketch", "alignment", "lyrics", "prompt", "block_embedding"),
    "regression": ("prior",),
    "render": ("dit", "prior"),
}
_FOR_THE_DIT = ("rows", "mean_rows", "style_row")
"""What of the prior serves the DiT alone: the regression is the rest."""


def part_of(model: SongModel, part: Part) -> nn.ModuleDict:
    """The modules of one part, under their names in the model; what the alignment makes idle is frozen."""
    if part == "sketch":
        model.sketch.classifier.requires_grad_(False)
    return nn.ModuleDict({name: getattr(model, name) for name in _MODULES[part]})


def freeze_regression(model: SongModel) -> None:
    """Leave the means as they are; what hands them to the DiT stays free."""
    assert model.prior is not None
    for name, module in model.prior.named_children():
        module.requires_grad_(name in _FOR_THE_DIT)


def fresh_model(config: SongConfig, seed: int) -> SongModel:
    """A model with new weights, the same for the same seed.

    Small widths want larger embeddings than the released ``init_std``: rows of norm 0.3 learn in minutes what rows of
    0.02 learn in hours.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = SongModel(config, codec=None)
        assert model.alignment is not None
        for module in (model.sketch.embedding, model.lyrics, model.alignment):
            for child in module.modules():
                if isinstance(child, nn.Embedding):
                    nn.init.normal_(child.weight, std=0.3)
        for width, layers in ((config.dim, model.sketch.layers), (config.diff_dim or config.dim, model.dit.layers)):
            for name, parameter in layers.named_parameters():
                if parameter.dim() == 2 and not name.endswith((".o.weight", ".out.weight", ".down.weight")):
                    nn.init.normal_(parameter, std=0.5 / math.sqrt(width))
        nn.init.normal_(model.sketch.bos, std=0.3)
        nn.init.normal_(model.prompt.project.weight, std=0.3 / math.sqrt(config.latent_dim))
        nn.init.normal_(model.dit.latent_in.weight, std=1 / math.sqrt(config.latent_dim))
        nn.init.zeros_(model.dit.latent_out.weight)
    return model


def start_from(modules: nn.ModuleDict, path: Path) -> None:
    """Give a part the weights of a part file, or of a model folder's ``model.safetensors``.

    Raises:
        CheckpointError: the file lacks a tensor of the part, or has it in another shape.
    """
    stored = load_file(path)
    for name, tensor in modules.state_dict().items():
        if name not in stored and name.startswith("sketch.classifier."):
            continue
        if name not in stored:
            raise CheckpointError(f"{path} lacks {name}: start from a file of this part, or leave --init out")
        if stored[name].shape != tensor.shape:
            raise CheckpointError(
                f"{path}: {name} is {tuple(stored[name].shape)}, not {tuple(tensor.shape)}: made for another shape"
            )
        tensor.copy_(stored[name])


def latent_weights(codec: TwoStemCodec, config: TwoStemConfig) -> Tensor:
    """Loss weight of each latent dimension ``[D]``: what carries more of the sound counts more; mean about 1."""

    def spread(scale: Tensor) -> Tensor:
        relative = (scale / scale.max()) ** 0.7
        return relative / relative.mean()

    voice = spread(codec.voice_whitening.scale.float())
    band = spread(codec.band_whitening.scale.float())
    return torch.cat(
        [1.3 * voice, torch.full((config.sub_frames,), 1.0), torch.full((config.sub_frames,), 0.6), 0.7 * band]
    )


def load_whitening(path: Path, config: TwoStemConfig) -> TwoStemCodec:
    """A codec with its fitted whitening and an untrained band decoder: all that training needs."""
    codec = TwoStemCodec(config)
    codec.load_state_dict(load_file(path), strict=False)
    return codec.eval()


def save_part(modules: nn.ModuleDict, path: Path) -> None:
    """The modules' weights, float32, by their names in the model."""
    temporary = path.with_suffix(".part")
    save_file({name: tensor.contiguous() for name, tensor in modules.state_dict().items()}, temporary)
    temporary.replace(path)
