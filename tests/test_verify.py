import argparse
import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from songbloom_x2.checkpoints.load import load_model
from songbloom_x2.cli.verify import add_parser
from songbloom_x2.config import RuntimeConfig
from songbloom_x2.errors import CheckpointError, RuntimePlanError
from songbloom_x2.runtime.plan import resolve
from songbloom_x2.verify import run as verify_run
from songbloom_x2.verify import verify
from songbloom_x2.verify.draw_test import is_draw
from songbloom_x2.verify.recompute import INPUTS, OUTPUTS, Recomputation

GOLDEN = Path(__file__).parent / "golden"
DRAWN = {"cond.prompt_wav", "gen.latents", "gen.tokens"}


class Folder:
    """A copy of a model whose golden file can be rewritten."""

    def __init__(self, original, into):
        self.path = Path(shutil.copytree(original, into / original.name))
        self.golden = self.path / f"{original.name}.golden.safetensors"
        self.json = self.path / f"{original.name}.golden.json"
        self.tensors = load_file(self.golden)
        self.described = json.loads(self.json.read_text())

    def write(self):
        save_file({name: tensor.contiguous() for name, tensor in self.tensors.items()}, self.golden)
        self.json.write_text(json.dumps(self.described))
        return self

    def bias_end(self, change):
        """Make EOS more or less likely."""
        weights = self.path / f"{self.path.name}.pt"
        state = torch.load(weights, weights_only=True)
        state["model.skeleton_classifier.2.bias"][-1] += change
        torch.save(state, weights)

    def record(self):
        """Record our own outputs, the prompt being the encoder's mean."""
        plan = resolve(RuntimeConfig(device="cpu"))
        loaded = load_model(self.path, plan)
        inputs = {name: tensor for name, tensor in self.tensors.items() if name in INPUTS}
        sampling, _ = verify_run._settings(self.described, loaded, self.golden)
        run = Recomputation(loaded.model, plan, inputs, self.described, sampling)
        self.tensors = inputs | {name: run.output(name).clone() for name in OUTPUTS}
        return self.write()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A golden model whose recorded prompt is the mean; three blocks of song."""
    folder = Folder(GOLDEN / "edges", tmp_path_factory.mktemp("recorded"))
    folder.bias_end(-10)
    folder.described["gen"] |= {"max_frames": 13, "steps": 4}
    folder.record()
    assert folder.tensors["gen.tokens"].shape == (1, 18)
    return folder


@pytest.fixture
def folder(recorded, tmp_path):
    return Folder(recorded.path, tmp_path)


def results(report):
    return {comparison.name: comparison for comparison in report.comparisons}


@pytest.mark.parametrize("name", ["prepend-flow", "adaln-v", "edges"])
def test_the_public_implementations_outputs_are_reproduced(name):
    report = verify(GOLDEN / name)
    found = results(report)
    assert report.ok
    assert found.keys() == set(OUTPUTS) - DRAWN
    assert max(comparison.max_abs_error for comparison in found.values()) < 1e-5
    # These files hold a prompt that was drawn at random: see draw_test.
    assert {skip.name for skip in report.skipped} == DRAWN
    assert all("random draw" in skip.reason for skip in report.skipped)


@pytest.mark.parametrize("name", ["prepend-flow", "adaln-v", "edges"])
def test_with_the_mean_everything_is_compared(name, tmp_path):
    folder = Folder(GOLDEN / name, tmp_path)
    folder.described["gen"]["max_frames"] = 8
    report = verify(folder.record().path)
    assert report.ok
    assert not report.skipped
    assert results(report).keys() == set(OUTPUTS)


@pytest.mark.parametrize("name", sorted(OUTPUTS))
def test_every_output_can_fail(folder, name):
    expected = folder.tensors[name]
    expected.view(-1)[-1] += 1 if name == "gen.tokens" else 0.002
    report = verify(folder.write().path)
    assert not report.ok
    assert not results(report)[name].ok
    failed = {comparison.name for comparison in report.comparisons if not comparison.ok}
    assert failed == {name}


@pytest.mark.parametrize("change", ["prompt.wav", "lm.in", "dit.x", "codec.latent", "gen.noise"])
def test_other_inputs_give_other_outputs(folder, change):
    folder.tensors[change] = folder.tensors[change] + 0.5
    assert not verify(folder.write().path).ok


def test_settings_decide_the_generation(folder):
    kept = dict(folder.described["gen"])
    for change in ({"cfg_coef": [3.0, 1.5]}, {"steps": 3}, {"diff_temp": 0.3}, {"dit_cfg_type": "h"}):
        folder.described["gen"] = kept | change
        assert not results(verify(folder.write().path))["gen.latents"].ok, change


def test_a_batch(folder):
    noise, single = folder.tensors["gen.noise"], folder.tensors["gen.latents"]
    more = torch.randn(noise.shape, generator=torch.Generator().manual_seed(1))
    folder.tensors["gen.noise"] = torch.cat([noise, more], dim=1)
    folder.record()
    both = folder.tensors["gen.latents"]
    assert both.shape == (2, 8, 18)
    torch.testing.assert_close(both[:1], single, rtol=0, atol=1e-4)
    assert (both[1] - both[0]).abs().max() > 0.1
    report = verify(folder.path)
    assert report.ok
    assert results(report).keys() == set(OUTPUTS)


def test_nothing_made_is_one_block_of_zeros(folder):
    folder.bias_end(1e4)
    folder.record()
    assert folder.tensors["gen.tokens"].shape == (1, 0)
    assert torch.equal(folder.tensors["gen.latents"], torch.zeros(1, 8, 6))
    assert verify(folder.path).ok


def test_a_prompt_too_short_to_encode(folder):
    folder.tensors["prompt.wav"] = folder.tensors["prompt.wav"][:, :2047]
    folder.record()
    assert not folder.tensors["cond.prompt_wav"].any()
    assert verify(folder.path).ok


def test_several_golden_files(folder):
    second = folder.path / "again.golden.safetensors"
    save_file({"dit.v": folder.tensors["dit.v"] + 1} | {n: folder.tensors[n] for n in INPUTS}, second)
    report = verify(folder.path)
    assert [(one.file, one.ok) for one in report.comparisons if one.name == "dit.v"] == [
        ("again.golden.safetensors", False),
        ("edges.golden.safetensors", True),
    ]
    assert not report.ok


@pytest.mark.parametrize(
    ("gone", "skipped"),
    [
        (["dit.t"], {"dit.v", "dit.v_cfg"}),
        (["codec.in", "codec.latent"], {"codec.encoder_out", "codec.out"}),
        (["gen.noise"], {"gen.tokens", "gen.latents"}),
        (["prompt.wav"], {"cond.prompt_wav"}),
        (["prompt.wav", "cond.prompt_wav"], set()),
        (["prompt.wav", "cond.prompt_wav", "lm.fused"], {"lm.out", "lm.logits", *("gen.tokens", "gen.latents")}),
        (["lm.in"], {"lm.fused"}),
    ],
)
def test_missing_tensors_are_named_and_the_rest_is_judged(folder, gone, skipped):
    for name in gone:
        del folder.tensors[name]
    report = verify(folder.write().path)
    assert {skip.name for skip in report.skipped} == skipped
    assert all(skip.reason for skip in report.skipped)
    assert results(report).keys() == set(OUTPUTS) - skipped - set(gone)
    assert report.ok


def test_without_its_json_recorded_rows_stand_in(folder):
    folder.json.unlink()
    report = verify(folder.path)
    assert {skip.name for skip in report.skipped} == {"lyrics.embedding", "lyrics.mask", "cond.lyrics"}
    assert results(report)["lm.out"].ok


def test_token_ids_where_there_are_no_phonemes(folder):
    del folder.described["phonemes"]
    assert verify(folder.write().path).ok


def test_unknown_names_and_settings_are_told(folder):
    folder.tensors["vocoder.out"] = torch.zeros(1)
    folder.described["gen"]["colour"] = "red"
    report = verify(folder.write().path)
    assert [(skip.name, skip.reason) for skip in report.skipped] == [("vocoder.out", "no output of this name is known")]
    assert any("'colour'" in note for note in report.notes)
    assert report.ok


def test_random_sampling_cannot_be_repeated(folder):
    folder.described["gen"] |= {"use_sampling": True, "top_k": 5}
    report = verify(folder.write().path)
    assert {skip.name for skip in report.skipped} == {"gen.tokens", "gen.latents"}
    assert all("at random" in skip.reason for skip in report.skipped)


def test_wrong_shapes_and_numbers_fail_with_a_reason(folder):
    folder.tensors["dit.h"] = torch.zeros(2, 5)
    folder.tensors["lm.logits"] = folder.tensors["lm.logits"][..., :-1]
    folder.tensors["block.emb"] = torch.full_like(folder.tensors["block.emb"], float("nan"))
    found = results(verify(folder.write().path))
    assert found["dit.v"].reason.startswith("cannot be computed")
    assert found["lm.logits"].reason == "shape [2, 11, 41], expected [2, 11, 40]"
    assert found["block.emb"].reason == "not a number"
    for name in ("dit.v", "lm.logits", "block.emb"):
        assert not found[name].ok
        assert found[name].max_abs_error is None


def test_more_blocks_than_recorded_noise_fail(folder):
    folder.tensors["gen.noise"] = folder.tensors["gen.noise"][:2]
    found = results(verify(folder.write().path))
    assert found["gen.tokens"].reason == "shape [1, 12], expected [1, 18]"
    assert not found["gen.latents"].ok


def test_nothing_compared_is_a_failure(folder):
    folder.tensors = {"codec.in": folder.tensors["codec.in"]}
    report = verify(folder.write().path)
    assert not report.comparisons
    assert not report.ok
    folder.golden.unlink()
    assert not verify(folder.path).ok


def test_damaged_golden_files_are_refused(folder):
    folder.golden.write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match=r"edges\.golden\.safetensors"):
        verify(folder.path)


def test_other_precisions_show_their_distance(folder):
    report = verify(folder.path, RuntimeConfig(device="cpu", precision="bfloat16"))
    found = results(report)
    assert found["codec.out"].ok
    assert not found["lm.out"].ok
    assert found["lm.out"].max_abs_error < 0.2
    assert "bfloat16" in report.table().splitlines()[-1]


def command(*words):
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    args = parser.parse_args(["verify", *map(str, words)])
    return args.func(args)


def test_the_command(folder, capsys):
    assert command(folder.path, "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert {tensor["name"] for tensor in printed["tensors"]} == set(OUTPUTS)
    assert all(tensor.keys() >= {"name", "max_abs_error", "tolerance", "ok"} for tensor in printed["tensors"])
    tolerances = {tensor["name"]: tensor["tolerance"] for tensor in printed["tensors"]}
    assert (tolerances["gen.tokens"], tolerances["gen.audio"], tolerances["dit.v"]) == (0, 1e-3, 1e-4)
    folder.tensors["dit.v"][:] = float("nan")
    folder.write()
    assert command(folder.path, "--json") == 1
    assert "NaN" not in capsys.readouterr().out
    assert command(folder.path) == 1
    table = capsys.readouterr().out
    assert "dit.v" in table
    assert "FAILED  not a number" in table
    with pytest.raises(RuntimePlanError, match="float16"):
        command(folder.path, "--dtype", "float16")


def test_help_needs_no_torch():
    import subprocess
    import sys

    code = (
        "import argparse, sys; from songbloom_x2.cli.verify import add_parser;"
        "add_parser(argparse.ArgumentParser().add_subparsers()); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_what_counts_as_a_draw():
    generator = torch.Generator().manual_seed(0)
    projection, mean = (torch.randn(shape, generator=generator) for shape in ((64, 8), (8, 50)))
    deviation = 0.1 + torch.rand(8, 50, generator=generator)
    noise = torch.randn(8, 50, generator=generator)

    def judged(latents):
        return is_draw((projection @ latents).T, projection, mean, deviation)

    assert judged(mean + noise * deviation)
    assert not judged(mean)
    assert not judged(mean + 0.01 * noise)
    assert not judged(mean + 0.7 * noise * deviation)
    assert not judged(mean + noise * deviation + 1)
    rows = (projection @ (mean + noise * deviation)).T
    assert is_draw(rows, projection.bfloat16(), mean, deviation)
    rows[3, 5] += 0.01
    assert not is_draw(rows, projection, mean, deviation)
