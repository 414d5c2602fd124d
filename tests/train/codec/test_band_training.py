import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from songbloom_x2.codec.mel import band_features, feature_margin
from songbloom_x2.codec.two_stem import TwoStemCodec
from songbloom_x2.config import TwoStemConfig
from songbloom_x2.errors import CheckpointError, ConfigError
from songbloom_x2.train.codec.band_training import BandObjective, band_loop, save_best
from songbloom_x2.train.codec.compare import compare
from songbloom_x2.train.codec.crops import crop, open_stems
from songbloom_x2.train.codec.fit import fit_whitenings, load_whitenings, save_whitenings
from songbloom_x2.train.codec.griffin_lim import griffin_lim
from songbloom_x2.train.codec.losses import SpectralLoss, mel_distance
from songbloom_x2.train.corpus.record import Annotation, SongRecord, write_shard
from songbloom_x2.train.corpus.voice_params import VoiceFrames, silence
from songbloom_x2.train.loop import Training, step_generator

SMALL = TwoStemConfig(voice_components=4, band_components=8, decoder_dim=16, decoder_layers=1)


def song(seed: int, seconds: int, band: bool = True) -> SongRecord:
    rng, frames = np.random.default_rng(seed), 100 * seconds
    rows = silence(frames)
    rows[frames // 3 :] += rng.standard_normal((frames - frames // 3, 104)).astype(np.float32)
    voice = VoiceFrames(rows, np.full(frames, 220, np.float32), np.arange(frames) > frames // 3)
    stem = (rng.standard_normal((2, 480 * frames)) * 2000).astype(np.int16)
    annotation = Annotation(seed, "pop", "v", 100.0, 0, 4, float(seconds), "", "font", (), ())
    return SongRecord(annotation, voice, stem if band else None)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    write_shard(folder / "shard-00000", [song(0, 18), song(1, 16)])
    write_shard(folder / "shard-00001", [song(2, 17, band=False)])
    return folder


def test_stems_are_read_where_they_lie(corpus: Path) -> None:
    stems = open_stems(corpus)
    assert [stem.shape for stem in stems] == [(2, 480 * 1800), (2, 480 * 1600)]
    assert isinstance(stems[0], np.memmap)
    np.testing.assert_array_equal(stems[1], song(1, 16).band)
    assert len(open_stems(corpus, 1)) == 1


def test_a_corpus_without_stems_is_refused(tmp_path: Path) -> None:
    write_shard(tmp_path / "shard-00000", [song(0, 2, band=False)])
    with pytest.raises(ConfigError, match="no band stems"):
        open_stems(tmp_path)


def test_a_crop_carries_its_margins(corpus: Path) -> None:
    stem, margin = open_stems(corpus)[0], feature_margin()
    inner = crop(stem, 4800, 9600)
    expected = np.asarray(stem[:, 4800 - margin : 4800 + 9600 + margin], np.float32) / 32767
    np.testing.assert_array_equal(inner.numpy(), expected)
    first = crop(stem, 0, 9600)
    assert first.shape == inner.shape
    assert not first[:, :margin].any()
    last = crop(stem, stem.shape[1] - 480, 9600)
    assert last.shape == inner.shape
    assert not last[:, margin + 480 :].any()


def test_fitting_finds_unit_variance_and_is_saved_and_read(corpus: Path, tmp_path: Path) -> None:
    codec = TwoStemCodec(SMALL)
    stems = open_stems(corpus)
    report = fit_whitenings(codec, corpus, stems)
    assert report.band_rows == (1800 + 1600) // 4
    voiced_rows = 3 * (1700 - 1700 // 3) // 4
    assert voiced_rows * 0.95 < report.voice_rows < voiced_rows + 0.3 * 1275
    audio = torch.from_numpy(np.asarray(stems[0], np.float32) / 32767).unsqueeze(0)
    code = codec.encode_features(band_features(audio))[0]
    torch.testing.assert_close(code.std(1), torch.ones(8), atol=0.2, rtol=0)
    path = tmp_path / "whitening.safetensors"
    save_whitenings(codec, path, {"songs": "3"})
    again = TwoStemCodec(SMALL)
    load_whitenings(again, path)
    assert torch.equal(again.band_whitening.components, codec.band_whitening.components)
    assert set(load_file(path)) == {
        f"{part}_whitening.{name}" for part in ("voice", "band") for name in ("mean", "components", "scale")
    }
    with pytest.raises(CheckpointError, match="fit them again"):
        load_whitenings(TwoStemCodec(TwoStemConfig()), path)


def trained(folder: Path, corpus: Path, until: int | None = None) -> tuple[Training, BandObjective]:
    """Six steps of a small decoder, or the first ``until`` of them."""
    torch.manual_seed(0)
    codec, stems = TwoStemCodec(SMALL), open_stems(corpus)
    objective = BandObjective(codec, stems, stems, batch=2, frames=32, trial_crops=2)
    loop = dataclasses.replace(band_loop(6, bfloat16=False), log_every=1)
    training = Training(codec.band_decoder, objective, loop, folder)
    path = folder / "decoder.safetensors"
    training.run(until, export=lambda: save_best(codec, path, objective.distance))
    return training, objective


def test_training_lowers_the_loss(corpus: Path) -> None:
    torch.manual_seed(0)
    codec, stems = TwoStemCodec(SMALL), open_stems(corpus)
    objective = BandObjective(codec, stems, stems, batch=2, frames=32, trial_crops=1)
    optimiser = torch.optim.Adam(codec.band_decoder.parameters(), 1e-3)
    losses = []
    for _ in range(25):
        loss, _ = objective.loss(0, step_generator(0, 0))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-5:]) < 0.9 * np.mean(losses[:5])


def test_a_resumed_run_goes_on_as_if_never_stopped(tmp_path: Path, corpus: Path) -> None:
    straight, _ = trained(tmp_path / "a", corpus)
    trained(tmp_path / "b", corpus, until=3)
    resumed, _ = trained(tmp_path / "b", corpus)
    assert resumed.step == straight.step == 6
    for name, value in straight.average.items():
        assert torch.equal(value, resumed.average[name]), name


def test_a_short_run_logs_and_exports_the_averaged_weights(tmp_path: Path, corpus: Path) -> None:
    training, objective = trained(tmp_path, corpus)
    records = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [record["step"] for record in records] == [1, 2, 3, 4, 5, 6]
    assert math.isfinite(records[-1]["val_mel_db"]) and "val_mel_db" not in records[0]
    exported = load_file(tmp_path / "decoder.safetensors")
    assert set(exported) == {f"band_decoder.{name}" for name in training.average}
    for name, value in training.average.items():
        assert torch.equal(exported[f"band_decoder.{name}"], value), name
    found = compare(objective.codec, tmp_path / "decoder.safetensors", open_stems(corpus), crops=2)
    assert set(found) == {"decoder", "without_matching", "griffin_lim", "bound"}


def test_a_worse_decoder_does_not_take_the_place_of_a_better_one(tmp_path: Path) -> None:
    codec, path = TwoStemCodec(SMALL), tmp_path / "decoder.safetensors"
    kept = {}
    for distance in (2.0, 1.0, 1.5):
        with torch.no_grad():
            for parameter in codec.band_decoder.parameters():
                parameter.fill_(distance)
        save_best(codec, path, distance)
        kept[distance] = float(next(iter(load_file(path).values())).flatten()[0])
    assert kept == {2.0: 2.0, 1.0: 1.0, 1.5: 1.0}


def test_losses_are_zero_for_the_same_sound_and_grow_with_the_difference() -> None:
    sound = 0.1 * torch.randn(1, 2, 480 * 40, generator=torch.Generator().manual_seed(0))
    loss = SpectralLoss()
    assert float(loss(sound, sound)) == pytest.approx(0, abs=1e-5)
    assert 0 < float(loss(1.1 * sound, sound)) < float(loss(2 * sound, sound))
    assert float(mel_distance(2 * sound, sound)) == pytest.approx(6.0, abs=0.3)


def test_griffin_lim_comes_near_the_features() -> None:
    time = torch.arange(480 * 100) / 48000
    sound = 0.1 * torch.stack([torch.sin(2 * torch.pi * f * time) for f in (440, 660)]).unsqueeze(0)
    features = band_features(sound)
    made = griffin_lim(features, torch.Generator().manual_seed(0), iterations=16)
    assert made.shape == sound.shape
    loud = features > -1
    difference = (band_features(made) - features)[loud].abs().mean() * 8.686
    assert difference < 4
