"""The static cache: rows at positions of their own, and nothing seen that is not there."""

from __future__ import annotations

import pytest
import torch
from torch.nn.utils.rnn import pad_sequence

from songbloom_x2.nn.attention import CausalAttention
from songbloom_x2.nn.kv_cache import KVCache
from songbloom_x2.nn.rotary import rotation


def attention() -> CausalAttention:
    torch.manual_seed(0)
    return CausalAttention(16, 2).requires_grad_(False)


def whole(layer: CausalAttention, rows: torch.Tensor) -> torch.Tensor:
    turn = rotation(torch.arange(rows.shape[1])[None], 8, 100)
    out: torch.Tensor = layer(rows, turn)
    return out


def cached(layer: CausalAttention, cache: KVCache, rows: torch.Tensor, context: int) -> torch.Tensor:
    positions = cache.positions(rows.shape[1])
    turn = rotation(positions, 8, 100)
    out: torch.Tensor = layer(rows, turn, cache.layers[0], positions, cache.mask(positions, context))
    cache.advance(rows.shape[1])
    return out


@pytest.mark.parametrize("pieces", [(9,), (4, 5), (1,) * 9, (3, 1, 1, 4)])
def test_piece_by_piece_equals_the_whole(pieces: tuple[int, ...]) -> None:
    layer, rows = attention(), torch.randn(2, 9, 16, generator=torch.Generator().manual_seed(1))
    cache = KVCache(1, 2, 2, 12, 8)
    parts = [cached(layer, cache, piece, 12) for piece in rows.split(pieces, dim=1)]
    torch.testing.assert_close(torch.cat(parts, dim=1), whole(layer, rows), atol=1e-5, rtol=0)
    assert cache.position.tolist() == [9, 9]


def test_rows_of_different_length_share_a_batch_and_padding_is_never_seen() -> None:
    layer, generator = attention(), torch.Generator().manual_seed(1)
    songs = [torch.randn(length, 16, generator=generator) for length in (7, 3)]
    cache = KVCache(1, 2, 2, 12, 8)
    padded = pad_sequence(songs, batch_first=True, padding_value=float("nan"))
    cached(layer, cache, torch.nan_to_num(padded, nan=1e3), 7)
    cache.position.copy_(torch.tensor([7, 3]))
    for _ in range(3):
        following = torch.randn(2, 1, 16, generator=generator)
        songs = [torch.cat((song, row)) for song, row in zip(songs, following, strict=True)]
        found = cached(layer, cache, following, 10)[:, 0]
        for row, song in zip(found, songs, strict=True):
            torch.testing.assert_close(row, whole(layer, song[None])[0, -1], atol=1e-5, rtol=0)


def test_the_context_need_only_reach_the_furthest_row() -> None:
    layer, rows = attention(), torch.randn(1, 5, 16, generator=torch.Generator().manual_seed(1))
    found = [cached(layer, KVCache(1, 1, 2, 64, 8), rows, context) for context in (5, 6, 64)]
    torch.testing.assert_close(found[0], found[2], atol=1e-6, rtol=0)
    torch.testing.assert_close(found[1], found[2], atol=1e-6, rtol=0)


def test_rows_can_leave() -> None:
    layer, rows = attention(), torch.randn(3, 6, 16, generator=torch.Generator().manual_seed(1))
    cache = KVCache(1, 3, 2, 8, 8)
    cached(layer, cache, rows[:, :5], 8)
    cache.keep(torch.tensor([2, 0]))
    found = cached(layer, cache, rows[[2, 0], 5:], 8)[:, 0]
    torch.testing.assert_close(found, whole(layer, rows)[[2, 0], -1], atol=1e-5, rtol=0)


def test_what_does_not_fit_is_an_error() -> None:
    cache = KVCache(1, 1, 2, 4, 8)
    with pytest.raises(IndexError):
        cached(attention(), cache, torch.zeros(1, 5, 16), 4)
