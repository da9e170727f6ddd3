"""The demo's two dual encoders know the demo world's words, and are two."""

from __future__ import annotations

import numpy as np
import pytest

from lexplain_core.base.errors import UserError
from lexplain_core.concepts import load_encoder, refuse_same
from lexplain_core.config import Encoder
from lexplain_core.demo.encoders import FOLDER, average_precision, precision_by_concept
from lexplain_core.demo.many import draw_images
from lexplain_core.demo.scene import HELD_OUT_SEED, make_scene

ROLES = ("explainer", "simulator")
IMAGES = 300


@pytest.fixture(scope="module")
def encoders() -> dict:
    return {role: load_encoder(Encoder(model=f"demo/{role}"), "cpu") for role in ROLES}


@pytest.fixture(scope="module")
def held_out() -> tuple[np.ndarray, list]:
    images = np.concatenate(list(draw_images(HELD_OUT_SEED, range(IMAGES))))
    return images, [make_scene(HELD_OUT_SEED, i) for i in range(IMAGES)]


def plain_average_precision(present, score) -> float:
    """Precision among the pictures down to each positive, averaged; of equal scores the first is ahead."""
    order = sorted(range(len(score)), key=lambda i: (-score[i], i))
    precisions = []
    for rank in range(1, len(order) + 1):
        if present[order[rank - 1]]:
            precisions.append(sum(bool(present[i]) for i in order[:rank]) / rank)
    return sum(precisions) / len(precisions) if precisions else float("nan")


def test_average_precision_is_the_plain_one():
    assert average_precision(np.array([1, 0, 1, 0]), np.array([4, 3, 2, 1])) == pytest.approx((1 + 2 / 3) / 2)
    assert np.isnan(average_precision(np.zeros(4), np.arange(4)))
    rng = np.random.default_rng(0)
    for _ in range(200):
        n = int(rng.integers(1, 40))
        present, score = rng.random(n) < rng.random(), rng.integers(0, 8, n) / 8
        expected = plain_average_precision(present, score)
        assert average_precision(present, score) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("role", ROLES)
def test_bare_words_find_their_pictures(encoders, held_out, role):
    found = precision_by_concept(encoders[role], *held_out)
    assert len(found) == 72 and not np.isnan(list(found.values())).any()
    assert np.mean(list(found.values())) >= 0.9, sorted(found.items(), key=lambda item: item[1])[:10]


def test_a_shuffled_world_is_not_known(encoders, held_out):
    images, scenes = held_out
    order = np.random.default_rng(0).permutation(IMAGES)
    found = precision_by_concept(encoders["explainer"], images[order], scenes)
    assert np.mean(list(found.values())) < 0.4


def test_the_two_are_two(encoders):
    one, other = (encoders[role] for role in ROLES)
    assert one.fingerprint != other.fingerprint and one.weights != other.weights
    shapes = [sorted(tuple(p.shape) for p in e.model.parameters()) for e in (one, other)]
    assert shapes[0] != shapes[1]
    assert one.facts["embedding"] != other.facts["embedding"]
    assert refuse_same(one, other, allow=False) is False
    with pytest.raises(UserError, match="same model"):
        refuse_same(one, load_encoder(Encoder(model=str(FOLDER / "explainer")), "cpu"), allow=False)


def test_what_is_committed_is_small():
    for role in ROLES:
        size = sum(path.stat().st_size for path in (FOLDER / role).iterdir())
        assert size < 4_000_000
