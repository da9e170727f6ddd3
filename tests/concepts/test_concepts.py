"""The concept filter and the label matrix, against their definitions written out plainly."""

from __future__ import annotations

import statistics

import numpy as np
import pytest
from PIL import Image

from lexplain_core.concepts import Concept, ConceptMatrix, concept_matrices, usable
from lexplain_core.probe import Attribute, ClassInfo, ProbingSet, Superclass


def plain_usable(row: list[float], train: list[bool], mean5: float, std: float) -> bool:
    """Keep if the mean of the 5 largest on train ≥ mean5 and the standard deviation there ≥ std."""
    part = [float(v) for v, t in zip(row, train, strict=True) if t]
    return statistics.fmean(sorted(part)[-5:]) >= mean5 and statistics.pstdev(part) >= std


@pytest.mark.parametrize("seed", range(40))
def test_the_filter_is_its_definition(seed):
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(3, 60)), 30
    values = np.clip(rng.beta(0.3, 1, (m, n)) * rng.uniform(0, 1.4, (m, 1)), 0, 1).astype(np.float32)
    values[0], values[1] = 0, 1
    values[2] = (np.arange(n) < 3).astype(np.float32)
    train = rng.random(n) < 0.7
    train[:2] = True
    mean5, std = float(rng.choice([0.25, 0.5, 0.9])), float(rng.choice([1e-5, 0.2]))
    got = usable(values, train, mean5, std)
    assert got.dtype == bool
    assert got.tolist() == [plain_usable(row, train, mean5, std) for row in values]


def test_the_edges_of_the_filter():
    train = np.array([True] * 10 + [False] * 10)
    values = np.zeros((7, 20), dtype=np.float32)
    values[0, :5] = 0.5  # the mean of the 5 largest is just enough
    values[1, :5] = np.nextafter(np.float32(0.5), np.float32(0))
    values[2, :2] = 1  # two images: (1 + 1 + 0 + 0 + 0) / 5 = 0.4
    values[3, :3] = 1
    values[4, 10:] = 1  # on other splits only
    values[5] = 1  # never varies
    values[6, :10] = 1  # varies, but not on the train split
    assert usable(values, train).tolist() == [True, False, False, True, False, False, False]


def test_a_subset_keeps_names_and_rows_together():
    concepts = tuple(Concept(f"k{i}", f"n{i}", "class") for i in range(4))
    matrix = ConceptMatrix("label", concepts, np.arange(12, dtype=np.float32).reshape(4, 3), {"a": 1})
    part = matrix.subset(np.array([False, True, False, True]))
    assert [c.key for c in part.concepts] == ["k1", "k3"]
    assert part.values.tolist() == [[3, 4, 5], [9, 10, 11]] and part.config == {"a": 1}


def probing(presence=None) -> ProbingSet:
    labels = np.array([0, 1, 2, 0, 2])
    return ProbingSet(
        name="set",
        source="made by hand",
        keys=tuple("abcde"),
        labels=labels,
        classes=(ClassInfo("n1", "dog"), ClassInfo("n2", "cat"), ClassInfo("n3", "car")),
        load=lambda i: Image.new("RGB", (4, 4)),
        superclasses=(Superclass("s1", "animal", (0, 1)), Superclass("s2", "animal", (1, 2))),
        attributes=(Attribute("red", "red", "colour", np.array([True, False, True, False, False])),),
        presence=presence,
    )


def test_the_label_matrix_of_single_labels():
    matrix = concept_matrices["label"](probing())
    assert matrix.name == "label" and matrix.values.dtype == np.float32
    assert [(c.name, c.origin) for c in matrix.concepts] == [
        ("dog", "class"),
        ("cat", "class"),
        ("car", "class"),
        ("animal", "superclass"),
        ("animal", "superclass"),
        ("red", "colour"),
    ]
    assert len({c.key for c in matrix.concepts}) == 6
    assert matrix.values.astype(int).tolist() == [
        [1, 0, 0, 1, 0],
        [0, 1, 0, 0, 0],
        [0, 0, 1, 0, 1],
        [1, 1, 0, 1, 0],
        [0, 1, 1, 0, 1],
        [1, 0, 1, 0, 0],
    ]


def test_the_label_matrix_of_a_set_that_knows_every_class_in_an_image():
    presence = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1], [1, 0, 1], [0, 0, 1]], dtype=bool)
    values = concept_matrices["label"](probing(presence)).values.astype(int)
    assert values[:3].tolist() == presence.T.astype(int).tolist()
    assert values[3].tolist() == [1, 1, 1, 1, 0] and values[4].tolist() == [0, 1, 1, 1, 1]


@pytest.mark.parametrize("name", list(concept_matrices))
def test_every_matrix_is_in_the_unit_interval(name):
    matrix = concept_matrices[name](probing())
    assert matrix.name == name and matrix.values.shape == (len(matrix.concepts), 5)
    assert matrix.values.min() >= 0 and matrix.values.max() <= 1
