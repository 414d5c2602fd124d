import pickle
import zipfile

import pytest
import torch

from songbloom_x2.checkpoints.keymap import CODEC, CODEC_COPY, to_released
from songbloom_x2.checkpoints.official import load_official
from songbloom_x2.errors import CheckpointError

BOS = "model.bos_token"
CODEC_BIAS = f"{CODEC}encoder.layers.0.bias"
COPY_BIAS = f"{CODEC_COPY}encoder.layers.0.bias"
GAMMA = "model.nar_dit.layers.1.pre_norm.gamma"
BETA = "model.nar_dit.layers.1.pre_norm.beta"


class Owned:
    """Says so if it is ever unpickled."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('code was run')",))


@pytest.mark.parametrize("name", ["prepend-flow", "adaln-v", "edges"])
def test_every_weight_arrives(golden, name):
    official = load_official(golden / name)
    state = torch.load(golden / name / f"{name}.pt", weights_only=True)
    ours = official.model.state_dict()
    assert len(ours) == sum(not key.startswith(CODEC_COPY) and not key.endswith("norm.beta") for key in state)
    for parameter, tensor in ours.items():
        assert torch.equal(tensor, state[to_released(parameter)]), parameter
    assert not official.model.training
    assert [file.suffix for file in official.files] == [".yaml", ".json", ".yaml", ".pt", ".ckpt"]


def test_weights_stay_in_the_mapped_file(golden):
    """Never twice in memory: where each parameter lies is its place in the file plus one constant."""
    path = golden / "edges" / "edges.pt"
    plain = torch.load(path, weights_only=True, mmap=True)
    with zipfile.ZipFile(path) as archive:
        inside = sum(entry.file_size for entry in archive.infolist())
    official = load_official(golden / "edges")
    places = [parameter.data_ptr() for parameter in official.model.parameters()]
    reference = {key: plain[key].data_ptr() for key in plain}
    shifts = {
        parameter.data_ptr() - reference[to_released(name)] for name, parameter in official.model.named_parameters()
    }
    assert len(shifts) == 1
    assert max(places) - min(places) < inside + 2**20


def damage(change):
    return lambda folder: folder.edit_weights(change)


def truncate(folder):
    data = folder.weights.read_bytes()
    folder.weights.write_bytes(data[: len(data) * 2 // 3])


def overwrite(text):
    return lambda folder: folder.weights.write_bytes(text)


def disagreeing_copy(state):
    state[COPY_BIAS] = state[COPY_BIAS] + 1


def extra_copy_key(state):
    state[f"{CODEC_COPY}encoder.new"] = torch.zeros(1)


def renamed(state):
    state["model.bos_tokens"] = state.pop(BOS)


def pickled_code(folder):
    torch.save({BOS: Owned()}, folder.weights)


def separate_codec(change):
    def apply(folder):
        path = folder.path / "autoencoder_music_dsp1920.ckpt"
        state = torch.load(path, weights_only=True)["state_dict"]
        change(state)
        torch.save({"state_dict": state}, path)

    return apply


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (damage(renamed), "'model.bos_tokens' belongs to no part"),
        (damage(lambda s: s.pop(BOS)), f"'{BOS}' is missing"),
        (damage(lambda s: s.pop(GAMMA)), f"'{GAMMA}' is missing"),
        (damage(lambda s: s.pop(BETA)), f"'{BETA}' is missing"),
        (damage(lambda s: s.pop(CODEC_BIAS)), "encoder.layers.0.bias"),
        (damage(lambda s: s.update({"model.extra.weight": torch.zeros(2)})), "'model.extra.weight' belongs to no part"),
        (damage(lambda s: s.update({f"{CODEC}new": torch.zeros(2)})), "'new'"),
        (damage(lambda s: s.update({BOS: torch.zeros(65)})), "has shape [65], but the config asks for [64]"),
        (damage(lambda s: s.update({BOS: torch.zeros(64, dtype=torch.int64)})), "is torch.int64"),
        (damage(lambda s: s.update({BOS: torch.full((64,), float("nan"))})), "not finite"),
        (damage(lambda s: s.update({BOS: torch.full((64,), float("inf"))})), "not finite"),
        (damage(lambda s: s.update({BOS: torch.zeros(64).to_sparse()})), "no plain tensor"),
        (damage(lambda s: s.update({BETA: torch.ones(64)})), f"'{BETA}' is not zero"),
        (damage(disagreeing_copy), "disagree at 'encoder.layers.0.bias'"),
        (damage(extra_copy_key), f"'{CODEC_COPY}encoder.new' belongs to no part"),
        (damage(dict.clear), "holds no state dict"),
        (separate_codec(lambda s: s.update({"encoder.layers.0.bias": s["encoder.layers.0.bias"] + 1})), "disagree"),
        (separate_codec(lambda s: s.pop("encoder.layers.0.bias")), "holds the codec's 'encoder.layers.0.bias'"),
        (truncate, "cut short"),
        (overwrite(b""), "cut short"),
        (overwrite(b"not a model"), "cut short"),
        (overwrite(pickle.dumps({BOS: Owned()})), "nothing in it was run"),
        (pickled_code, "pickled code"),
        (lambda folder: folder.weights.rename(folder.path / "other.pt"), "edges.pt is missing"),
        (lambda folder: (folder.path / "vocab_g2p.yaml").unlink(), "vocab_g2p.yaml: cannot be read"),
        (lambda folder: (folder.path / "stable_audio_1920_vae.json").unlink(), "cannot be read"),
        (lambda folder: folder.yaml.write_text("a: ["), "edges.yaml, line 1: not plain YAML"),
        (lambda folder: folder.edit_yaml({"model.lm_layers": 3}), "layers.2"),
        (lambda folder: folder.edit_yaml({"model.diff_layers": 1}), "layers.1"),
        (lambda folder: folder.edit_yaml({"model.hidden_scale": 2}), "has shape"),
        (
            lambda folder: folder.edit_yaml({"model.time_cond_type": "adaLN"}),
            "to_scale_shift_gate.1.weight' is missing",
        ),
    ],
)
def test_damage_is_refused_in_one_line(released, harm, message):
    folder = released("edges")
    harm(folder)
    with pytest.raises(CheckpointError) as caught:
        load_official(folder.path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_where_the_codec_may_come_from(released):
    folder = released("edges")
    # Copies, since the mapped file itself is written over below.
    whole = {key: tensor.clone() for key, tensor in load_official(folder.path).model.state_dict().items()}

    def check():
        again = load_official(folder.path).model.state_dict()
        assert all(torch.equal(again[key], whole[key]) for key in whole)

    folder.edit_weights(lambda s: [s.pop(key) for key in list(s) if key.startswith(CODEC_COPY)])
    check()
    separate = folder.path / "autoencoder_music_dsp1920.ckpt"
    kept = separate.read_bytes()
    separate.unlink()
    check()
    folder.edit_weights(lambda s: [s.pop(key) for key in list(s) if key.startswith(CODEC)])
    with pytest.raises(CheckpointError, match=r"autoencoder_music_dsp1920\.ckpt is missing"):
        load_official(folder.path)
    separate.write_bytes(kept)
    check()


def test_half_precision_and_wrapped_state_dicts_are_read(released):
    folder = released("edges")
    state = torch.load(folder.weights, weights_only=True)
    torch.save({"state_dict": {key: tensor.to(torch.bfloat16) for key, tensor in state.items()}}, folder.weights)
    (folder.path / "autoencoder_music_dsp1920.ckpt").unlink()
    model = load_official(folder.path).model
    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}
    assert torch.equal(model.sketch.bos, state[BOS].to(torch.bfloat16))


def test_any_damaged_byte_gives_a_model_or_a_refusal(released):
    folder = released("edges")
    data = bytearray(folder.weights.read_bytes())
    generator = torch.Generator().manual_seed(0)
    for place in torch.randint(0, 60_000, (12,), generator=generator).tolist():
        harmed = data.copy()
        harmed[place] ^= 0xFF
        folder.weights.write_bytes(harmed)
        try:
            load_official(folder.path)
        except CheckpointError as error:
            assert "\n" not in str(error)
