"""Figures for print hold what the store holds, on one scale, and are the same bytes every time."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from dataclasses import replace
from io import BytesIO, StringIO

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lexplain_core.base.numbers import decimals, plain
from lexplain_core.figures import print as prints
from lexplain_core.figures.print import FigureChoice, Pin, areas, base, gather, make, palettes, ranges

from ..conftest import ROOT

SVG = "{http://www.w3.org/2000/svg}"


def texts_of(svg: bytes) -> list[str]:
    return ["".join(e.itertext()) for e in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def corners(svg: bytes) -> dict[str, list]:
    """The corners of all areas of an SVG, in points from the upper left, by `area-panel-concept`."""
    found = defaultdict(list)
    for group in ElementTree.fromstring(svg).iter(f"{SVG}g"):
        if (group.get("id") or "").startswith("area-"):
            path = next(group.iter(f"{SVG}path")).get("d")
            points = np.array([float(n) for n in re.findall(r"-?[\d.]+", path)]).reshape(-1, 2)
            found[group.get("id").rpartition("-")[0]] += points.tolist()
    return found


# -- the choice -----------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["concepts", "classes", "superclasses"])
def test_areas_hold_the_composition(store, units, level):
    data = gather(store, FigureChoice(units=units, level=level))
    svg, page = make(data, "svg"), areas.sheet(data)
    said, areas_of, seen = texts_of(svg), corners(svg), []
    for place, panel in enumerate(data.panels):
        shares = panel.composition.pivot(index="concept", columns="bucket", values="share")
        things = [*areas._things(panel, level), -1]
        _, x, y, reach, height, *_ = next(
            mark for mark in page.marks if mark[0] == "box" and not mark[6] and mark[:3] not in seen
        )
        seen.append(("box", x, y))
        for thing in things:
            for bucket, count in enumerate(panel.counts):
                share = shares.loc[thing, bucket] if count else 0.0
                middle = (x + (bucket + 0.5) / 8 * reach) * 72
                at = areas_of[f"area-{place + 1}-{thing}"]
                tall = [p[1] for p in at if abs(p[0] - middle) < 0.01]
                drawn = max(tall) - min(tall) if tall else 0.0
                assert drawn == pytest.approx(share * height * 72, abs=0.01), (thing, bucket)
        names = panel.composition.drop_duplicates("concept")["name"]
        if level == "concepts":
            for name in names:
                assert any(text.endswith(base.fit(name, 99, 7)) for text in said), name
    assert sum("correlation" in text for text in said) == len(data.panels)


def test_all_panels_have_one_scale(store, units):
    for scale in ("relative", "same"):
        data = gather(store, FigureChoice(units=units, scale=scale))
        page = areas.sheet(data)
        frames = [
            m for m in page.marks if m[0] == "line" and len(m[1]) == 3
        ]  # the axes: down and to the right
        sizes = {(round(x1 - x0, 6), round(y1 - y0, 6)) for _, ((x0, y0), (_, y1), (x1, _)), *_ in frames}
        assert len(frames) == 2 and len(sizes) == 1
        (width, _) = sizes.pop()
        reaches = [m[3] for m in page.marks if m[0] == "box" and not m[6]]
        top = max(p.maximum for p in data.panels)
        wanted = [width * (p.maximum / top if scale == "same" else 1) for p in data.panels]
        np.testing.assert_allclose(reaches, wanted, rtol=1e-5)


@pytest.mark.parametrize("top", [1e-5, 0.037, 0.9, 7.3, 99.0, 1234.5, 87654.0, 654321.0, 3.2e6, 8e12])
@pytest.mark.parametrize("size", [5.0, 16.0])
@pytest.mark.parametrize("column", ["single", "double"])
def test_numbers_below_the_axis_do_not_touch(store, units, top, size, column):
    """The title beside it is no longer than the axis, too."""
    data = gather(store, FigureChoice(units=units, scale="same", size=size, column=column))
    panels = tuple(replace(p, edges=p.edges * (top / float(p.edges[-1])), maximum=top) for p in data.panels)
    page = areas.sheet(replace(data, panels=panels))
    texts = [mark for mark in page.marks if mark[0] == "text"]
    ticks = defaultdict(list)  # by the axis above
    for _, ((x, y), (_, low), (end, _)), *_ in [m for m in page.marks if m[0] == "line" and len(m[1]) == 3]:
        for _, at, foot, words, letters, *_, ha, _ in texts:
            if (
                ha == "center"
                and low < foot < low + 1.9 * letters / 72
                and x <= at <= end
                and words != "activation"
            ):
                half = base.width_of(words, letters) / 2
                ticks[x, y].append((at - half, at + half, words))
    assert len(ticks) == len(panels)
    for found in ticks.values():
        assert len(found) >= 2 and found[0][2] == "0"
        assert all(a[1] < b[0] for a, b in zip(found, found[1:], strict=False)), found
        numbers = [words for *_, words in found if "·" not in words]
        assert all("," in words for words in numbers if float(words.replace(",", "")) >= 1000)
    tall = min(b[4] for b in page.marks if b[0] == "box" and not b[6])
    (title,) = {(words, letters) for _, _, _, words, letters, *_, turned in texts if turned}
    assert base.width_of(*title) <= tall + 1e-9


def test_the_same_concept_looks_the_same_and_no_two_alike():
    rng = np.random.default_rng(0)
    for palette in prints.PALETTES:
        styles = palettes.styles_of(palette)
        assert len(set(styles)) == len(styles) >= 24
        assert palettes.other_style(palette) not in styles
        for _ in range(30):
            panels = [rng.choice(60, rng.integers(1, 11), replace=False).tolist() for _ in range(6)]
            shared = palettes.shared_styles(panels, palette)
            for panel in panels:
                assert len({shared[thing] for thing in panel}) == len(panel)
    assert (
        len({c for s in palettes.styles_of("grey") for c in (s.color[1:3], s.color[3:5], s.color[5:])}) == 4
    )


# -- range images ---------------------------------------------------------------------------------


def test_range_images_are_those_of_the_store(store, units):
    data = gather(store, FigureChoice("ranges", units, per=2, column="single"))
    page = ranges.sheet(data)
    shots = [shot for panel in data.panels for shots in panel.shots for shot in shots]
    pictures = [mark for mark in page.marks if mark[0] == "image"]
    assert len(pictures) == len(shots) == len(prints.sources(data))
    crops = store.crops([shot.image for shot in shots])
    for shot, (_, x, y, side, pixels) in zip(shots, pictures, strict=True):
        np.testing.assert_array_equal(pixels, base.prepared(crops[shot.image], side))
        assert 0 <= x and x + side <= data.choice.width + 1e-9 and y + side <= page.height
        assert round(side * 300, 6) == pixels.shape[0]  # whole pixels at 300 dpi
    assert len({mark[3] for mark in pictures}) == 1  # one size
    said = texts_of(make(data, "svg"))
    flat = " ".join(said)
    for panel in data.panels:
        assert panel.explanation.text.split(" + ")[0] in flat
        assert all(f"{n:,}" in flat for n in panel.counts)
    png = Image.open(BytesIO(make(data, "png")))
    _, x, y, side, pixels = pictures[0]
    left, top = round(x * 300), round(y * 300)
    shown = np.asarray(png.convert("RGB"))[top + 3 : top + 100, left + 3 : left + 100]
    np.testing.assert_array_equal(shown, pixels[3:100, 3:100])  # pixel by pixel, inside the frame


@pytest.mark.parametrize("size", [5.0, 16.0])
@pytest.mark.parametrize("top", [0.004, 3.4, 123.4, 98765.4, 1e30])
@pytest.mark.parametrize("column", ["single", "double"])
def test_no_number_is_cut(store, units, size, top, column):
    """In narrow columns numbers are smaller, or left out with a note; cut, they would be others."""
    data = gather(store, FigureChoice("ranges", units[:1], per=1, size=size, column=column))
    (panel,) = data.panels
    by = top / panel.maximum
    shots = tuple(tuple(replace(s, activation=s.activation * by) for s in row) for row in panel.shots)
    counts = tuple(n * 10_000 for n in panel.counts)
    odd = replace(panel, edges=panel.edges * by, maximum=top, shots=shots, counts=counts)
    page = ranges.sheet(replace(data, panels=(odd,)))
    labels = {shot.label for row in shots for shot in row}
    for words in page.words():
        assert not any("…" in word and any(c.isdigit() for c in word) for word in words.split()), words
        if words.endswith("…"):
            assert any(label.startswith(words[:-1].rstrip()) for label in labels), words
    for mark in page.marks:
        if mark[0] == "text":
            assert base.LEAST_SIZE <= mark[4] and mark[1] >= 0
    said = " ".join(page.words())
    assert odd.title in said and (plain(float(odd.edges[-1]), decimals(top)) in said) == (top < 1e30)
    assert bool(page.notes) == (top == 1e30)
    assert prints.notes(replace(data, panels=(odd,)))[: len(page.notes)] == page.notes


def test_sources_as_csv(store, units):
    data = gather(store, FigureChoice("ranges", units, per=2))
    panel = data.panels[0]
    odd = replace(panel.shots[7][0], key="=HYPERLINK(1)", label="a, “b”")
    panel = replace(panel, shots=(*panel.shots[:7], (odd,)))
    frame = pd.read_csv(StringIO(prints.sources_csv(replace(data, panels=(panel,)))))
    assert list(frame.columns) == list(prints.sources(data).columns)
    last = frame.iloc[-1]
    assert last["key"] == "'=HYPERLINK(1)" and last["class"] == "a, “b”" and last["range"] == 8
    facts = store.images(frame["image"].tolist()[:-1])
    assert frame["key"].tolist()[:-1] == facts["key"].tolist()
    assert frame["split"].tolist()[:-1] == facts["split"].tolist()


# -- files ----------------------------------------------------------------------------------------


def test_files_are_what_they_should_be(store, units):
    data = gather(store, FigureChoice(units=units[1:], palette="grey"))
    single = replace(data, choice=replace(data.choice, column="single", paths=True))
    png = Image.open(BytesIO(make(data, "png")))
    assert png.width == 2025 and round(png.info["dpi"][0]) == 300  # 6.75 in
    assert Image.open(BytesIO(make(single, "png"))).width == 975
    for made, points in ((data, 486), (single, 234)):
        pdf = make(made, "pdf")
        assert f"/MediaBox [ 0 0 {points} ".encode() in pdf
        assert b"/FontFile2" in pdf and b"/Type3" not in pdf and b"/CIDFontType2" in pdf  # TrueType, embedded
        assert b"CreationDate" not in pdf
    assert data.panels[0].title in texts_of(make(data, "svg"))
    assert texts_of(make(single, "svg")) == []
    assert data.command() in make(data, "txt").decode() and "--out areas.pdf" in data.command()
    assert b"Oikarinen" in make(data, "bib")


def test_words_can_be_left_out(store, units):
    for figure in ("areas", "ranges"):
        data = gather(store, FigureChoice(figure, units, per=1))
        bare = replace(data, choice=replace(data.choice, words=False))
        assert "correlation" in " ".join(texts_of(make(data, "svg")))
        assert "correlation" not in " ".join(texts_of(make(bare, "svg")))


def test_foreign_names_stay_as_they_are(store, units):
    data = gather(store, FigureChoice(units=units[:1]))
    name = r"$\alpha_1$ <b>&amp; --> 猫 \x"
    frame = data.panels[0].composition.copy()
    frame["name"] = name + "\x00\n"
    panel = replace(data.panels[0], name=name + "\x00", composition=frame)
    odd = replace(data, panels=(panel,), choice=replace(data.choice, size=5.0))
    said = texts_of(make(odd, "svg"))
    assert sum(name in text for text in said) >= 2
    for kind in ("pdf", "png"):
        assert make(odd, kind)
    assert make(replace(odd, choice=replace(odd.choice, paths=True)), "svg")
    assert any("猫" in note for note in prints.notes(odd))
    assert prints.notes(data) == []


def test_lines_fit_their_width():
    rng = np.random.default_rng(1)
    for _ in range(40):
        text = " ".join("x" * int(n) for n in rng.integers(1, 30, int(rng.integers(1, 25))))
        width, size = float(rng.uniform(0.3, 3)), float(rng.uniform(5, 16))
        lines = base.wrap(text, width, size, most=4)
        assert 1 <= len(lines) <= 4 and all(base.width_of(line, size) <= width + 1e-9 for line in lines)
        if not any("…" in line for line in lines):
            assert " ".join(lines) == text
    assert base.wrap("2.31·dog + 1.20·cat + 0.55·bird", base.width_of("2.31·dog + 1.20…", 8), 8, most=1) == [
        "2.31·dog + …"
    ]


def test_a_figure_too_tall_for_a_page_is_said(store, units):
    data = gather(store, FigureChoice("ranges", units, per=12))
    assert any("inches tall" in note for note in prints.notes(data))


def test_the_same_choice_gives_the_same_bytes(demo_store, store, units, tmp_path, monkeypatch):
    """By the command in two processes with other hash seeds, zones and settings, and here at another time."""
    choices = [
        FigureChoice("areas", units[:1], palette="grey", column="single", method=store.default_method),
        FigureChoice("ranges", units[:1], per=1, column="single", method=store.default_method),
    ]
    (tmp_path / "matplotlibrc").write_text("font.family: serif\nlines.linewidth: 9\nsvg.fonttype: path\n")
    code = "import sys, shlex; from lexplain_core.cli.main import app\nfor c in sys.argv[1:]: app(shlex.split(c)[3:], standalone_mode=False)"
    found = []
    for seed, more in (("1", {"TZ": "Asia/Tokyo"}), ("2", {"MATPLOTLIBRC": str(tmp_path / "matplotlibrc")})):
        folder = tmp_path / seed
        folder.mkdir()
        outs = {c.figure: [str(folder / f"{c.figure}.{kind}") for kind in prints.KINDS] for c in choices}
        commands = [prints.command(choice, demo_store, outs[choice.figure]) for choice in choices]
        env = os.environ | {"PYTHONHASHSEED": seed, **more}
        subprocess.run(
            [sys.executable, "-c", code, *commands], cwd=ROOT, check=True, env=env, capture_output=True
        )
        found.append({file.name: file.read_bytes() for file in folder.iterdir()})
    assert found[0] == found[1] and len(found[0]) == 12
    later = time.time() + 4e7
    monkeypatch.setattr(time, "time", lambda: later)
    for choice in choices:
        data = gather(store, choice)
        for kind in prints.KINDS:
            assert make(data, kind) == found[0][f"{choice.figure}.{kind}"], kind


def test_a_choice_of_figure_costs_no_matplotlib():
    code = "import lexplain_core.figures.print, pages.ui.links, sys; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_caption_says_what_a_reader_needs(store, units):
    data = gather(store, FigureChoice("ranges", units, per=2))
    shot = data.panels[0].shots[0][0]
    panel = data.panels[0]
    pinned = gather(
        store, replace(data.choice, pins=(Pin(panel.layer, panel.unit, 0, shot.image),), without=(1,))
    )
    words = prints.caption(pinned)
    assert "1 image was chosen by hand." in words and "1 image of the draw was left out by hand." in words
    for panel in data.panels:
        assert panel.explanation.text in words and ", ".join(f"{n:,}" for n in panel.counts) in words
        score = panel.score
        assert f"{score.split} split, n = {score.n:,}" in words
    assert (
        "by hand" not in prints.caption(data)
        and store.id in words
        and f"{len(store.images()):,} images" in words
    )
