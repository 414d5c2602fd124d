import dataclasses
import json
import struct

import pytest
import torch

from songbloom_x2.checkpoints import native
from songbloom_x2.checkpoints.convert import convert
from songbloom_x2.checkpoints.official import load_official
from songbloom_x2.errors import CheckpointError


@pytest.fixture(scope="module")
def model():
    from pathlib import Path

    return load_official(Path(__file__).parents[1] / "golden" / "edges").model


@pytest.fixture
def folder(model, tmp_path):
    native.save(tmp_path, model, source="a test", extra={"mean": torch.arange(3)})
    return tmp_path


def describe(folder, change):
    path = folder / native.CONFIG_FILE
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def test_round_trip_is_identical(model, folder):
    loaded = native.load(folder)
    assert loaded.model.config == model.config
    before, after = model.state_dict(), loaded.model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) and before[key].dtype == after[key].dtype for key in before)
    assert (loaded.source, loaded.licence) == ("a test", model.config.licence)
    assert torch.equal(loaded.extra["mean"], torch.arange(3))
    assert native.is_native(folder)
    assert native.is_native(folder / native.WEIGHTS_FILE)
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]


def test_weights_stay_in_the_mapped_file(folder):
    """Never twice in memory: where each parameter lies is its place in the file plus one constant."""
    path = folder / native.WEIGHTS_FILE
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    loaded = native.load(folder).model
    assert len({p.data_ptr() - header[name]["data_offsets"][0] for name, p in loaded.named_parameters()}) == 1


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_smaller_storage_keeps_the_codec(model, tmp_path, dtype):
    native.save(tmp_path, model, dtype=dtype)
    loaded = native.load(tmp_path).model
    for name, tensor in model.state_dict().items():
        stored = loaded.state_dict()[name]
        wanted = torch.float32 if name.startswith("codec.") else getattr(torch, dtype)
        assert stored.dtype == wanted
        assert torch.equal(stored, tensor.to(wanted))


def test_shared_and_partial_tensors_are_written_whole(model, tmp_path):
    base = torch.arange(6.0)
    native.save(tmp_path, model, extra={"a": base, "b": base, "c": base[2:4], "d": base.view(2, 3).T})
    extra = native.load(tmp_path).extra
    assert torch.equal(extra["b"], base)
    assert torch.equal(extra["c"], torch.tensor([2.0, 3.0]))
    assert torch.equal(extra["d"], base.view(2, 3).T)


def test_what_cannot_be_loaded_is_not_written(model, tmp_path):
    with torch.no_grad():
        kept = model.sketch.bos.clone()
        model.sketch.bos[0] = 1e30
        try:
            with pytest.raises(CheckpointError, match=r"sketch\.bos.*not finite"):
                native.save(tmp_path, model, dtype="float16")
        finally:
            model.sketch.bos.copy_(kept)
    assert not list(tmp_path.iterdir())


def flip(folder):
    path = folder / native.WEIGHTS_FILE
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def truncate(folder):
    path = folder / native.WEIGHTS_FILE
    path.write_bytes(path.read_bytes()[:-10])


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (flip, "its checksum is not the one in config.json"),
        (truncate, "cut short or replaced"),
        (lambda f: (f / native.WEIGHTS_FILE).unlink(), "model.safetensors is missing"),
        (lambda f: (f / native.CONFIG_FILE).write_text("{"), "not valid JSON"),
        (lambda f: describe(f, lambda d: d.update(format="other")), "'format' is 'other'"),
        (lambda f: describe(f, lambda d: d.update(version=2)), "'version' is 2"),
        (lambda f: describe(f, lambda d: d.update(new=2)), "'new' is unknown"),
        (lambda f: describe(f, lambda d: d.pop("weights")), "'weights' is missing"),
        (lambda f: describe(f, lambda d: d["weights"].update(file="../x")), "'weights.file' is '../x'"),
        (lambda f: describe(f, lambda d: d["weights"].pop("sha256")), "checksum"),
        (lambda f: describe(f, lambda d: d["config"].update(lm_layers=3)), "'sketch.layers.2."),
        (lambda f: describe(f, lambda d: d["config"].update(lm_layers=1)), "belongs to no part"),
        (lambda f: describe(f, lambda d: d["config"].update(num_pitch=9)), "has shape"),
        (lambda f: describe(f, lambda d: d["config"].update(num_heads=7)), "heads of even width"),
        (lambda f: describe(f, lambda d: d["config"].update(colour=7)), "'config.colour' is unknown"),
    ],
)
def test_damage_is_refused_in_one_line(folder, harm, message):
    harm(folder)
    with pytest.raises(CheckpointError) as caught:
        native.load(folder)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_safetensors_file_that_is_none(folder):
    """The checksum may be right and the file still be no such file."""
    import hashlib

    path = folder / native.WEIGHTS_FILE
    junk = b"\xff" * 64
    path.write_bytes(junk)
    describe(folder, lambda d: d["weights"].update(bytes=64, sha256=hashlib.sha256(junk).hexdigest()))
    with pytest.raises(CheckpointError, match="not a sound safetensors file"):
        native.load(folder)


def test_an_interrupted_save_leaves_the_old_model(model, folder, monkeypatch):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def fail(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(native, "save_file", fail)
    with pytest.raises(OSError, match="No space"):
        native.save(folder, model)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_the_hash_tells_models_apart(model, folder, tmp_path):
    first = native.load(folder).hash
    assert native.load(folder).hash == first
    native.save(folder, model, dtype="bfloat16")
    assert native.load(folder).hash != first


def test_convert(golden, tmp_path):
    target = tmp_path / "native"
    convert(golden / "adaln-v", target, dtype="bfloat16")
    loaded = native.load(target)
    official = load_official(golden / "adaln-v").model
    assert dataclasses.replace(loaded.model.config) == official.config
    assert torch.equal(loaded.model.sketch.bos, official.sketch.bos.to(torch.bfloat16))
    assert loaded.source.startswith("adaln-v, released files with SHA-256 ")
    with pytest.raises(CheckpointError, match="already holds a model"):
        convert(golden / "adaln-v", target)


def test_the_embedded_kind_of_model(tmp_path):
    """Built without memory, every part gets its values: buffers outside the file too, and the codec works."""
    from songbloom_x2.song_model import SongModel
    from songbloom_x2.train.embedded import embedded_config

    config = embedded_config()
    smaller = dataclasses.replace(config, lm_layers=1, diff_layers=1, dim=96)
    model = SongModel(smaller).eval()
    native.save(tmp_path, model, dtype="bfloat16", codec_dtype="float16")
    loaded = native.load(tmp_path).model
    assert loaded.config == smaller
    ours, theirs = dict(model.named_buffers()), dict(loaded.named_buffers())
    assert ours.keys() == theirs.keys()
    for name, buffer in theirs.items():
        torch.testing.assert_close(buffer.float(), ours[name].float(), rtol=1e-3, atol=1e-6)
    assert loaded.codec is not None
    with torch.no_grad():
        sound = loaded.codec.float().decode(torch.zeros(1, smaller.latent_dim, 4))
    assert sound.shape == (1, 2, 4 * smaller.samples_per_frame)
