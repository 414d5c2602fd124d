import pytest
import torch

from songbloom_x2.checkpoints.keymap import CODEC_COPY, TABLE, is_zero_buffer, to_ours, to_released, zero_buffers


def test_table_is_one_to_one():
    assert len({released for released, _ in TABLE}) == len({ours for _, ours in TABLE}) == len(TABLE)


@pytest.mark.parametrize("name", ["prepend-flow", "adaln-v", "edges"])
def test_every_golden_key_is_known_and_comes_back(golden, name):
    keys = torch.load(golden / name / f"{name}.pt", weights_only=True).keys()
    zero = zero_buffers(3 if name == "adaln-v" else 2)
    for key in keys:
        ours = to_ours(key)
        assert (ours is None) == (key.startswith(CODEC_COPY) or key in zero), key
        assert is_zero_buffer(key) == (key in zero)
        if ours is not None:
            assert to_released(ours) == key
    assert zero <= set(keys)


@pytest.mark.parametrize(
    "key",
    [
        "model.ar_transformer.layers.0.self_attn.x_proj.weight",
        "model.ar_transformer.layers.00.self_attn.q_proj.weight",
        "model.ar_transformer.layers.{n}.self_attn.q_proj.weight",
        "model.ar_transformer.layers.-1.self_attn.q_proj.weight",
        "model.bos_token ",
        "",
    ],
)
def test_unknown_keys_have_no_name(key):
    assert to_ours(key) is None
    assert to_released(key) is None
