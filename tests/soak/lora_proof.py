"""Does a fine-tuned model take on a voice that it never heard, and keep its words? Takes a quarter of an hour.

    python tests/soak/lora_proof.py --corpus data/corpus --out runs/lora-proof

A singer who is in no corpus (formants and colour of his own) sings some new songs; ``songbloom train lora`` learns
from them; the same lyrics are sung from the same prompt with and without the adapter. Who is heard says a linear
classifier on all the corpus's singers and the new one, fitted on corpus songs; words are those that Whisper hears in
the voice stem. Every step is kept in the folder and not done again. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch

from songbloom_x2.audio.mixdown import to_mono
from songbloom_x2.audio.resample import resample
from songbloom_x2.checkpoints.load import load_model
from songbloom_x2.cli.main import main as songbloom
from songbloom_x2.codec.two_stem import TwoStemCodec
from songbloom_x2.codec.voice_renderer import VoiceStream
from songbloom_x2.config import RuntimeConfig
from songbloom_x2.evaluate.recognition import Recogniser, fit_recogniser, voice_features
from songbloom_x2.evaluate.statistics import summary
from songbloom_x2.evaluate.transcribe import WHISPER_RATE, Transcriber
from songbloom_x2.evaluate.words import word_errors
from songbloom_x2.evaluation.run import read_lyrics_lines
from songbloom_x2.pipeline import SongPipeline
from songbloom_x2.runtime.plan import resolve
from songbloom_x2.train.corpus.record import SongRecord, read_shard, shard_stems, write_shard
from songbloom_x2.train.corpus.song import Studio
from songbloom_x2.train.corpus.soundfont import find_soundfonts
from songbloom_x2.train.corpus.voices import Voice
from songbloom_x2.train.prepare import prepare_song
from songbloom_x2.types import LoraChoice, SongRequest, Style, Waveform

NEWCOMER = Voice("newcomer", "f", 57, 71, 1.13, 0.84, 2.2, 4.0, (6, -6, 6, -6, 6, -3), 0.30, 5.5, -8)
SEED = 77_000_000


def songs_of_the_newcomer(folder: Path, cache: Path, count: int, first: int) -> None:
    """Short songs in all styles, sung by the voice that no corpus has."""
    if shard_stems(folder):
        return
    folder.mkdir(parents=True, exist_ok=True)
    studio = Studio(cache, find_soundfonts()[:1])
    songs = [studio.make(SEED + first + number, voice=NEWCOMER, seconds=18.0) for number in range(2 * count)]
    write_shard(folder / "shard-00000", [song for song in songs if song.annotation.lines][:count])


@torch.inference_mode()
def heard_voice(record: SongRecord, codec: TwoStemCodec) -> np.ndarray:
    """Features of a record's voice after the codec, at most 18 s."""
    voice, count = record.voice, 1800
    f0, voiced = torch.from_numpy(voice.f0[:count]).float()[None], torch.from_numpy(voice.voiced[:count])[None]
    latents = codec.encode_voice(torch.from_numpy(voice.bands[:count]).float()[None], f0, voiced)
    padded = torch.cat([latents, latents.new_zeros(1, codec.latent_dim - latents.shape[1], latents.shape[2])], 1)
    sound = VoiceStream(codec.renderer(), 1).push(*codec.voice_frames_of(padded), last=True)
    return voice_features(Waveform(sound[0].numpy(), codec.sample_rate))


def classifier(corpus: Path, own: Path, codec: TwoStemCodec, songs: int) -> Recogniser:
    """The corpus's singers and the newcomer."""
    rows, names = [], []
    for folder, most in ((corpus, songs), (own, 10_000)):
        records = (record for stem in shard_stems(folder) for record in read_shard(stem, band=False))
        for _, record in zip(range(most), records, strict=False):
            if record.annotation.lines:
                rows.append(heard_voice(record, codec))
                names.append(record.annotation.voice)
    return fit_recogniser(np.stack(rows), names)


def sung(
    pipeline: SongPipeline, prompts: list[Style], lines: list[str], judge: Recogniser, hear: Transcriber
) -> list[dict[str, object]]:
    """Sing every line from its prompt; who is heard, and the word errors."""
    found = []
    for number, line in enumerate(lines):
        song = pipeline.generate(SongRequest(line, seed=number), style=prompts[number % len(prompts)])[0]
        voice, _ = pipeline.stems(song)
        text = hear(resample(to_mono(voice), WHISPER_RATE).samples[0], "en")
        errors = word_errors(line, text)
        scores = judge.scores(voice_features(voice))
        chances = np.exp(scores - scores.max())
        entry = {
            "voice": judge.names[int(np.argmax(scores))],
            "chance": round(float(chances[judge.names.index(NEWCOMER.name)] / chances.sum()), 4),
            "errors": errors.errors,
            "words": errors.length,
            "heard": text,
        }
        print(json.dumps(entry), file=sys.stderr, flush=True)
        found.append(entry)
    return found


def first_section(lyrics: str) -> str:
    """The first section with words: a few seconds are enough to tell a voice."""
    return next(part for part in lyrics.split(" , ") if len(part.split()) > 1)


def figures(found: list[dict[str, object]]) -> dict[str, object]:
    """Share recognised as the newcomer, and word errors, with intervals."""
    words = [float(entry["words"]) for entry in found]  # type: ignore[arg-type]  # plain JSON
    rates = [float(entry["errors"]) / count for entry, count in zip(found, words, strict=True)]  # type: ignore[arg-type]
    return {
        "newcomer_heard": summary([float(entry["voice"] == NEWCOMER.name) for entry in found]),
        "chance_of_newcomer": summary([float(entry["chance"]) for entry in found]),  # type: ignore[arg-type]
        "wer_voice": summary(rates, words),
    }


def run() -> None:
    """All steps."""
    parser = argparse.ArgumentParser(description="Prove that an adapter takes on a voice without losing words.")
    parser.add_argument("--corpus", type=Path, required=True, help="songs of the singers that the model knows")
    parser.add_argument("--corpus-songs", type=int, default=150)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--songs", type=int, default=20, help="of the newcomer, to learn from")
    parser.add_argument("--lyrics-file", type=Path, default=Path("examples/eval.jsonl"))
    parser.add_argument("--lines", type=int, default=8, help="songs to sing before and after")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--targets", nargs="+", default=["sketch", "dit", "prior"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cache", type=Path, default=Path("runs/eval-cache"))
    parser.add_argument("--only", choices=("songs", "train", "before", "all"), default="all", help="one step by itself")
    args = parser.parse_args()
    own, held_out, lora = args.out / "songs", args.out / "held-out", args.out / "lora"
    songs_of_the_newcomer(own, args.out / "cache", args.songs, 0)
    songs_of_the_newcomer(held_out, args.out / "cache", 6, 1000)
    if args.only == "songs":
        return
    trained = args.out / "training.json"
    if args.only != "before" and not trained.exists():
        begin, cpu = time.monotonic(), time.process_time()
        words = ["train", "lora", "--songs", str(own), "--out", str(lora), "--steps", str(args.steps)]
        words += ["--rank", str(args.rank), "--targets", *args.targets, "--threads", str(args.threads)]
        if code := songbloom(words):
            sys.exit(code)
        spent = {"minutes": (time.monotonic() - begin) / 60, "cpu_minutes": (time.process_time() - cpu) / 60}
        trained.write_text(json.dumps(spent))
    if args.only == "train":
        return
    torch.set_num_threads(args.threads)
    loaded = load_model("embedded", resolve(RuntimeConfig(device="cpu", optimisation="minimal", threads=args.threads)))
    codec = loaded.model.codec
    assert isinstance(codec, TwoStemCodec)
    judge = classifier(args.corpus, own, codec, args.corpus_songs)
    others = [record for stem in shard_stems(held_out) for record in read_shard(stem)]
    true = [judge(heard_voice(record, codec)) == NEWCOMER.name for record in others]
    prompts = []
    for number, record in enumerate(others):
        song = prepare_song(record, codec, loaded.config)
        if song is not None:
            latents = song.clean[: loaded.config.prompt.window].float().T.contiguous()
            prompts.append(Style(f"newcomer-{number}", latents, song.sketch.tempo, song.sketch.key))
    lines = [first_section(line.lyrics) for line in read_lyrics_lines(args.lyrics_file)][: args.lines]
    hear = Transcriber(args.cache)
    runtime = RuntimeConfig(device="cpu", threads=args.threads)
    report: dict[str, object] = {
        "training": json.loads(trained.read_text()) if trained.exists() else None,
        "true_voice_recognised": float(np.mean(true)),
    }
    for name, loras in (("before", ()), ("after", (LoraChoice(str(lora)),))):
        if args.only == "before" and name == "after":
            return
        path = args.out / f"{name}.json"
        if not path.exists():
            pipeline = SongPipeline.from_pretrained("embedded", runtime, loras=loras)
            path.write_text(json.dumps(sung(pipeline, prompts, lines, judge, hear)))
        report[name] = figures(json.loads(path.read_text()))
    print(json.dumps(report))


if __name__ == "__main__":
    run()
