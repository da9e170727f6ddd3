"""Every view survives its way into an address and back."""

from dataclasses import fields
from typing import get_args
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexplain_core.base.numbers import LARGEST_INTEGER
from lexplain_core.stimuli.ranks import DIFFICULTIES
from pages.ui import links

words = st.text(max_size=20)
overviews = st.builds(
    links.Overview, store=words, layer=words, q=words, where=words, method=words,
    status=st.sampled_from(["", *links.STATUSES]), sort=words.filter(bool),
)  # fmt: skip
neurons = st.builds(
    links.Neuron, store=words, layer=words, unit=st.one_of(st.none(), st.integers(0, 10**6)), method=words,
    matrix=words, tab=st.sampled_from(links.TABS), pick=st.sampled_from(links.PICKS), draw=st.integers(0, 10**6),
    map=st.integers(0, 100), image=st.one_of(st.none(), st.integers(0, 10**6)), kind=st.sampled_from(links.KINDS),
    bucket=st.one_of(st.none(), st.integers(-1, 7)),
)  # fmt: skip
importances = st.builds(
    links.Importance, store=words, part=st.sampled_from(links.PARTS), to=st.sampled_from(links.TO), layer=words,
    method=words, fit=st.sampled_from(links.FITS),
)  # fmt: skip
seconds = st.one_of(st.none(), st.integers(0, 10**9).map(lambda n: n / 1000))
shares = st.integers(0, 100).map(lambda n: n / 100)
tries = st.builds(
    links.TryIt, store=words, layer=words, unit=st.one_of(st.none(), st.integers(0, 10**6)),
    difficulty=st.sampled_from(links.DIFFICULTIES), seed=st.integers(0, LARGEST_INTEGER), count=st.integers(1, 20),
)  # fmt: skip
results = st.builds(
    links.Results, store=words, study=words, show=st.sampled_from(links.SHOWN), condition=words,
    over=st.sampled_from(links.OVER), order=st.sampled_from(links.ORDERS), against=st.sampled_from(links.AGAINST),
    rounds=st.one_of(st.none(), st.integers(1, 100)), catch=st.one_of(st.none(), shares), least=seconds, most=seconds,
    reading=seconds, row=st.one_of(st.none(), st.integers(50, 100).map(lambda n: n / 100)),
)  # fmt: skip
views = st.one_of(overviews, neurons, importances, tries, results)


@given(views)
def test_a_copied_link_says_the_whole_view(view):
    parts = urlsplit("http://localhost:8501/" + links.link(view))
    assert parts.path == f"/{view.page}"
    params = dict(parse_qsl(parts.query, keep_blank_values=True))
    assert set(params) == {field.name for field in fields(view)}
    assert links.parse(view.page, params) == (view, [])


@given(views)
def test_the_short_address_means_the_same(view):
    short = links.query(view)
    assert links.parse(view.page, short) == (view, [])
    default = type(view)()
    assert all(getattr(view, name) != getattr(default, name) for name in short)


@pytest.mark.parametrize(
    ("page", "params", "name"),
    [
        ("neuron", {"unit": "twelve"}, "unit"),
        ("neuron", {"unit": "-1"}, "unit"),
        ("neuron", {"draw": "1.5"}, "draw"),
        ("neuron", {"draw": "-1"}, "draw"),
        ("neuron", {"draw": "2147483648"}, "draw"),
        ("neuron", {"unit": "2147483648"}, "unit"),
        ("neuron", {"tab": "nowhere"}, "tab"),
        ("neuron", {"map": "101"}, "map"),
        ("neuron", {"map": "-1"}, "map"),
        ("neuron", {"bucket": "8"}, "bucket"),
        ("neuron", {"bucket": "-2"}, "bucket"),
        ("neuron", {"image": "-1"}, "image"),
        ("neuron", {"kind": "xray"}, "kind"),
        ("importance", {"to": "nothing"}, "to"),
        ("importance", {"part": "half"}, "part"),
        ("importance", {"fit": "norms"}, "fit"),
        ("overview", {"status": "asleep"}, "status"),
        ("try_it", {"difficulty": "hardest"}, "difficulty"),
        ("try_it", {"count": "0"}, "count"),
        ("try_it", {"seed": "-1"}, "seed"),
        ("results", {"show": "all"}, "show"),
        ("results", {"rounds": "0"}, "rounds"),
        ("results", {"catch": "1.1"}, "catch"),
        ("results", {"row": "0.4"}, "row"),
        ("results", {"least": "inf"}, "least"),
    ],
)
def test_what_an_address_gets_wrong_is_said_and_ignored(page, params, name):
    view, problems = links.parse(page, {"store": "abc", **params})
    assert view == links.VIEWS[page](store="abc")
    assert len(problems) == 1 and f"{name}={params[name]}" in problems[0]


def test_ranges_of_the_first_edition_become_where():
    params = {"low": "0.2", "impact": "..3", "two_faced": "0.5..", "where": "length:2.."}
    view, problems = links.parse("overview", params)
    assert not problems and view == links.Overview(
        where="length:2..,correlation:0.2..,impact:..3,range_shift:0.5.."
    )
    assert links.parse("overview", links.query(view)) == (view, [])
    long = links.parse("overview", {"where": "x" * 3000})
    assert long == (
        links.Overview(),
        ["The address's where= is longer than 2,000 characters; it was ignored."],
    )


def test_difficulties_are_those_of_studies():
    from lexplain_core.config.study import Difficulty

    assert get_args(Difficulty) == links.DIFFICULTIES == tuple(DIFFICULTIES)


def test_the_band_below_zero_is_a_bucket():
    assert links.parse("neuron", {"bucket": "-1"}) == (links.Neuron(bucket=-1), [])


def test_parameters_of_others_are_ignored():
    assert links.parse("neuron", {"store": "abc", "embed": "true"}) == (links.Neuron(store="abc"), [])


def test_strays_are_parameters_of_other_pages():
    assert links.strays("overview", {"store": "abc", "layer": "a", "unit": "3"})
    assert not links.strays("overview", {"store": "abc", "layer": "a", "embed": "true"})
    assert not links.strays("neuron", {"store": "abc", "layer": "a", "unit": "3"})
    assert links.strays("importance", {"store": "abc", "layer": "a", "unit": "3"})
    assert not links.strays("importance", {"store": "abc", "layer": "a", "to": "mean"})
