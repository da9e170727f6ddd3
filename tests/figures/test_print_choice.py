"""What a figure for print is asked for: choices, addresses, the command, and what is put right."""

from __future__ import annotations

import shlex
from dataclasses import replace

import numpy as np
import pytest

from lexplain_core import Store
from lexplain_core.base.errors import UserError
from lexplain_core.figures import print as prints
from lexplain_core.figures.print import FigureChoice, Pin, gather, make

from .test_print import texts_of


def test_a_choice_survives_the_address():
    choice = FigureChoice(
        figure="ranges", units=(("a:b,c%é/d", 3), ("layer4", 12)), method="le-label", level="classes", scale="same",
        per=7, palette="grey", column="single", size=9.5, words=False, paths=True,
        pins=(Pin("a:b,c%é/d", 3, 7, 1234),), without=(3, 9), draw=5,
    )  # fmt: skip
    said = {name: str(value) for name, value in prints.texts(choice).items()}
    assert prints.read_choice(said) == (choice, [])
    assert prints.read_choice({}) == (FigureChoice(), [])


@pytest.mark.parametrize(
    "given, words",
    [
        ({"figure": "pie"}, "areas, ranges"),
        ({"units": "layer4"}, "layer:unit"),
        ({"units": ",".join(f"a:{n}" for n in range(30))}, "24 units at most"),
        ({"pins": "a:1:8:3"}, "a range from 0 to 7"),
        ({"without": "3,x"}, "whole numbers"),
        ({"size": 99}, "5 to 16"),
        ({"per": "many"}, "1 to 12"),
        ({"figure": "ranges", "per": 12, "units": ",".join(f"a:{n}" for n in range(20))}, "6 per range"),
    ],
)
def test_what_a_choice_cannot_mean_is_said(given, words):
    choice, problems = prints.read_choice(given)
    assert len(problems) == 1 and words in problems[0]
    assert len(choice.units) * choice.per * 8 <= 960 or choice.figure == "areas"


def test_the_command_reads_back_as_the_choice(units):
    from typer.main import get_command

    from lexplain_core.cli.main import app

    choice = FigureChoice(
        "ranges", units, "le-label", per=2, words=False, pins=(Pin(*units[0], 7, 5),), size=7.5
    )
    words = prints.command(choice, "my store.duckdb", ["a.pdf", "a.svg"])
    figure = get_command(app).commands["figure"]
    given = figure.make_context("figure", shlex.split(words)[4:]).params
    assert str(given.pop("store")) == "my store.duckdb" and [str(o) for o in given.pop("out")] == [
        "a.pdf",
        "a.svg",
    ]
    assert prints.read_choice(given) == (choice, [])


def test_page_command_and_choice_have_the_same_fields():
    from dataclasses import fields

    from typer.main import get_command

    from lexplain_core.cli.main import app
    from pages.ui.links import Studio

    choice = {f.name: prints.texts(FigureChoice())[f.name] for f in fields(FigureChoice)}
    page = {f.name: f.default for f in fields(Studio) if f.name not in ("store", "at")}
    assert page == choice
    command = {
        p.name: p.default
        for p in get_command(app).commands["figure"].params
        if p.name not in ("store", "out", "help")
    }
    assert set(command) == set(choice)
    assert {n: v for n, v in command.items() if n != "units"} == {
        n: v for n, v in choice.items() if n != "units"
    }


# -- what is read ---------------------------------------------------------------------------------


def test_images_lie_in_their_ranges_and_pins_stay(store, units):
    choice = FigureChoice("ranges", units, per=3)
    data = gather(store, choice, waiting=4)
    for panel in data.panels:
        unit = store.unit(panel.layer, panel.unit)
        where = unit.buckets.assign(unit.activations)
        for bucket, (shots, more) in enumerate(zip(panel.shots, panel.waiting, strict=True)):
            assert len(shots) == min(3, unit.buckets.counts[bucket])
            assert {int(where[s.image]) for s in [*shots, *more]} <= {bucket}
            assert not {s.image for s in shots} & {s.image for s in more}
            assert [s.activation for s in shots] == sorted((s.activation for s in shots), reverse=True)
    first = data.panels[0]
    bucket = int(np.argmax(first.counts))
    gone, wanted = first.shots[bucket][0].image, first.waiting[bucket][-1].image
    pin = Pin(first.layer, first.unit, bucket, wanted)
    again = gather(store, replace(choice, without=(gone,), pins=(pin,), draw=choice.draw)).panels[0]
    ids = {s.image for s in again.shots[bucket]}
    assert gone not in ids and wanted in ids
    assert [s.image for s in again.shots[bucket] if s.pinned] == [wanted]
    before = {s.image for s in first.shots[bucket]}
    assert len(ids - before) == 1 and ids <= before | {wanted}  # the pin took the place, nothing else moved
    others = [[s.image for s in shots if s.image != gone] for shots in first.shots]
    for other, shots in enumerate(again.shots):
        if other != bucket:
            assert [s.image for s in shots] == others[other]
    redrawn = gather(store, replace(choice, pins=(pin,), draw=1)).panels[0]
    assert wanted in {s.image for s in redrawn.shots[bucket]}
    assert [s.image for s in redrawn.shots[bucket]] != [s.image for s in first.shots[bucket]]


def test_pins_that_cannot_hold_are_said(store, units):
    (layer, unit), _ = units
    where = store.unit(layer, unit)
    inside = np.flatnonzero(where.buckets.assign(where.activations) == 0)
    pins = (
        Pin(layer, unit, 7, int(inside[0])), Pin(layer, unit, 0, 10**8), Pin("nowhere", 0, 0, 1),
        Pin(layer, unit, 0, int(inside[1])), Pin(layer, unit, 0, int(inside[2])),
    )  # fmt: skip
    data = gather(store, FigureChoice("ranges", units[:1], per=1, pins=pins, without=(int(inside[1]),)))
    assert [s.image for s in data.panels[0].shots[0]] == [int(inside[2])]
    assert len(data.problems) == 4
    for problem, words in zip(
        data.problems, ("elsewhere", "no such image", "not in the figure", "left out"), strict=True
    ):
        assert words in problem


def test_the_command_of_a_choice_that_was_put_right_runs(store, units, tmp_path):
    """Beside units, pins and methods that the store hasn't, which a page only warns of."""
    from lexplain_core.cli.main import app

    (layer, unit), _ = units
    where = store.unit(layer, unit)
    inside = [int(i) for i in np.flatnonzero(where.buckets.assign(where.activations) == 0)[:4]]
    pins = tuple(Pin(layer, unit, 0, image) for image in inside)
    wrong = (Pin(layer, unit, 7, inside[0]), Pin("nowhere", 0, 0, 1))
    for figure in ("areas", "ranges"):
        asked = FigureChoice(
            figure, (*units[:1], ("nowhere", 1), (layer, 10**8)), "unheard", per=2,
            pins=(*pins, *wrong), without=(inside[3], 10**8),
        )  # fmt: skip
        data = gather(store, asked)
        assert len(data.problems) >= 3
        assert data.choice.units == units[:1]
        assert data.choice.pins == (pins[:2] if figure == "ranges" else ())
        assert gather(store, data.choice).problems == ()
        out = tmp_path / f"{figure}.svg"
        app(shlex.split(data.command(str(out)))[3:], standalone_mode=False)
        assert out.read_bytes() == make(data, "svg")


def test_hidden_images_are_never_used(demo_store, units):
    with Store.open(demo_store) as store:
        choice = FigureChoice("ranges", units, per=2)
        seen = prints.sources(gather(store, choice))
        hidden = seen["key"].iloc[::3].tolist()
        pinned = seen.iloc[0]
        layer, unit = pinned["unit"].rsplit(":", 1)
        store = store.with_notes(hidden_keys=hidden)
        pins = (Pin(layer, int(unit), int(pinned["range"]) - 1, int(pinned["image"])),)
        data = gather(store, replace(choice, pins=pins), waiting=40)
        assert not set(prints.sources(data)["key"]) & set(hidden)
        waiting = {s.key for panel in data.panels for shots in panel.waiting for s in shots}
        assert not waiting & set(hidden)
        assert len(data.problems) == 1 and "hidden" in data.problems[0]
        assert f"{len(set(hidden))} images of the set are never shown" in prints.caption(data)


def test_units_that_are_not_there(store, units):
    data = gather(store, FigureChoice(units=(*units, ("nowhere", 1)), method="unheard"))
    assert len(data.panels) == 2 and len(data.problems) == 2
    assert "nowhere" in data.problems[0] and "unheard" in data.problems[1]
    assert (
        {panel.explanation.method for panel in data.panels} == {data.choice.method} == {store.default_method}
    )
    assert make(data, "svg")
    with pytest.raises(UserError, match="nowhere"):
        gather(store, FigureChoice(units=(("nowhere", 1),)))
    with pytest.raises(UserError, match="needs units"):
        gather(store, FigureChoice())


def test_units_that_have_nothing_to_draw_say_why(store):
    """A dead, a constant and a negative unit, in both figures."""
    table = store.unit_table()
    odd = [(r.layer, int(r.unit)) for r in table[table["status"] != "alive"].itertuples()]
    assert len(odd) == 3
    for figure in ("areas", "ranges"):
        data = gather(store, FigureChoice(figure, tuple(odd), per=1, size=6.0, scale="same"))
        flat = " ".join(texts_of(make(data, "svg")))
        for panel in data.panels:
            assert panel.reason == store.unit(panel.layer, panel.unit).reason
            assert panel.reason in flat and panel.reason.rstrip(".") in prints.caption(data)
        without = [panel for panel in data.panels if panel.edges is None]
        if without:  # the first, beside which the axis is written
            assert make(replace(data, panels=tuple(without)), "svg")


# -- areas ----------------------------------------------------------------------------------------
