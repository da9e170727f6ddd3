"""Which images are shown: of any range, and none that is hidden; what ranges hold by class."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lexplain_core.store import OTHER, Store, StoreError, StoreWriter, example_images
from lexplain_core.store.groups import Groups, composition_of
from lexplain_core.store.unit import Buckets

from .helpers import CLASSES, N, fill, make


def test_images_of_a_range_and_how_many_there_are(small, made):
    unit, q = small.unit("layer1", 0), made.activations["layer1"][0]
    low, high = float(np.sort(q)[10]), float(np.sort(q)[40])  # both ends are counted in
    inside = np.flatnonzero((q >= low) & (q <= high))
    strongest = inside[np.argsort(-q[inside], kind="stable")]
    found, total = unit.between(low, high, 5, top=True)
    assert total == len(inside) == 31 and found["image"].tolist() == strongest[:5].tolist()
    assert list(found) == list(unit.examples(3)) and found["activation"].is_monotonic_decreasing
    draws = [unit.between(low, high, 8, draw)[0]["image"].tolist() for draw in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2] and set(draws[0]) < set(inside) and len(set(draws[0])) == 8
    everything, total = unit.between(-99, 99, N)
    assert total == len(everything) == N
    nothing, total = unit.between(98, 99, 5)
    assert total == 0 and nothing.empty and list(nothing) == list(found)


def test_a_hidden_image_is_in_no_examples_and_still_counts(small, made):
    unit = small.unit("layer1", 0)
    explanation = unit.explanation()

    def everything():
        drawn = [unit.examples(b, 4, seed)["image"] for b in range(-1, 8) for seed in range(3)]
        top = [unit.examples(b, 60, top=True)["image"] for b in range(-1, 8)]
        more = [unit.top(5)["image"], unit.bottom(5)["image"], unit.between(-9, 9, 60)[0]["image"]]
        return [*drawn, *top, *more, *(f["image"] for f in unit.residuals(explanation, count=5))]

    before, counts = everything(), unit.buckets.counts.copy()
    gone = {*unit.top(2)["image"], *unit.bottom(1)["image"], *before[0][:2]}
    small.hidden = frozenset(int(i) for i in gone)
    after = everything()
    for old, new in zip(before, after, strict=True):
        assert not gone & set(new)
        if len(old) == len(new) == 4:  # of a draw, only the places of the hidden ones change
            assert set(old) - gone <= set(new) or len(set(old) - gone) == 0
    assert unit.top(5)["image"].tolist() == np.argsort(-unit.activations, kind="stable")[2:7].tolist()
    assert unit.between(-9, 9, 60)[1] == N and np.array_equal(unit.buckets.counts, counts)
    assert unit.composition(explanation)["count"].sum() == counts.sum()


def test_a_draw_changes_only_where_an_image_was_hidden():
    values = np.random.default_rng(0).random(500)
    old = example_images(values, 0, 3, 5, 8)
    gone = int(old[2])
    new = example_images(values, 0, 3, 5, 8, hidden={gone, 400})
    assert len(new) == 8 and gone not in new and len(set(old) & set(new)) == 7
    assert list(example_images(values, 0, 3, 5, 8, hidden={int(np.argmin(values))})) == list(old)
    inside = np.flatnonzero(np.searchsorted(np.linspace(0, values.max(), 9)[1:-1], values) == 5)
    left = set(inside[:3].tolist())
    assert set(example_images(values, 0, 3, 5, 8, hidden=set(inside.tolist()) - left)) == left


# -- by class --------------------------------------------------------------------------------


def test_the_level_of_classes_needs_no_explanation(small, made):
    unit = small.unit("layer1", 0)
    found = unit.composition(None, level="classes")
    where = unit.buckets.assign(unit.activations)
    assert list(found) == ["bucket", "concept", "name", "count", "share"]
    for row in found.itertuples():
        inside = where == row.bucket
        if row.concept == OTHER:
            assert row.name == "other"
            continue
        assert row.name == CLASSES[row.concept]
        assert row.count == (made.labels[inside] == row.concept).sum()
        assert (
            np.isnan(row.share) if not inside.any() else row.share == pytest.approx(row.count / inside.sum())
        )
    assert found.groupby("bucket")["count"].sum().tolist() == unit.buckets.counts.tolist()
    assert found["concept"].tolist()[-1] == OTHER
    with pytest.raises(StoreError, match="no level 'kinds'"):
        unit.composition(None, level="kinds")
    with pytest.raises(StoreError, match="needs an explanation"):
        unit.composition(None)
    with pytest.raises(StoreError, match="no buckets"):
        small.unit("layer1", 4).composition(None, level="classes")


def test_of_several_superclasses_the_rarest_counts(tmp_path):
    made = make()
    path = tmp_path / "s.duckdb"
    with StoreWriter(path) as store:
        fill(store, made)  # "crane" (0) has the classes 1 and 2
        more = [(1, "bird", "bird"), (2, "again", "crane")]
        store.rows("superclasses", pd.DataFrame(more, columns=["superclass_id", "key", "name"]))
        store.rows(
            "superclass_members",
            pd.DataFrame([(1, 1), (2, 1), (2, 2)], columns=["superclass_id", "class_id"]),
        )
    with Store.open(path) as store:
        unit = store.unit("layer1", 0)
        found = unit.composition(None, level="superclasses").groupby("name")["count"].sum()
        inside = unit.activations >= 0
        count = [(made.labels[inside] == c).sum() for c in range(3)]
        # two superclasses share a name and the images of class 2: the first counts, told by its key
        assert found.to_dict() == {"bird": count[1], "crane (crane)": count[2], "other": count[0]}
        assert store.unit("layer1", 1).composition(None, level="superclasses")["concept"].iloc[-1] == OTHER


def test_few_images_of_the_highest_range_are_seen():
    q = np.concatenate([np.full(20_000, 4.5), np.full(3, 8.0), np.full(500, 0.5)])
    of_image = np.concatenate([np.arange(20_000) % 20, [30, 30, 31], np.full(500, 40)])
    groups = Groups(of_image, tuple(range(100, 150)), tuple(f"g{i}" for i in range(50)))
    found = composition_of(groups, Buckets.of(q), q)
    last = found[found["bucket"] == 7]
    assert last["concept"].tolist() == [130, 131, *range(100, 107), OTHER]
    assert last["count"].tolist()[:2] == [2, 1] and last["share"].sum() == pytest.approx(1)
    first = found[found["bucket"] == 0].set_index("concept")["count"]
    assert first[OTHER] == 500 and first.sum() == 500
    assert found[found["bucket"] == 2]["share"].isna().all()
