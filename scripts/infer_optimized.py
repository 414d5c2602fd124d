"""Songs from a list, with the options of the public fork's program: a thin door to ``songbloom generate``.

Every option acts, or is refused in one line; nothing is ignored. Where an option is left out, the model's own value and
the settings (``songbloom config show``) hold.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from songbloom_x2.cli import main as songbloom
from songbloom_x2.cli.parser import Parser

DESCRIPTION = "Make the songs of a JSONL list: {idx}_s0.flac, {idx}_s1.flac, ... in the output folder."
EPILOG = (
    "example: python scripts/infer_optimized.py --model-name songbloom_full_150s --local-dir models "
    "--input-jsonl songs.jsonl --output-dir output --n-samples 2 --dtype bfloat16"
)


def arguments_of(given: Sequence[str] | None = None) -> list[str]:
    """These options as those of ``songbloom generate``. Exits with code 2 where one cannot be served."""
    parser = Parser(prog="infer_optimized.py", description=DESCRIPTION, epilog=EPILOG, allow_abbrev=False)
    parser.add_argument("--model-name", default="songbloom_full_150s", help="(default %(default)s)")
    parser.add_argument("--local-dir", default="./cache", help="where the model's files lie (default %(default)s)")
    parser.add_argument("--input-jsonl", required=True, help="lines with idx, lyrics and prompt_wav")
    parser.add_argument("--output-dir", default="./output", help="(default %(default)s)")
    parser.add_argument("--n-samples", type=int, default=2, help="songs of every line (default %(default)s)")
    parser.add_argument("--dtype", choices=("float32", "float16", "bfloat16"), default="float32")
    parser.add_argument(
        "--quantization", choices=("none", "int8", "int4"), help="weights of LM and DiT (default: by level)"
    )
    parser.add_argument(
        "--optimization-level",
        choices=("minimal", "standard", "aggressive"),
        default="minimal",
        help="bundle of optimisations (default %(default)s)",
    )
    parser.add_argument("--batch-size", type=int, default=1, help="songs side by side (default %(default)s)")
    parser.add_argument("--cfg-coef", type=float, help="guidance of sketch and diffusion")
    parser.add_argument("--steps", type=int, help="diffusion steps")
    parser.add_argument("--top-k", type=int, help="how many of the likeliest tokens are drawn from")
    parser.add_argument("--max-duration", type=float, help="seconds at most")
    args = parser.parse_args(given)
    options = {
        "--input-jsonl": args.input_jsonl,
        "--output-dir": args.output_dir,
        "--n-samples": args.n_samples,
        "--model": args.model_name,
        "--models-dir": args.local_dir,
        "--precision": args.dtype,
        "--quantise": args.quantization or "auto",
        "--optimisation": args.optimization_level,
        "--batch-size": args.batch_size,
        "--duration": args.max_duration,
    }
    sampling = {"cfg_lm": args.cfg_coef, "cfg_diff": args.cfg_coef, "steps": args.steps, "top_k": args.top_k}
    # The form with "=" also holds values that begin with a dash.
    arguments = [f"{option}={value}" for option, value in options.items() if value is not None]
    return ["generate", *arguments, *(f"--set={name}={value}" for name, value in sampling.items() if value is not None)]


if __name__ == "__main__":
    sys.exit(songbloom(arguments_of()))
