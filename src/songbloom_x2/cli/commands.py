"""The table of all commands. A new one is a module with ``add_parser(subparsers)`` and a line here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """One command: its words (``train codec`` has two), the module behind it, and its line in ``--help``.

    ``module.add_parser(subparsers)`` adds a parser named like the last word, whose defaults hold ``func``: a function
    of the parsed arguments that returns the exit code. The module imports nothing heavy before ``func`` runs.
    """

    words: tuple[str, ...]
    module: str
    help: str


COMMANDS = (
    Command(("generate",), "generate", "make songs from lyrics and a style"),
    Command(("new",), "new", "make a song by answering a few questions"),
    Command(("lyrics",), "lyrics", "check and format lyrics, turn text into phonemes"),
    Command(("style",), "style", "list the styles that come with a model, and hear them"),
    Command(("extend",), "extend", "let a song go on"),
    Command(("repaint",), "repaint", "make a stretch of a song anew"),
    Command(("vary",), "vary", "another take of a song, with one thing changed"),
    Command(("interpolate",), "interpolate", "songs on the way from one style to another"),
    Command(("join",), "join", "one song into another, on their beats"),
    Command(("replay",), "replay", "make a song again and say whether it is identical"),
    Command(("export",), "export", "write a model for other programs: ONNX, TorchScript, 8-bit, plain weights"),
    Command(("doctor",), "doctor", "examine the installation and the machine"),
    Command(("verify",), "verify", "recompute a model's golden files and compare"),
    Command(("eval",), "evaluate", "measure a model, or a folder of songs"),
    Command(("ui",), "ui", "open the studio in the browser"),
    Command(("serve",), "serve", "run the HTTP API and the web page"),
    Command(("work",), "work", "make the songs of a server that runs elsewhere"),
    Command(("keys",), "keys", "make, list and revoke API keys"),
    Command(("models", "list"), "models_list", "the models that are known by name"),
    Command(("models", "info"), "models_info", "configuration, size and checksums of a model, as JSON"),
    Command(("models", "download"), "models_download", "fetch a known model"),
    Command(("models", "convert"), "models_convert", "write a released model in our own format"),
    Command(("bench",), "bench", "measure speed, memory and exactness on this machine"),
    Command(("config", "show"), "config_show", "every setting, its value and where it came from"),
    Command(("train", "corpus"), "train_corpus", "make a synthetic song corpus"),
    Command(("train", "codec"), "train_codec", "fit the whitenings and train the band decoder"),
    Command(("train", "tokenizer"), "train_tokenizer", "train the recogniser of sketch tokens"),
    Command(("train", "model"), "train_model", "train the sketch LM or the renderer on a corpus"),
    Command(("train", "lora"), "train_lora", "adapt a model to a folder of songs"),
    Command(("train", "listener"), "train_listener", "fit the recognisers of style and voice for songbloom eval"),
    Command(("train", "embedded"), "train_embedded", "make the embedded model again, step by step"),
    Command(("train", "package"), "train_package", "join trained parts into a model folder"),
)

GROUPS = {
    "models": "list, fetch, describe and convert models",
    "config": "show the settings",
    "train": "make the corpus and train the embedded model",
}
"""What the first word of commands of two words is about."""
