"""Small plots as SVG text, with nothing but string formatting."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT = 320, 110
_MARGIN = 26
_INK, _SOFT, _GOAL = "#34516d", "#b9cbdc", "#c0602b"


def _nice(value: float) -> str:
    return f"{value:.3g}"


def dots(values: Sequence[float], mean: float | None, ci95: float | None, goal: float | None, label: str) -> str:
    """One dot a song on a line, its mean with the interval, and the goal as a broken line."""
    if not values:
        return ""
    shown = [*values, *([] if goal is None else [goal])]
    low, high = min(shown), max(shown)
    span = (high - low) or max(abs(high), 1.0)
    low, high = low - 0.05 * span, high + 0.05 * span

    def x(value: float) -> float:
        return _MARGIN + (value - low) / (high - low) * (WIDTH - 2 * _MARGIN)

    marks = []
    for index, value in enumerate(values):
        # Scattered by a fixed rule, so that equal values are seen as many.
        y = 30 + (index * 37) % 41
        marks.append(f'<circle cx="{x(value):.1f}" cy="{y}" r="3" fill="{_INK}" fill-opacity="0.45"/>')
    if mean is not None:
        half = ci95 or 0.0
        left, right = x(max(low, mean - half)), x(min(high, mean + half))
        marks.append(f'<line x1="{left:.1f}" x2="{right:.1f}" y1="82" y2="82" stroke="{_INK}" stroke-width="5"/>')
        marks.append(f'<circle cx="{x(mean):.1f}" cy="82" r="5" fill="{_INK}"/>')
    if goal is not None:
        at = x(goal)
        marks.append(
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="22" y2="90" stroke="{_GOAL}" stroke-width="2" '
            'stroke-dasharray="4 3"/>'
        )
    axis = f'<line x1="{_MARGIN}" x2="{WIDTH - _MARGIN}" y1="92" y2="92" stroke="{_SOFT}"/>'
    ends = "".join(
        f'<text x="{at}" y="105" font-size="10" text-anchor="{anchor}" fill="#555">{_nice(value)}</text>'
        for at, anchor, value in ((_MARGIN, "start", low), (WIDTH - _MARGIN, "end", high))
    )
    title = f'<text x="{_MARGIN}" y="15" font-size="12" fill="#222">{escape(label)}</text>'
    return _svg(title + axis + "".join(marks) + ends, label)


def bars(entries: Sequence[tuple[str, float]], label: str) -> str:
    """Horizontal bars with their names, from zero."""
    if not entries:
        return ""
    top = max(max(value for _, value in entries), 1e-9)
    rows = []
    for index, (name, value) in enumerate(entries):
        y = 26 + 16 * index
        width = max(0.0, value) / top * (WIDTH - 170)
        rows.append(f'<text x="4" y="{y + 9}" font-size="10" fill="#222">{escape(name[:22])}</text>')
        rows.append(f'<rect x="124" y="{y}" width="{width:.1f}" height="11" fill="{_INK}" fill-opacity="0.6"/>')
        rows.append(f'<text x="{128 + width:.1f}" y="{y + 9}" font-size="10" fill="#555">{_nice(value)}</text>')
    title = f'<text x="4" y="15" font-size="12" fill="#222">{escape(label)}</text>'
    return _svg(title + "".join(rows), label, 34 + 16 * len(entries))


def _svg(body: str, label: str, height: int = HEIGHT) -> str:
    return (
        f'<svg role="img" aria-label="{escape(label, quote=True)}" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" xmlns="http://www.w3.org/2000/svg" font-family="sans-serif">{body}</svg>'
    )
