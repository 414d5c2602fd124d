"""A song from an exported model, with numpy and onnxruntime and nothing else: no torch, no installation of the package.

    songbloom export onnx --out output/onnx                 # once, where the package is installed
    python examples/onnx_runner.py output/onnx --example city-lights --out song.wav
    python examples/onnx_runner.py output/onnx --check       # makes the recorded song again and compares

It runs from a checkout: the loop is ``songbloom_x2.onnx_runtime``, a few short files of numpy, to be read or ported.
Text becomes phonemes elsewhere: give one of the export's examples, or symbol ids (``--ids 5,38,23``: places in the
vocabulary of ``export.json``).
"""

from __future__ import annotations

import argparse
import sys
import time
import wave
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from songbloom_x2.errors import ConfigError, SongBloomError
from songbloom_x2.onnx_runtime.draws import SeededDraws
from songbloom_x2.onnx_runtime.folder import ExportFolder
from songbloom_x2.onnx_runtime.graphs import OnnxGraphs
from songbloom_x2.onnx_runtime.parity import remake
from songbloom_x2.onnx_runtime.song import SongTask, song_blocks
from songbloom_x2.onnx_runtime.sound import SoundStream


def main() -> int:
    """Make a song, or check the export."""
    parser = argparse.ArgumentParser(description="A song from an exported model: numpy and onnxruntime alone.")
    parser.add_argument("model", type=Path, help="the folder of songbloom export onnx")
    parser.add_argument("--example", default=None, help="lyrics that came with the export (default: the first)")
    parser.add_argument("--ids", default=None, help="symbol ids of other lyrics, with commas between them")
    parser.add_argument("--style", default=None, help="a style of the export (default: the first)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=None, help="length at most")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--out", type=Path, default=Path("song.wav"), help="a WAV file (default song.wav)")
    parser.add_argument("--check", action="store_true", help="make the recorded song again; exit code 1 if it differs")
    args = parser.parse_args()
    folder = ExportFolder.open(args.model, check=True)
    graphs = OnnxGraphs(folder.files, args.threads)
    if args.check:
        parity = remake(graphs, folder)
        print(parity.to_json())
        return 0 if parity.exact else 1
    config = folder.config
    style = folder.style(args.style) if args.style else next(iter(folder.styles.values()), None)
    limit = config.max_frames if args.seconds is None else max(1, int(args.seconds * 25 / config.block_size))
    frames = limit if args.seconds is None else limit * config.block_size
    task = SongTask(_ids(folder, args.ids, args.example), style, config.sampling, frames)
    stream, sound, made = SoundStream(graphs, folder), [], 0
    started = time.perf_counter()
    for block in song_blocks(graphs, folder, task, SeededDraws(args.seed)):
        sound.append(stream.push(block.latents))
        made += len(block.tokens)
        print(f"\r{made / 25:.1f} s of song", end="", file=sys.stderr, flush=True)
    sound.append(stream.flush())
    samples = np.concatenate(sound, axis=1)
    _write(args.out, samples, config.sample_rate)
    seconds = samples.shape[1] / config.sample_rate
    print(f"\n{args.out}: {seconds:.1f} s, made in {time.perf_counter() - started:.1f} s", file=sys.stderr)
    return 0


def _ids(folder: ExportFolder, given: str | None, example: str | None) -> tuple[int, ...]:
    if given is not None:
        try:
            return tuple(int(part) for part in given.split(","))
        except ValueError:
            raise ConfigError(f"--ids {given[:60]}: must be numbers with commas between them") from None
    examples = folder.examples()
    name = example or next(iter(examples))
    if name not in examples:
        raise ConfigError(f"--example {name}: is none of {', '.join(examples)}")
    return tuple(examples[name]["ids"])


def _write(path: Path, samples: np.ndarray, rate: int) -> None:
    """16-bit WAV, brought down where it would be clipped."""
    peak = max(1.0, float(np.abs(samples).max(initial=0.0)))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[0])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples.T / peak * 32767).astype("<i2").tobytes())


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SongBloomError as error:
        sys.exit(f"onnx_runner: {error}")
