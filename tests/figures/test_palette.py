"""Colours can be told apart, also by eyes that lack a kind of cone, and text on them can be read."""

import itertools
import tomllib
from pathlib import Path

import numpy as np
import pytest

from lexplain_core.figures import DARK, LIGHT, concept_styles, theme_of
from lexplain_core.figures.palette import OKABE_ITO, _luminance

# Linear RGB as protanopes and deuteranopes see it (Viénot, Brettel and Mollon 1999).
SEEN = {
    "everyone": np.eye(3),
    "protanopia": [[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]],
    "deuteranopia": [[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]],
}


def lab(color, seen):
    """CIELAB of '#rrggbb' after a matrix on linear RGB."""
    rgb = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.asarray(seen) @ linear, 0, 1)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(to_xyz) @ linear / [0.9505, 1, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("eyes", SEEN)
def test_colours_differ_for_all_eyes(eyes):
    for one, other in itertools.combinations(OKABE_ITO, 2):
        assert np.linalg.norm(lab(one, SEEN[eyes]) - lab(other, SEEN[eyes])) > 10, (one, other)


def test_28_concepts_look_different():
    styles = concept_styles(range(28))
    assert len({(style.color, style.pattern) for style in styles.values()}) == 28


def contrast(one, other):
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_text_on_fills_can_be_read():
    for style in concept_styles(range(7)).values():
        assert contrast(style.color, style.ink) >= 4.5


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_text_of_the_themes_can_be_read(theme):
    assert contrast(theme.text, theme.page) >= 7
    assert contrast(theme.muted, theme.page) >= 4.5
    assert contrast(theme.other.color, theme.text) >= 3


def test_an_unknown_theme_is_light():
    assert theme_of(None) is LIGHT and theme_of("dark") is DARK


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_charts_and_pages_have_the_same_theme(theme):
    config = tomllib.loads((Path(__file__).parents[2] / ".streamlit" / "config.toml").read_text("utf-8"))
    page = config["theme"][theme.name]
    assert (page["backgroundColor"], page["textColor"]) == (theme.page, theme.text)
