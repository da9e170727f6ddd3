"""Labels, superclasses and captions agree with the scenes."""

from __future__ import annotations

import numpy as np
import pytest

from lexplain_core.demo.kinds import KIND_NAMES, KINDS, LEVELS, superclass_members
from lexplain_core.demo.palette import TEXTURES
from lexplain_core.demo.scene import BACKGROUNDS, COLOUR_NAMES, make_scene
from lexplain_core.demo.truth import caption, truth_of


def test_superclasses_nest_and_say_something_new():
    members = superclass_members()
    assert len({frozenset(kinds) for kinds in members.values()}) == len(members)
    for (_, name), kinds in members.items():
        assert 2 <= len(kinds) < len(KINDS), name
    for level in LEVELS:
        listed = [k for (of, _), kinds in members.items() if of == level for k in kinds]
        assert sorted(listed) == list(range(len(KINDS))), f"every kind has one {level}"
    for lower, upper in zip(LEVELS, LEVELS[1:], strict=False):
        for (of, _), kinds in members.items():
            if of == lower:
                assert len({getattr(KINDS[k], upper) for k in kinds}) == 1


def test_names_are_unique_over_all_sorts(truth):
    names = [
        *KIND_NAMES,
        *(name for _, name in superclass_members()),
        *(name for _, names, _ in truth.attributes() for name in names),
    ]
    assert len(set(names)) == len(names)
    assert set(truth.concepts()) == set(names)


def test_labels_are_what_the_scenes_hold(scenes, truth):
    assert np.array_equal(truth.kinds.sum(1), [len({i.kind for i in s.items}) for s in scenes])
    assert truth.kinds[np.arange(len(scenes)), truth.main].all()
    assert (truth.backgrounds.sum(1) == 1).all() and (truth.counts.sum(1) == 1).all()
    rng = np.random.default_rng(0)
    for i in rng.choice(len(scenes), 200, replace=False):
        items = scenes[i].items
        assert {KIND_NAMES[k] for k in np.flatnonzero(truth.kinds[i])} == {KINDS[x.kind].name for x in items}
        assert {COLOUR_NAMES[k] for k in np.flatnonzero(truth.colours[i])} == {x.colour for x in items}
        assert {TEXTURES[k] for k in np.flatnonzero(truth.textures[i])} == {x.texture for x in items}
        assert BACKGROUNDS[np.flatnonzero(truth.backgrounds[i])[0]] == scenes[i].background
        assert np.flatnonzero(truth.counts[i])[0] + 1 == len(items)


def test_every_concept_is_frequent_enough_to_be_found(truth):
    share = {name: present.mean() for name, present in truth.concepts().items()}
    assert min(share[k] for k in KIND_NAMES) >= 0.04
    assert min(share[c] for c in COLOUR_NAMES) >= 0.15
    assert min(share[b] for b in BACKGROUNDS) >= 0.12
    assert min(share[t] for t in TEXTURES) >= 0.25
    assert max(share.values()) < 0.8
    assert np.bincount(truth.main).tolist() == [len(truth.main) // len(KINDS)] * len(KINDS)


@pytest.mark.parametrize("seed", [0, 1])
def test_captions_name_every_object(seed):
    numbers = {"a": 1, "an": 1, "two": 2, "three": 3}
    for i in range(500):
        scene = make_scene(seed, i)
        words = caption(scene)
        assert sum(numbers.get(word, 0) for word in words.split()) >= len(scene.items)
        for item in scene.items:
            kind = KINDS[item.kind]
            assert kind.name in words or kind.plural in words
            assert item.colour in words
            assert item.texture in words or item.texture == "plain"
        assert scene.background in words


def test_captions_read_well():
    first = [caption(make_scene(0, i)) for i in range(2000)]
    pairs = [c for c in first if c.startswith("two ")]
    assert pairs and all(" a a" not in c and "  " not in c for c in first)
    assert not any(
        f" a {vowel}" in f" {c}" for c in first for vowel in ("orange", "owl", "umbrella", "apple")
    )


def test_a_prefix_has_the_labels_of_the_whole(scenes, truth):
    part = truth_of(scenes[:60])
    assert np.array_equal(part.kinds, truth.kinds[:60]) and np.array_equal(part.main, truth.main[:60])
