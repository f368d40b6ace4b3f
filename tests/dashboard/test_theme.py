"""Colours: apart for every reader, and clear of the card they lie on, in both themes."""

import itertools
import math
import re

import pytest

pytest.importorskip("altair", reason="the extra notebooks is not installed")

from cliniko_warehouse.overview.charts import charts, heatmaps
from cliniko_warehouse.overview.charts import theme as look
from cliniko_warehouse.overview.charts.axes import even_steps
from cliniko_warehouse.overview.layout.html import STATIC

STYLE = (STATIC / "overview.css").read_text()

# Machado, Oliveira and Fernandes (2009), at full strength, on linear RGB
EYES = {
    "usual": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
TO_XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
WHITE = (0.95047, 1.0, 1.08883)

Triple = tuple[float, ...]


def _palette(theme: str) -> dict[str, str]:
    """The colours of a theme by their names."""
    light, dark = re.findall(r"^ *:root \{(.*?)\}", STYLE, re.M | re.S)
    block = light if theme == "light" else dark
    return dict(re.findall(r"--clinic-([\w-]+): (#[0-9a-f]{6});", block))


def _linear(color: str) -> Triple:
    parts = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return tuple(p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)


def _times(matrix: tuple[Triple, ...], color: Triple) -> Triple:
    return tuple(sum(a * b for a, b in zip(row, color, strict=True)) for row in matrix)


def _lab(color: Triple) -> Triple:
    """CIE L*a*b* of a colour in linear RGB, where distance is what the eye sees."""
    clipped = tuple(min(1.0, max(0.0, part)) for part in color)
    scaled = (v / w for v, w in zip(_times(TO_XYZ, clipped), WHITE, strict=True))
    x, y, z = (v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in scaled)
    return (116 * y - 16, 500 * (x - y), 200 * (y - z))


def _distance(one: str, other: str, eye: str) -> float:
    pair = (_lab(_times(EYES[eye], _linear(color))) for color in (one, other))
    return math.dist(*pair)


def _contrast(one: str, other: str) -> float:
    """The contrast of WCAG 2: 1 to 21."""
    light, dark = sorted((_times(TO_XYZ, _linear(c))[1] for c in (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


THEMES = pytest.mark.parametrize("theme", ["light", "dark"])
INKS = ("ink", "soft", "link", "good", "bad")
WORDS = ("attended", "booked", "missed", "cancelled")


@THEMES
@pytest.mark.parametrize("eye", EYES)
def test_colours_of_one_chart_are_told_apart(theme: str, eye: str) -> None:
    colours = [_palette(theme)[word] for word in WORDS]

    distances = [_distance(*pair, eye) for pair in itertools.combinations(colours, 2)]
    assert min(distances) > 20  # 2 is the least that an eye sees side by side


@THEMES
@pytest.mark.parametrize("eye", EYES)
def test_steps_go_one_way_and_are_told_apart(theme: str, eye: str) -> None:
    palette = _palette(theme)
    steps = [palette[f"step-{number}"] for number in range(5)]

    lightness = [_lab(_times(EYES[eye], _linear(step)))[0] for step in steps]
    jumps = [b - a for a, b in itertools.pairwise(lightness)]
    assert all(jump > 4 for jump in jumps) or all(jump < -4 for jump in jumps)


@THEMES
def test_marks_and_words_are_clear_of_the_card(theme: str) -> None:
    palette = _palette(theme)

    assert all(_contrast(palette[word], palette["card"]) >= 3 for word in WORDS)
    assert all(_contrast(palette[ink], palette["card"]) >= 4.5 for ink in INKS)


@THEMES
def test_figures_on_a_heat_map_can_be_read(theme: str) -> None:
    palette = _palette(theme)

    pairs = [(palette[f"on-{step}"], palette[f"step-{step}"]) for step in range(5)]
    assert min(_contrast(*pair) for pair in pairs) >= 4.5


def test_every_colour_that_charts_use_is_in_both_themes() -> None:
    used = {look.INK, look.SOFT, look.LINE, look.CARD, *look.STEPS, *look.ON_STEPS}
    used |= {look.ATTENDED, look.BOOKED, look.MISSED, look.CANCELLED}

    for theme in ("light", "dark"):
        assert {f"var(--clinic-{name})" for name in _palette(theme)} >= used


@pytest.mark.parametrize(("highest", "starts"), [
    (1.0, (0.2, 0.4, 0.6, 0.8)), (0.65, (0.15, 0.3, 0.45, 0.6)), (0.04, (0.01, 0.02, 0.03, 0.04)),
    (0.0, (0.01, 0.02, 0.03, 0.04)),
])  # fmt: skip
def test_steps_of_colour_are_even_and_none_lies_beyond_the_highest(
    highest: float, starts: tuple[float, ...]
) -> None:
    assert even_steps([0.0, highest]) == starts


def test_both_heat_maps_have_the_steps_of_their_rows() -> None:
    for spec in (heatmaps.utilisation(), heatmaps.cohorts()):
        made = charts.drawn(spec, [], steps=(0.1, 0.2, 0.3, 0.4), days=["Mon"], hours=[9])
        cells, figures = made["layer"]
        for layer in (cells, figures):
            scale = layer["encoding"]["color"]["scale"]
            assert list(scale["domain"]) == [0.1, 0.2, 0.3, 0.4]
            assert len(scale["range"]) == 5
    legend = heatmaps.utilisation()["layer"][0]["encoding"]["color"]["legend"]
    assert legend["title"].endswith("blank: no hours are offered")


def test_an_axis_of_numbers_ends_at_a_line() -> None:
    bars = charts.stacked("day", charts.STATUSES)["encoding"]["y"]
    lines = charts.lines("day", charts.MONEY, money=True)["layer"][0]["encoding"]["y"]

    for axis in (bars, lines):  # else the highest rises past the last line, into the legend
        assert axis["scale"]["nice"] == axis["axis"]["tickCount"]
