import pytest
import torch

from songbloom_x2.checkpoints import native
from songbloom_x2.checkpoints.load import load_model, locate
from songbloom_x2.checkpoints.official import load_official
from songbloom_x2.checkpoints.registry import MODELS
from songbloom_x2.config import RuntimeConfig
from songbloom_x2.errors import CheckpointError
from songbloom_x2.runtime.plan import resolve


@pytest.fixture(scope="module")
def plan():
    return resolve(RuntimeConfig(device="cpu"))


def test_released_and_native_are_told_apart_by_content(golden, tmp_path, plan):
    released = load_model(golden / "edges", plan)
    native.save(tmp_path, load_official(golden / "edges").model, source="converted")
    ours = load_model(tmp_path, plan)
    assert released.config == ours.config
    left, right = released.model.state_dict(), ours.model.state_dict()
    assert all(torch.equal(left[key], right[key]) for key in left)
    assert (released.source, ours.source) == ("edges (released)", "converted")
    assert len(released.hash) == len(ours.hash) == 64
    assert released.hash != ours.hash
    assert "non-commercial" in released.licence
    assert "non-commercial" in ours.licence
    assert any("RoPE" in note for note in released.notes)
    assert not any(parameter.requires_grad for parameter in released.model.parameters())


def test_the_hash_is_of_contents_not_of_places(released, golden, plan):
    folder = released("edges")
    moved = folder.path.rename(folder.path.with_name("elsewhere"))
    assert load_model(moved / "edges.yaml", plan).hash == load_model(golden / "edges", plan).hash
    (moved / "edges.yaml").write_text((moved / "edges.yaml").read_text() + "\n# a remark\n")
    assert load_model(moved, plan).hash != load_model(golden / "edges", plan).hash


def test_the_plan_places_the_model(golden):
    loaded = load_model(golden / "edges", resolve(RuntimeConfig(device="cpu", precision="bfloat16")))
    for name, parameter in loaded.model.named_parameters():
        assert parameter.dtype == (torch.float32 if name.startswith("codec.") else torch.bfloat16)


def test_the_rope_base_can_be_overridden(golden, tmp_path, plan):
    assert load_model(golden / "edges", plan, rope_base_dit=7).model.dit.rope_base == 7
    native.save(tmp_path, load_official(golden / "edges").model)
    with pytest.raises(CheckpointError, match="cannot be overridden"):
        load_model(tmp_path, plan, rope_base_dit=7)


def test_names(released, tmp_path):
    name = "songbloom_full_150s"
    with pytest.raises(CheckpointError, match=r"not on this machine.*non-commercial"):
        locate(name, tmp_path)
    folder = released("edges").path
    (folder / "edges.yaml").rename(folder / f"{name}.yaml")
    assert locate(name, folder) == folder / f"{name}.yaml"
    folder.rename(tmp_path / name)
    assert locate(name, tmp_path) == tmp_path / name / f"{name}.yaml"
    with pytest.raises(CheckpointError, match="did you mean 'songbloom_full_150s'"):
        locate("songbloom_150s")
    with pytest.raises(CheckpointError, match="known names: embedded"):
        locate("nothing like it")


def test_a_folder_without_a_model(tmp_path, plan):
    with pytest.raises(CheckpointError, match="holds no model"):
        load_model(tmp_path, plan)


def test_the_registry_invents_nothing():
    for model in MODELS.values():
        assert model.licence
        for file in model.files:
            assert file.sha256 is None or len(file.sha256) == 64
    assert all("non-commercial" in model.licence for name, model in MODELS.items() if name != "embedded")
