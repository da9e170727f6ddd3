"""What is done to every probing set: limit, names, superclasses; on a set that has everything."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from lexplain_core.base.errors import UserError
from lexplain_core.config import Probe
from lexplain_core.probe import (
    Attribute,
    ClassInfo,
    ComputedLayer,
    ComputedUnit,
    ProbingSet,
    Superclass,
    load_probing_set,
    probing_sets,
    take,
)

N = 120


def full_set() -> ProbingSet:
    """Image i is a grey of level i; everything that is kept per image tells i too."""
    presence = np.zeros((N, 3), dtype=bool)
    presence[np.arange(N), np.arange(N) % 3] = True
    presence[::5, 2] = True
    return ProbingSet(
        name="full",
        source="set that has everything",
        keys=tuple(f"k{i}" for i in range(N)),
        labels=np.arange(N, dtype=np.int64) % 3,
        classes=tuple(ClassInfo(k, k) for k in ("x", "y", "z")),
        load=lambda i: Image.new("RGB", (4, 4), (i, i, i)),
        superclasses=(Superclass("own", "own", (0, 1)),),
        attributes=(Attribute("odd", "odd", "parity", np.arange(N) % 2 == 1),),
        presence=presence,
        captions=tuple(f"grey {i}" for i in range(N)),
        computed_layers=(
            ComputedLayer("planted", (ComputedUnit("u"),), np.arange(N, dtype=np.float32)[None], "none"),
        ),
    )


@pytest.fixture
def registered(monkeypatch):
    """The set under the name 'full', for one test."""
    monkeypatch.setitem(probing_sets._items, "full", lambda probe, **_: full_set())
    return full_set()


def check_part(part: ProbingSet, indices: list[int]) -> None:
    whole = full_set()
    assert part.keys == tuple(f"k{i}" for i in indices)
    assert part.labels.tolist() == [i % 3 for i in indices]
    assert [part.load(j).getpixel((0, 0))[0] for j in range(len(part))] == indices
    assert part.attributes[0].present.tolist() == [i % 2 == 1 for i in indices]
    assert np.array_equal(part.presence, whole.presence[indices])
    assert part.captions == tuple(f"grey {i}" for i in indices)
    assert part.computed_layers[0].activations.tolist() == [[float(i) for i in indices]]
    assert part.classes == whole.classes


def test_take_keeps_everything_in_step():
    check_part(take(full_set(), [5, 3, 100]), [5, 3, 100])
    check_part(take(take(full_set(), [5, 3, 100]), [2, 0]), [100, 5])


def test_limit_of_any_set(registered):
    part = load_probing_set(Probe(set="full", limit=60), seed=4)
    indices = [int(k[1:]) for k in part.keys]
    assert indices == sorted(indices) and np.bincount(part.labels).tolist() == [20, 20, 20]
    check_part(part, indices)


def test_superclasses_given_replace_those_of_the_set(registered, tmp_path):
    assert load_probing_set(Probe(set="full")).superclasses[0].key == "own"
    file = tmp_path / "s.json"
    file.write_text('{"last": ["zed", "y"]}')
    names = tmp_path / "names.txt"
    names.write_text("z\tzed, last letter\n")
    found = load_probing_set(Probe(set="full", superclasses=str(file), names=names))
    assert found.superclasses == (Superclass("last", "last", (1, 2)),)
    assert [c.name for c in found.classes] == ["x", "y", "zed"]


def test_any_set_needs_fifty_images(registered, monkeypatch):
    small = take(full_set(), range(49))
    monkeypatch.setitem(probing_sets._items, "full", lambda probe, **_: small)
    with pytest.raises(UserError, match="The set that has everything has 49 good images; at least 50"):
        load_probing_set(Probe(set="full"))


def test_presence_defaults_to_the_labels():
    plain = replace(full_set(), presence=None)
    assert np.array_equal(np.argmax(plain.class_presence(), axis=1), plain.labels)
    assert take(plain, [1]).presence is None
