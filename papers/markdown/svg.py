"""A line chart as SVG: small, the same bytes every time, in the colours of the page around it.

Colours are left to the style sheet: text and axes take `currentColor`, the lines have the classes `arm-0`, `arm-1`, …
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 520, 320
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 12, 46


@dataclass(frozen=True)
class Line:
    """One line of a chart.

    Attributes:
        points: Pairs of x and y, in the order of x.
        style: Classes for the style sheet.
        label: What the legend calls it; nothing for a line that the legend leaves out.
    """

    points: Sequence[tuple[float, float]]
    style: str
    label: str = ""


@dataclass(frozen=True)
class Axis:
    """The range of one axis and where its ticks are.

    Attributes:
        low: The value at its beginning.
        high: The value at its end.
        ticks: The values that are marked.
    """

    low: float
    high: float
    ticks: tuple[float, ...]

    def place(self, value: float, start: float, end: float) -> float:
        """Map a value to a position between `start` and `end`."""
        return start + (value - self.low) / (self.high - self.low) * (end - start)


def axis(values: Sequence[float], ticks: int = 5) -> Axis:
    """Return an axis that covers the values, with round numbers for its ticks."""
    low, high = min(values), max(values)
    if low == high:
        low, high = low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2
    rough = (high - low) / ticks
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    # Multiples of the step, rounded, so that 3 * 0.1 is written 0.3.
    places = max(0, -math.floor(math.log10(step)))
    marked = tuple(round(number * step, places) for number in range(first, last + 1))
    return Axis(marked[0], marked[-1], marked)


def line_chart(lines: Sequence[Line], title: str, description: str, x_label: str, y_label: str, name: str) -> str:
    """Draw lines over common axes.

    Args:
        lines: What to draw; at least one point in all.
        title: Names the chart for those who cannot see it.
        description: Says what it shows, for those who cannot see it.
        x_label: Written below the horizontal axis.
        y_label: Written beside the vertical axis.
        name: Unique within the page; letters, digits and hyphens.
    """
    points = [point for line in lines for point in line.points]
    across, up = axis([x for x, _ in points], 8), axis([y for _, y in points])
    across = Axis(min(x for x, _ in points), max(x for x, _ in points), across.ticks) if _spread(points) else across

    def position(x: float, y: float) -> tuple[float, float]:
        return across.place(x, LEFT, WIDTH - RIGHT), up.place(y, HEIGHT - BOTTOM, TOP)

    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="{name}-title {name}-text">',
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-text">{escape(description)}</desc>',
        *_axes(across, up, position(across.low, up.low), x_label, y_label),
    ]
    for line in lines:
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in (position(*point) for point in line.points))
        parts.append(f'<path class="{line.style}" d="M{path}"/>')
        if len(line.points) == 1:
            x, y = position(*line.points[0])
            parts.append(f'<circle class="{line.style}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>')
    parts += _legend([line for line in lines if line.label])
    return "".join([*parts, "</svg>"])


def _spread(points: Sequence[tuple[float, float]]) -> bool:
    return len({x for x, _ in points}) > 1


def _axes(across: Axis, up: Axis, origin: tuple[float, float], x_label: str, y_label: str) -> list[str]:
    left, bottom = origin
    parts = ['<g class="axes">']
    for value in up.ticks:
        y = up.place(value, HEIGHT - BOTTOM, TOP)
        parts.append(f'<path class="grid" d="M{left:.1f} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{left - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{number(value)}</text>')
    for value in across.ticks:
        if across.low <= value <= across.high:
            x = across.place(value, LEFT, WIDTH - RIGHT)
            parts.append(f'<path d="M{x:.1f} {bottom:.1f}v4"/>')
            parts.append(f'<text x="{x:.1f}" y="{bottom + 18:.1f}" text-anchor="middle">{number(value)}</text>')
    middle_x, middle_y = (LEFT + WIDTH - RIGHT) / 2, (TOP + HEIGHT - BOTTOM) / 2
    parts.append(f'<path d="M{left:.1f} {bottom:.1f}H{WIDTH - RIGHT}"/>')
    parts.append(f'<text x="{middle_x:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{escape(x_label)}</text>')
    parts.append(
        f'<text transform="translate(14 {middle_y:.1f}) rotate(-90)" text-anchor="middle">{escape(y_label)}</text></g>'
    )
    return parts


def _legend(named: Sequence[Line]) -> list[str]:
    """Sample and name of each line, from the top right corner down."""
    if len(named) < 2:
        return []
    parts = ['<g class="legend">']
    for row, line in enumerate(named):
        y = TOP + 12 + 18 * row
        parts.append(f'<path class="{line.style}" d="M{WIDTH - RIGHT - 30} {y}h26"/>')
        parts.append(f'<text x="{WIDTH - RIGHT - 36}" y="{y + 4}" text-anchor="end">{escape(line.label)}</text>')
    return [*parts, "</g>"]


def number(value: float) -> str:
    """Write a number as short as it can be without losing anything a chart shows: `0.5`, `20`, `60,000`."""
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:.4g}"
