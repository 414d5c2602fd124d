"""Piece by piece equals whole, whatever the pieces."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from songbloom_x2.codec.autoencoder import OobleckAutoencoder
from songbloom_x2.codec.chunked import OverlapStream, decode_chunked, encode_chunked
from songbloom_x2.config import OobleckConfig

FRAMES = 45


def make_codec() -> OobleckAutoencoder:
    torch.manual_seed(1)
    config = OobleckConfig(channels=4, multipliers=(1, 2, 3), strides=(2, 4, 6), final_tanh=False)
    return OobleckAutoencoder(config, latent_dim=6).eval().requires_grad_(False)


CODEC = make_codec()
LATENTS = torch.randn(2, 6, FRAMES, generator=torch.Generator().manual_seed(2))
AUDIO = torch.randn(2, 2, FRAMES * CODEC.samples_per_frame + 17, generator=torch.Generator().manual_seed(3))

cuts = st.lists(st.integers(0, FRAMES), max_size=12).map(lambda inner: [0, *sorted(inner), FRAMES])


@settings(max_examples=60, deadline=None)
@given(cuts=cuts, frames=st.integers(1, 64))
def test_a_stream_is_the_whole(cuts: list[int], frames: int) -> None:
    stream = OverlapStream(CODEC, CODEC.decoder_context, frames)
    sound = [stream.push(LATENTS[0, :, start:end]) for start, end in pairwise(cuts)]
    torch.testing.assert_close(
        torch.cat([*sound, stream.flush()], dim=1), CODEC.decode(LATENTS[:1])[0], atol=1e-4, rtol=0
    )


def test_a_frame_is_given_as_soon_as_it_is_certain() -> None:
    stream = CODEC.open_stream()
    right = CODEC.decoder_context.right
    given = [stream.push(LATENTS[0, :, i : i + 1]).shape[1] // CODEC.samples_per_frame for i in range(FRAMES)]
    assert given == [0] * right + [1] * (FRAMES - right)
    assert stream.flush().shape == (2, right * CODEC.samples_per_frame)


def test_a_caller_may_reuse_its_buffer() -> None:
    stream = CODEC.open_stream()
    buffer = LATENTS[0].clone()
    sound = [stream.push(buffer)]
    buffer.fill_(9)
    torch.testing.assert_close(torch.cat([*sound, stream.flush()], 1), CODEC.decode(LATENTS[:1])[0], atol=1e-4, rtol=0)


def test_streams_do_not_share_anything() -> None:
    streams = [CODEC.open_stream(), CODEC.open_stream()]
    sound: list[list[Tensor]] = [[], []]
    for start in range(0, FRAMES, 5):
        for stream, pieces, song in zip(streams, sound, LATENTS, strict=True):
            pieces.append(stream.push(song[:, start : start + 5]))
    whole = torch.stack([torch.cat([*p, s.flush()], 1) for p, s in zip(sound, streams, strict=True)])
    torch.testing.assert_close(whole, CODEC.decode(LATENTS), atol=1e-4, rtol=0)


def test_an_empty_stream_gives_nothing() -> None:
    assert CODEC.open_stream().flush().shape == (2, 0)


def test_a_flushed_stream_is_over() -> None:
    stream = CODEC.open_stream()
    stream.push(LATENTS[0])
    stream.flush()
    with pytest.raises(RuntimeError, match="open a new one"):
        stream.push(LATENTS[0])
    with pytest.raises(RuntimeError, match="open a new one"):
        stream.flush()


def test_a_step_needs_a_frame() -> None:
    with pytest.raises(ValueError, match="at least one"):
        OverlapStream(CODEC, CODEC.decoder_context, 0)


class Watched(OobleckAutoencoder):
    """Remembers how much it was asked for at once."""

    longest = 0

    def decode(self, latents: Tensor) -> Tensor:
        self.longest = max(self.longest, latents.shape[-1])
        return super().decode(latents)

    def encode(self, audio: Tensor) -> Tensor:
        self.longest = max(self.longest, audio.shape[-1] // self.samples_per_frame)
        return super().encode(audio)


def watched() -> Watched:
    config = OobleckConfig(channels=4, multipliers=(1, 2, 3), strides=(2, 4, 6), final_tanh=False)
    codec = Watched(config, latent_dim=6).eval().requires_grad_(False)
    codec.load_state_dict(CODEC.state_dict())
    return codec


@pytest.mark.parametrize("frames", [1, 7, 128])
def test_chunked_decoding_is_the_whole_in_bounded_steps(frames: int) -> None:
    codec = watched()
    sound = decode_chunked(codec, LATENTS, frames)
    context = codec.decoder_context
    assert codec.longest <= min(FRAMES, frames + context.left + context.right)
    torch.testing.assert_close(sound, CODEC.decode(LATENTS), atol=1e-4, rtol=0)


def test_one_large_push_is_decoded_in_bounded_steps() -> None:
    codec = watched()
    long = torch.randn(6, 400, generator=torch.Generator().manual_seed(4))
    stream = codec.open_stream()
    sound = torch.cat([stream.push(long), stream.flush()], dim=1)
    assert codec.longest <= 128 + codec.decoder_context.left + codec.decoder_context.right
    torch.testing.assert_close(sound, CODEC.decode(long[None])[0], atol=1e-4, rtol=0)


@settings(max_examples=40, deadline=None)
@given(samples=st.integers(0, AUDIO.shape[-1]), frames=st.integers(1, 60))
def test_chunked_encoding_is_the_whole(samples: int, frames: int) -> None:
    audio = AUDIO[..., :samples]
    latents = encode_chunked(CODEC, audio, CODEC.encoder_context, frames)
    torch.testing.assert_close(latents, CODEC.encode(audio), atol=1e-4, rtol=0)


def test_chunked_encoding_takes_bounded_steps() -> None:
    codec = watched()
    encode_chunked(codec, AUDIO, codec.encoder_context, 8)
    assert codec.longest <= 8 + codec.encoder_context.left + codec.encoder_context.right
