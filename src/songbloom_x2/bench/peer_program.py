"""The other side of the comparison: the public package's model on the same weights, timed in its own environment.

Run by that environment's Python as a file; imports nothing of this project. One JSON object on stdin, one on stdout:
``weights`` (safetensors, released keys), ``dim``, ``heads``, ``lm_layers``, ``diff_layers``, ``blocks``, ``steps``,
``dtype``, ``device``, ``runs``, ``probe`` (file for outputs on fixed inputs, or none).
"""

import contextlib
import importlib.machinery
import itertools
import json
import resource
import statistics
import sys
import sysconfig
import time
import types
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

Asked = dict[str, Any]
ROWS, BLOCK, WIDTH = 850, 16, 64
"""Conditioning rows (250 of a prompt, 600 of lyrics), frames of a block, latent width: the released shape."""


def stand_in_torchaudio() -> None:
    """The package imports torchaudio for resampling only, which is never done here."""
    modules: dict[str, Any] = {}
    for name in ("torchaudio", "torchaudio.functional", "torchaudio.transforms"):
        sys.modules[name] = modules[name] = types.ModuleType(name)
        modules[name].__spec__ = importlib.machinery.ModuleSpec(name, None)
    modules["torchaudio"].functional = modules["torchaudio.functional"]
    modules["torchaudio"].transforms = modules["torchaudio.transforms"]

    class Resample(torch.nn.Module):
        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__()

    modules["torchaudio.transforms"].Resample = Resample


def bare_dac() -> None:
    """The codec library's layers without its ``__init__``, which wants packages that nothing here uses."""
    root = Path(sysconfig.get_path("purelib")) / "dac"
    for name, folder in (("dac", root), ("dac.nn", root / "nn")):
        module = types.ModuleType(name)
        module.__path__ = [str(folder)]
        sys.modules[name] = module


def build(asked: Asked) -> Any:
    """The model, its weights those of the file."""
    from SongBloom.models.songbloom.songbloom_mvsa import MVSA_DiTAR
    from SongBloom.models.vae_frontend import AbstractVAE

    class NoCodec(AbstractVAE):  # type: ignore[misc]  # a package that is not in this environment
        frame_rate, orig_sample_rate, channel_dim, split_bands, input_channel = 25, 48000, WIDTH, 1, 2

    dim = asked["dim"]
    prompt = {"type": "audio_tokenizer_wrapper", "output_dim": dim, "audio_tokenizer": NoCodec(), "max_len": 250}
    lyrics = {"type": "phoneme_tokenizer", "output_dim": dim, "max_len": 600, "mode": "sum"}
    lyrics["vocab_list"] = ["", "[verse]", ",", ".", "AA1"]
    model = MVSA_DiTAR(
        condition_provider_cfg={"prompt_wav": prompt, "lyrics": lyrics},
        fuser_cfg={"sum": [], "prepend": ["lyrics", "prompt_wav"], "cross": [], "input_interpolate": []},
        block_size=BLOCK,
        dim=dim,
        num_heads=asked["heads"],
        num_pitch=16384,
        lm_layers=asked["lm_layers"],
        latent_dim=WIDTH,
        diff_layers=asked["diff_layers"],
        time_cond_type="prepend",
        diffusion_objective="rectified_flow",
        rotary_base_val=20000,
        h_dropout=0.05,
    ).eval()
    found = load_file(asked["weights"])
    problem = model.load_state_dict(found, strict=False)
    needed = [key for key in problem.missing_keys if not key.endswith(("beta", "inv_freq"))]
    missing = [key for key in needed if not key.startswith("condition_provider")]
    if missing or problem.unexpected_keys:
        raise SystemExit(f"weights do not fit: missing {missing[:3]}, unknown {problem.unexpected_keys[:3]}")
    return model.requires_grad_(False).to(asked["device"], getattr(torch, asked["dtype"]))


def conditions(asked: Asked) -> dict[str, Any]:
    """The prefix rows of both branches, prompt first: the same random numbers as on the other side."""
    generator = torch.Generator().manual_seed(0)
    drawn = [torch.randn(ROWS, asked["dim"], generator=generator) for _ in range(2)]
    both = torch.stack(drawn).to(asked["device"], getattr(torch, asked["dtype"]))
    return {"lyrics": (both[:, 250:], None), "prompt_wav": (both[:, :250], None)}


def song(model: Any, asked: Asked, blocks: int) -> list[float]:
    """Seconds after the start at which each block was there."""
    told, dtype, device = conditions(asked), getattr(torch, asked["dtype"]), asked["device"]
    wait(device)
    started, times = time.perf_counter(), []
    with model.streaming():
        sequence = model.bos_token.reshape(1, 1, -1)
        before = torch.zeros(1, BLOCK, WIDTH, dtype=dtype, device=device)
        pool = None
        for _ in range(blocks):
            tokens, before, rows = model._sample_next_block(
                sequence[:, -1:], before, told, cfg_coef=1.5, steps=asked["steps"], dit_cfg_type="h",
                use_sampling=True, temp=0.9, diff_temp=0.95, top_k=200, penalty_token_pool=pool,
            )  # fmt: skip
            sequence = torch.cat([sequence, rows], dim=1)
            pool = tokens if pool is None else torch.cat([pool, tokens], dim=1)[:, -50:]
            wait(device)
            times.append(time.perf_counter() - started)
    return times


def probe(model: Any, asked: Asked) -> None:
    """The LM's hidden states over prefix and two rows, and a guided velocity, on fixed inputs."""
    dtype, device = getattr(torch, asked["dtype"]), asked["device"]
    generator = torch.Generator().manual_seed(1)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator).to(device, dtype)

    row, second = draw(1, 1, asked["dim"]).repeat(2, 1, 1), draw(1, 1, asked["dim"]).repeat(2, 1, 1)
    with model.streaming():
        told = conditions(asked)
        first_hidden, second_hidden = model.lm_forward(row, told), model.lm_forward(second, told)
    noisy, hidden = draw(1, BLOCK, WIDTH), draw(1, asked["dim"])
    sketch, previous = draw(1, BLOCK, asked["dim"]), draw(1, BLOCK, WIDTH)
    half = torch.full((1,), 0.5, dtype=dtype, device=device)
    velocity = model.diffusion_forward(noisy, half, hidden, sketch, previous, cfg_coef=1.5)
    found = {"first_hidden": first_hidden, "second_hidden": second_hidden, "velocity": velocity}
    save_file({name: value.float().cpu().contiguous() for name, value in found.items()}, asked["probe"])


def wait(device: str) -> None:
    """Until the device has done all it was given."""
    if device == "cuda":
        torch.cuda.synchronize()


def status(field: str) -> int:
    """A size in this process's own account, in bytes."""
    path = Path("/proc/self/status")
    if not path.is_file():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    lines = path.read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":"))


def main() -> None:
    """Answer one question."""
    asked = json.load(sys.stdin)
    stand_in_torchaudio()
    bare_dac()
    # What the package prints on the way must not end up in the answer.
    with contextlib.redirect_stdout(sys.stderr), torch.no_grad():
        bare = status("VmRSS")
        started = time.perf_counter()
        model = build(asked)
        load = time.perf_counter() - started
        if asked.get("probe"):
            probe(model, asked)
        song(model, asked, 1)
        clear = Path("/proc/self/clear_refs")
        if clear.is_file():
            clear.write_text("5")
        if asked["device"] == "cuda":
            torch.cuda.reset_peak_memory_stats()
        runs = [song(model, asked, asked["blocks"]) for _ in range(asked["runs"])]
        peak = status("VmHWM")
    seconds = asked["blocks"] * BLOCK / 25
    rtfs = sorted(times[-1] / seconds for times in runs)
    later = [after - before for times in runs for before, after in itertools.pairwise(times)]
    parts = [value for key, value in model.state_dict().items() if not key.startswith("condition_provider")]
    answer = {
        "rtf": statistics.median(rtfs),
        "rtf_spread": rtfs[-1] - rtfs[0],
        "first_audio_s": statistics.median(times[0] for times in runs),
        "block_s": statistics.median(later or [runs[0][0]]),
        "peak_memory_bytes": torch.cuda.max_memory_reserved() if asked["device"] == "cuda" else peak - bare,
        "process_peak_bytes": peak,
        "weights_bytes": sum(value.nbytes for value in parts),
        "load_s": load,
        "torch": torch.__version__,
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
