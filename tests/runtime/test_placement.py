import torch

from songbloom_x2.config import AlignmentConfig, LyricsConfig, OobleckConfig, PromptConfig, SketchLayout, SongConfig
from songbloom_x2.runtime.placement import place
from songbloom_x2.song_model import SongModel

LAYOUT = SketchLayout(phonemes=("", "AA", "B"), pitches=4)
CONFIG = SongConfig(
    name="tiny",
    lyrics=LyricsConfig(("", ".", ",")),
    prompt=PromptConfig(4),
    codec=OobleckConfig(channels=2, multipliers=(1, 1), strides=(2, 4)),
    latent_dim=4,
    samples_per_frame=8,
    dim=32,
    num_heads=1,
    block_size=4,
    hidden_scale=1,
    lm_layers=1,
    diff_layers=1,
    num_pitch=LAYOUT.size,
)


def test_everything_but_the_codec_takes_the_type():
    model = SongModel(CONFIG)
    values = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    assert place(model, torch.device("cpu"), torch.bfloat16) is model
    for name, parameter in model.named_parameters():
        wanted = torch.float32 if name.startswith("codec.") else torch.bfloat16
        assert parameter.dtype == wanted
        assert torch.equal(parameter, values[name].to(wanted))


def test_a_half_precision_codec_becomes_float32_again():
    model = SongModel(CONFIG).to(torch.float16)
    place(model, torch.device("cpu"), torch.float32)
    assert {tensor.dtype for tensor in model.state_dict().values()} == {torch.float32}


def test_what_is_right_already_is_not_copied():
    model = SongModel(CONFIG)
    places = [parameter.data_ptr() for parameter in model.parameters()]
    place(model, torch.device("cpu"), torch.float32)
    assert [parameter.data_ptr() for parameter in model.parameters()] == places


def test_every_tensor_moves():
    model = place(SongModel(CONFIG), torch.device("meta"), torch.float32)
    assert all(tensor.is_meta for tensor in (*model.parameters(), *model.buffers()))


def test_buffers_beside_the_codec_keep_their_type():
    model = SongModel(CONFIG)
    model.register_buffer("table", torch.ones(2, dtype=torch.float64), persistent=False)
    model.register_buffer("count", torch.ones(2, dtype=torch.int64))
    place(model, torch.device("cpu"), torch.bfloat16)
    assert model.get_buffer("table").dtype == torch.float64
    assert model.get_buffer("count").dtype == torch.int64
    assert "table" not in model.state_dict()
    assert "count" in model.state_dict()


def test_a_model_without_a_codec():
    model = place(SongModel(CONFIG, codec=None), torch.device("cpu"), torch.bfloat16)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}


def test_alignment_is_placed_too():
    import dataclasses

    config = dataclasses.replace(CONFIG, alignment=AlignmentConfig(LAYOUT, prior_dim=8, prior_layers=1))
    model = place(SongModel(config), torch.device("meta"), torch.bfloat16)
    assert all(tensor.is_meta for tensor in (*model.parameters(), *model.buffers()))
