"""What units push towards, against a loop over images."""

from __future__ import annotations

import numpy as np
import pytest

from lexplain_core.measures.output_effects import STRONGEST, find_output_effects
from lexplain_core.store.buckets import Buckets
from lexplain_core.store.model import CERTAIN

from .brute import CLASSES, KINDS, LAYER_OF, Brute


def plain_pushes(brute: Brute, unit: int) -> dict[int, np.ndarray]:
    """For each bucket with images the mean change of every output, centred over the outputs."""
    mean = brute.q[unit].astype(np.float64).mean()
    where = Buckets.of(brute.q[unit]).assign(brute.q[unit])
    out = {}
    for bucket in np.unique(where):
        changes = []
        for image in np.flatnonzero(where == bucket):
            as_is = brute.logits(image, unit, brute.q[unit, image]).numpy()
            changes.append(as_is - brute.logits(image, unit, mean).numpy())
        out[bucket] = np.mean(changes, axis=0) - np.mean(changes)
    return out


@pytest.mark.parametrize("kind", KINDS)
def test_pushes_are_what_a_loop_over_images_gives(world, kind):
    effects = KINDS[kind](world)
    brute = Brute(world, LAYER_OF[kind], "whole")
    for unit, got in find_output_effects(effects, [1, 0], runs=1_000_000).items():
        expected = plain_pushes(brute, unit)
        counts = np.bincount(Buckets.of(brute.q[unit]).assign(brute.q[unit]) + 1, minlength=9)
        assert sorted(got.bucket.unique()) == sorted(expected)
        for bucket, rows in got.groupby("bucket"):
            change = expected[bucket]
            assert rows.change.to_numpy() == pytest.approx(change[rows.output], abs=2e-5)
            assert set(rows.images) == {counts[bucket + 1]} and set(rows.error) == {0}
            up, down = rows[rows["rank"] > 0], rows[rows["rank"] < 0]
            assert up["rank"].tolist() == list(range(1, len(up) + 1))
            assert down["rank"].tolist() == list(range(-1, -len(down) - 1, -1))
            assert (up.change > 0).all() and (down.change < 0).all()
            assert up.change.is_monotonic_decreasing and down.change.is_monotonic_increasing
            assert len(up) == min(STRONGEST, (change > 1e-5).sum())
            assert len(up) + len(down) == CLASSES


def test_only_the_strongest_are_kept(world, monkeypatch):
    from lexplain_core.measures import output_effects

    monkeypatch.setattr(output_effects, "STRONGEST", 2)
    effects = Brute(world, "late", "closed")
    got = find_output_effects(effects, [0], runs=1)[0]
    top = got[got.bucket == 7]
    change = plain_pushes(effects, 0)[7]
    order = np.argsort(-change)
    assert dict(zip(top["rank"], top.output, strict=True)) == {
        1: order[0],
        2: order[1],
        -1: order[-1],
        -2: order[-2],
    }


@pytest.mark.parametrize("kind", [kind for kind in KINDS if LAYER_OF[kind] == "late"])
def test_a_unit_that_the_head_ignores_pushes_nothing(world, kind):
    effects = KINDS[kind](world)
    last = len(effects.q) - 1
    got = find_output_effects(effects, [last], runs=1_000_000)[last]
    assert got.empty and list(got.columns) == ["bucket", "output", "change", "error", "rank", "images"]


def test_samples_keep_to_their_runs_and_take_all_buckets_alike(world):
    effects = Brute(world, "late", "whole")
    got = find_output_effects(effects, [0, 1], runs=60)
    assert effects.runs <= 60
    counts = np.bincount(Buckets.of(effects.q[0]).assign(effects.q[0]) + 1, minlength=9)
    of_bucket = got[0].groupby("bucket").images.first()
    assert sorted(of_bucket.index) == [b for b in range(-1, 8) if counts[b + 1]]
    assert all(of_bucket[b] == counts[b + 1] or of_bucket[b] >= 30 // 9 for b in of_bucket.index)
    assert of_bucket.sum() <= 30
    few = find_output_effects(effects, [0], runs=3)[0]
    assert sorted(few.bucket.unique()) == sorted(of_bucket.index)[-3:]


def test_output_effects_know_their_errors(world):
    """What is certain is near the truth; what three images of a range happen to show is not certain."""
    effects = Brute(world, "late", "whole")
    z, certain = [], []
    for unit in range(4):
        expected = plain_pushes(effects, unit)
        for seed in range(25):
            got = find_output_effects(effects, [unit], runs=40, seed=seed)[unit]
            got = got[got.error > 0]
            truth = np.array([expected[row.bucket][row.output] for row in got.itertuples()])
            z += ((got.change - truth) / got.error).tolist()
            certain += (truth / got.change)[got.change.abs() > CERTAIN * got.error].tolist()
    assert np.mean(np.abs(z) > 3) < 0.05 and np.sqrt(np.mean(np.minimum(np.square(z), 100))) < 1.4
    assert len(certain) > 100 and np.mean(np.array(certain) < 0.5) < 0.05 and min(certain) > 0


def test_one_image_of_each_bucket_is_no_error(world):
    got = find_output_effects(Brute(world, "late", "whole"), [0], runs=9)[0]
    sampled = got[got.images == 1]
    assert len(sampled) and sampled.error[sampled.error > 0].empty


def test_samples_are_unbiased(world):
    effects = Brute(world, "late", "whole")
    expected = plain_pushes(effects, 2)
    sums = {bucket: np.zeros(CLASSES) for bucket in expected}
    squares = {bucket: np.zeros(CLASSES) for bucket in expected}
    for seed in range(100):
        for row in find_output_effects(effects, [2], runs=45, seed=seed)[2].itertuples():
            sums[row.bucket][row.output] += row.change / 100
            squares[row.bucket][row.output] += row.change**2 / 100
    for bucket, change in expected.items():
        error = np.sqrt(np.maximum(squares[bucket] - sums[bucket] ** 2, 0) / 100)
        assert (abs(sums[bucket] - change) < 4 * error + 1e-5).all()
