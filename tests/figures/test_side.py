"""Charts beside each other: on one axis where that is asked for, with the marked image where it is."""

from types import SimpleNamespace

import numpy as np
import pytest

from lexplain_core.figures import DARK, LIGHT, area_chart, beside, concept_styles, marked, weights_beside
from lexplain_core.figures.activations import activation_histogram

from .test_area import made

QUIET, LOUD = 0.5, 4.0  # largest activations


def charts(theme="light", **more):
    """A quiet and a loud unit beside each other."""
    found = []
    for top, seed in ((QUIET, 1), (LOUD, 2)):
        values = np.random.default_rng(seed).random(300) * top
        values[0], values[1] = top, -0.1 * top
        buckets, frame = made(values, seed)
        chart = area_chart(frame, buckets, theme=theme)
        found.append((buckets, chart, beside(chart, buckets, theme=theme, **more)))
    return found


def flag(chart):
    found = [note for note in chart.layout.annotations if note.name == "marked image"]
    return found[0] if found else None


def test_one_axis_for_all_ends_at_the_largest_of_all():
    for buckets, chart, shown in charts(scale="same", reach=LOUD):
        assert tuple(shown.layout.xaxis.range) == (0, LOUD)
        assert shown.layout.xaxis.tickvals is None
        assert [trace.y for trace in shown.data] == [trace.y for trace in chart.data]
        assert not shown.layout.showlegend
        ends = [s.x0 for s in shown.layout.shapes if s.type == "line" and s.line.dash == "dot"]
        assert ends == ([buckets.edges[-1]] if buckets.edges[-1] < LOUD else [])


def test_relative_axes_are_as_wide_as_each_unit_and_say_percent():
    for buckets, _, shown in charts(scale="relative", reach=LOUD):
        assert tuple(shown.layout.xaxis.range) == (0, buckets.edges[-1])
        assert shown.layout.xaxis.ticktext == ("0%", "25%", "50%", "75%", "100%")
        assert shown.layout.xaxis.tickvals == pytest.approx(buckets.edges[::2])
        assert "percent" in shown.layout.xaxis.title.text
    for buckets, _, shown in charts(scale="own", reach=LOUD):
        assert tuple(shown.layout.xaxis.range) == (0, buckets.edges[-1])
        assert float(shown.layout.xaxis.ticktext[-1]) == pytest.approx(buckets.edges[-1], abs=0.01)


def test_what_lies_below_0_is_said():
    for buckets, _, shown in charts():
        assert buckets.negative == 1 and "1 image below 0" in shown.layout.xaxis.title.text


def test_numbers_of_images_stand_where_they_fit():
    def numbers(chart):
        return [n.text for n in chart.layout.annotations if str(n.name).startswith("images in bucket")]

    (quiet, _, narrow), (loud, _, wide) = charts(scale="same", reach=LOUD, charts=4)
    assert numbers(narrow) == []
    assert numbers(wide) == [f"<b>{count}</b>" for count in loud.counts]
    two = charts(scale="own", charts=2)
    assert [len(numbers(shown)) for *_, shown in two] == [8, 8]
    assert all("image" in text for *_, shown in two for text in numbers(shown))
    named = [n for n in narrow.layout.annotations if not n.name]
    assert named == []  # no names of areas over each other


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_an_image_is_marked_at_its_activation(theme):
    for buckets, _, shown in charts(theme=theme.name, mark=0.3):
        (line,) = [s for s in shown.layout.shapes if s.type == "line" and s.line.dash == "solid"]
        assert line.x0 == line.x1 == 0.3 and line.line.color == theme.text
        assert "0.3" in flag(shown).text and flag(shown).x == 0.3
        assert flag(shown).bgcolor == theme.text and flag(shown).font.color == theme.page
        assert flag(shown).xanchor == ("right" if 0.3 > buckets.edges[-1] / 2 else "left")


def test_an_image_below_0_is_marked_at_the_edge_and_an_absent_one_nowhere():
    for _, _, shown in charts(mark=-0.04):
        assert not [s for s in shown.layout.shapes if s.type == "line" and s.line.dash == "solid"]
        assert flag(shown).x == 0 and flag(shown).text.startswith("<b>◂ −0.04")
    assert all(flag(shown) is None for *_, shown in charts(mark=None))


def test_a_histogram_is_marked_where_the_image_is():
    values = np.linspace(-2, -1, 50)
    shown = marked(activation_histogram(values), -1.5)
    assert flag(shown).x == -1.5 and "◂" not in flag(shown).text


# -- weights ----------------------------------------------------------------------------------------


def explanation(bias=0.5, **weights):
    terms = [SimpleNamespace(name=name, weight=weight) for name, weight in weights.items()]
    return SimpleNamespace(terms=terms, bias=bias)


UNITS = [
    ("A", explanation(dog=2.0, snow=-1.0), 4.0),
    ("B", explanation(bias=0.1, snow=0.5, boat=0.25), 0.5),
    ("C", None, 1.0),
    ("D", explanation(dog=1.0), -1.0),
]
STYLES = concept_styles(["dog", "snow", "boat"])


def panels(chart):
    """For each panel, name of the row → value."""
    names = [text.strip() for text in chart.layout.yaxis.ticktext]
    return [{names[y]: x for x, y in zip(trace.x, trace.y, strict=True)} for trace in chart.data]


@pytest.mark.parametrize("scale", ["same", "own"])
def test_shared_concepts_meet_in_a_row(scale):
    chart = weights_beside(UNITS, STYLES, scale=scale)
    assert [t.strip() for t in chart.layout.yaxis.ticktext] == ["dog", "snow", "boat", "bias (no concept)"]
    assert panels(chart) == [
        {"dog": 2, "snow": -1, "bias (no concept)": 0.5},
        {"snow": 0.5, "boat": 0.25, "bias (no concept)": 0.1},
        {},
        {"dog": 1, "bias (no concept)": 0.5},
    ]
    ranges = [tuple(chart.layout[f"xaxis{n}"].range) for n in ("", 2, 3, 4)]
    assert (len(set(ranges)) == 1) == (scale == "same")
    colours = {name: {t.marker.color[list(p).index(name)] for t, p in zip(chart.data, panels(chart), strict=True) if name in p}
               for name in STYLES}  # fmt: skip
    assert colours == {name: {style.color} for name, style in STYLES.items()}
    texts = [note.text for note in chart.layout.annotations]
    assert texts.count("–") == 1 + 1 + 2 and "no explanation" in texts


def test_relative_weights_are_parts_of_the_largest_activation():
    chart = weights_beside(UNITS, STYLES, scale="relative")
    first, second, third, fourth = panels(chart)
    assert first == {"dog": 50, "snow": -25, "bias (no concept)": 12.5}
    assert second == {"snow": 100, "boat": 50, "bias (no concept)": 20}
    assert third == fourth == {}  # a unit without activations above 0 has nothing to be a part of
    assert any("above 0" in note.text for note in chart.layout.annotations)
    assert chart.data[0].text[0] == "+50.0%"
