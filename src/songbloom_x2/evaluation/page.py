"""The page of an evaluation: one HTML file with its plots inside, songs to listen to beside it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from songbloom_x2.evaluation.figures import DRIFTS, FIGURES, Figure
from songbloom_x2.evaluation.plots import bars, dots

_STYLE = """
body { font: 15px/1.45 sans-serif; margin: 2em auto; max-width: 72em; padding: 0 1em; color: #222 }
table { border-collapse: collapse; width: 100%; margin: 1em 0 }
td, th { border-bottom: 1px solid #ddd; padding: .3em .5em; text-align: left; vertical-align: top }
.plots { display: flex; flex-wrap: wrap; gap: 1em }
.met { color: #2a7a3b } .missed { color: #b0472a } small { color: #666 }
"""
_BY_STYLE = ("wer_voice", "wer_mix", "pitch_within_50c", "style_recognised", "voice_recognised")


def page(
    title: str, summary: Mapping[str, Any], songs: Sequence[Mapping[str, Any]], audio: Sequence[Path | None]
) -> str:
    """HTML; ``audio``: the sound of each song, as a path relative to the page."""
    body = [
        f"<h1>{escape(title)}</h1>",
        "<p>Means with 95 % confidence intervals (bootstrap over songs). Broken line: the embedded model's goal.</p>",
        _table(summary),
        '<div class="plots">',
        *(_dots(figure, summary[figure.name], songs) for figure in FIGURES if summary[figure.name]["n"]),
        "</div>",
        "<h2>By style</h2>",
        '<div class="plots">',
        *(_by_style(name, songs) for name in _BY_STYLE),
        "</div>",
        "<h2>Songs</h2>",
        _songs(songs, audio),
    ]
    if summary["not_measured"]:
        rows = "".join(f"<li>{escape(name)}: {escape(why)}</li>" for name, why in summary["not_measured"].items())
        body.append(f"<h2>Not measured</h2><ul>{rows}</ul>")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>{''.join(body)}</body></html>\n"
    )


def reached(figure: Figure, mean: float) -> bool | None:
    """Whether a mean reaches the figure's goal; none where it has none."""
    if figure.goal is None:
        return None
    sense, goal = figure.goal
    return mean >= goal if sense == ">=" else mean <= goal


def _table(summary: Mapping[str, Any]) -> str:
    rows = []
    for figure in (*FIGURES, *DRIFTS):
        found = summary[figure.name]
        if not found["n"]:
            continue
        ok = reached(figure, found["mean"])
        goal = (
            ""
            if figure.goal is None
            else f"{figure.goal[0].replace('<', '&le;').replace('>', '&ge;')[:4]} {figure.goal[1]:g}"
        )
        kind = "" if ok is None else ' class="met"' if ok else ' class="missed"'
        rows.append(
            f"<tr><td>{escape(figure.name)}</td><td>{escape(figure.text)}</td>"
            f"<td{kind}>{found['mean']:.4g} &plusmn; {found['ci95']:.3g}</td><td>{found['n']}</td><td>{goal}</td></tr>"
        )
    head = "<tr><th>figure</th><th>what it says</th><th>mean</th><th>songs</th><th>goal</th></tr>"
    return f"<table>{head}{''.join(rows)}</table>"


def _dots(figure: Figure, found: Mapping[str, Any], songs: Sequence[Mapping[str, Any]]) -> str:
    values = [float(song[figure.name]) for song in songs if song.get(figure.name) is not None]
    if len(set(values)) < 2 and figure.goal is None:
        return ""
    return dots(values, found["mean"], found["ci95"], None if figure.goal is None else figure.goal[1], figure.name)


def _by_style(name: str, songs: Sequence[Mapping[str, Any]]) -> str:
    groups: dict[str, list[float]] = defaultdict(list)
    for song in songs:
        if song.get(name) is not None and song.get("style"):
            groups[Path(str(song["style"])).name].append(float(song[name]))
    return bars([(style, sum(values) / len(values)) for style, values in sorted(groups.items())], name)


def _songs(songs: Sequence[Mapping[str, Any]], audio: Sequence[Path | None]) -> str:
    rows = []
    for song, file in zip(songs, audio, strict=True):
        if "failed" in song:
            rows.append(f"<tr><td>{escape(str(song['idx']))}</td><td colspan=5>{escape(song['failed'])}</td></tr>")
            continue
        player = (
            ""
            if file is None
            else f'<audio controls preload="none" src="{escape(file.as_posix(), quote=True)}"></audio>'
        )
        heard = song.get("heard_voice") or song.get("heard_mix") or ""
        figures = [f"{name} {song[name]:.2f}" for name in _BY_STYLE[:3] if song.get(name) is not None]
        rows.append(
            f"<tr><td>{escape(str(song['idx']))}</td><td>{escape(str(song.get('style') or ''))}</td>"
            f"<td>{song['seconds']:.1f} s</td><td>{'<br>'.join(figures)}</td><td>{player}</td>"
            f"<td><small>{escape(heard)}</small></td></tr>"
        )
    head = "<tr><th>song</th><th>style</th><th>length</th><th>figures</th><th>listen</th><th>heard</th></tr>"
    return f"<table>{head}{''.join(rows)}</table>"
