"""Drawing sketch tokens: what may be drawn, how often, and that neighbours do not matter."""

from __future__ import annotations

from dataclasses import replace

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from songbloom_x2.config import SamplingConfig
from songbloom_x2.sketch.guide import FreeGuide
from songbloom_x2.sketch.sampling import draw_tokens, penalised, top_k_kept, top_p_kept

PLAIN = SamplingConfig(temperature=1.0, top_k=0, penalty_repeat=False)
LOGITS = st.lists(st.floats(-8, 8, width=32), min_size=2, max_size=12).map(torch.tensor)
UNIFORMS = st.floats(0, 1, exclude_max=True)
SAMPLINGS = st.builds(
    SamplingConfig,
    temperature=st.floats(0, 3),
    top_k=st.integers(0, 14),
    top_p=st.one_of(st.just(0.0), st.floats(0.01, 1)),
    use_sampling=st.booleans(),
)


def draw(logits: Tensor, uniform: float, sampling: SamplingConfig) -> int:
    return int(draw_tokens(logits[None], torch.tensor([uniform], dtype=torch.float64), sampling))


@given(LOGITS, UNIFORMS, SAMPLINGS)
@settings(deadline=None, max_examples=60)
def test_a_drawn_token_is_allowed(logits: Tensor, uniform: float, sampling: SamplingConfig) -> None:
    token = draw(logits, uniform, sampling)
    if not sampling.use_sampling or sampling.temperature == 0:
        assert token == int(logits.argmax())
        return
    probabilities = torch.softmax((logits.double() - logits.max()) / sampling.temperature, 0)
    larger = probabilities[probabilities > probabilities[token]]
    assert probabilities[token] > 0
    if sampling.top_p > 0:
        assert larger.sum() <= sampling.top_p + 1e-9
    elif sampling.top_k > 0:
        assert len(larger) < sampling.top_k


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5), st.floats(-5, 5), UNIFORMS), min_size=2, max_size=6))
@settings(deadline=None)
def test_neighbours_do_not_matter(songs: list[tuple[float, float, float, float]]) -> None:
    logits = torch.tensor([song[:3] for song in songs])
    uniforms = torch.tensor([song[3] for song in songs], dtype=torch.float64)
    together = draw_tokens(logits, uniforms, replace(PLAIN, top_k=2))
    alone = [draw(row, float(uniform), replace(PLAIN, top_k=2)) for row, uniform in zip(logits, uniforms, strict=True)]
    assert together.tolist() == alone


@given(LOGITS, st.floats(0.2, 3))
@settings(deadline=None)
def test_evenly_spread_uniforms_draw_the_softmax(logits: Tensor, temperature: float) -> None:
    count = 2000
    uniforms = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    tokens = draw_tokens(logits.expand(count, -1), uniforms, replace(PLAIN, temperature=temperature))
    found = torch.bincount(tokens, minlength=len(logits)) / count
    torch.testing.assert_close(
        found.double(), torch.softmax(logits.double() / temperature, 0), atol=1.01 / count, rtol=0
    )
    assert torch.equal(tokens, tokens.sort().values), "inverse CDF: larger numbers, later tokens"


def test_top_k_keeps_ties() -> None:
    kept = top_k_kept(torch.tensor([[0.4, 0.2, 0.2, 0.2]]), 2)
    assert (kept > 0).tolist() == [[True] * 4]
    kept = top_k_kept(torch.tensor([[0.4, 0.3, 0.2, 0.1]]), 2)
    assert (kept > 0).tolist() == [[True, True, False, False]]


def test_top_p_keeps_the_token_that_passes_it() -> None:
    for p, kept in ((0.3, [1]), (0.45, [1, 0]), (0.69, [1, 0]), (0.75, [1, 0, 3]), (1.0, [0, 1, 2, 3])):
        found = top_p_kept(torch.tensor([[0.3, 0.4, 0.1, 0.2]], dtype=torch.float64), p)
        assert sorted(kept) == found[0].nonzero().flatten().tolist()


def test_the_penalty_divides_whatever_the_sign_and_never_the_end() -> None:
    logits = torch.tensor([[2.0, -2.0, 1.0, 4.0]]).expand(2, -1)
    recent = torch.tensor([[0, 1, 1, 3], [0, 1, 1, 3]])
    found = penalised(logits, recent, torch.tensor([True, False]), 2.0)
    assert found.tolist() == [[1.0, -1.0, 1.0, 4.0], [2.0, -2.0, 1.0, 4.0]]


def guide(sampling: SamplingConfig, logits: Tensor) -> FreeGuide:
    return FreeGuide(lambda hidden: logits, sampling, 1, 2, logits.shape[-1] - 1, torch.device("cpu"))


def test_the_penalty_begins_with_the_second_block_and_forgets() -> None:
    logits = torch.tensor([[1.0, 0.95, 0.9, 0.0]])
    sampling = SamplingConfig(use_sampling=False, penalty_window=2, cfg_lm=1.0)
    chooser = guide(sampling, logits)
    state = chooser.start()
    tokens = []
    for _ in range(6):
        token, state = chooser.choose(torch.zeros(1, 1), state, torch.zeros(1, 1), torch.tensor([True]))
        tokens.append(int(token))
    # 0 wins unpenalised. Penalised it has 0.909: less than 0.95 of a 1 that was not drawn lately, more than 0.864 of
    # one that was, and more than 0.9 of 2.
    assert tokens == [0, 0, 1, 0, 0, 1]


def test_a_guide_resumed_from_tokens_goes_on_alike() -> None:
    logits = torch.tensor([[1.0, 0.95, 0.9, 0.0]])
    sampling = SamplingConfig(use_sampling=False, penalty_window=3, cfg_lm=1.0)
    chooser = guide(sampling, logits)
    state, tokens = chooser.start(), []
    for _ in range(5):
        token, state = chooser.choose(torch.zeros(1, 1), state, torch.zeros(1, 1), torch.tensor([True]))
        tokens.append(int(token))
        resumed = chooser.start([torch.tensor(tokens)], [{}])
        assert all(torch.equal(resumed[name], state[name]) for name in state)


def test_the_end_can_be_held_back() -> None:
    logits = torch.tensor([[0.0, 0.0, 9.0]])
    for sampling in (PLAIN, replace(PLAIN, use_sampling=False)):
        chooser = guide(sampling, logits)
        for may_end, ends in ((True, True), (False, False)):
            token, _ = chooser.choose(
                torch.zeros(1, 1), chooser.start(), torch.full((1, 1), 0.999), torch.tensor([may_end])
            )
            assert (int(token) == 2) == ends
