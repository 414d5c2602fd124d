"""The style prompt as rows in front of the lyrics: projected codec latents, zeros where there are none."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from songbloom_x2.config import PromptConfig
from songbloom_x2.errors import StyleError


class PromptConditioner(nn.Module):
    """Codec latents -> rows. Parameter: ``project``."""

    def __init__(self, config: PromptConfig, latent_dim: int, dim: int) -> None:
        """``dim``: width of the sketch LM."""
        super().__init__()
        self.max_len = config.max_len
        self.project = nn.Linear(latent_dim, dim, bias=False)

    def forward(self, prompts: Sequence[Tensor | None]) -> Tensor:
        """Latents ``[D, T]`` of ``B`` songs (or none) -> ``[B, max_len, dim]``; what is beyond ``max_len`` is cut.

        Raises ``StyleError`` where the latents are not of this model's width.
        """
        weight = self.project.weight
        frames = weight.new_zeros(len(prompts), self.max_len, self.project.in_features)
        for song, latents in enumerate(prompts):
            if latents is None:
                continue
            if latents.dim() != 2 or latents.shape[0] != self.project.in_features:
                raise StyleError(
                    f"style prompt: latents of shape {tuple(latents.shape)} do not fit a model of "
                    f"{self.project.in_features} latent channels: encode it with this model"
                )
            kept = latents[:, : self.max_len].T
            frames[song, : kept.shape[0]] = kept.to(frames)
        # Zero frames project to zero rows: there is no bias.
        rows: Tensor = self.project(frames)
        return rows
