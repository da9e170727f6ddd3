"""What captions claim is true of their pictures, and of no others than they say."""

from __future__ import annotations

import re

import numpy as np
import pytest

from lexplain_core.demo.captions import Claim, Contents, Phrase
from lexplain_core.demo.kinds import KIND_NAMES, KINDS
from lexplain_core.demo.palette import TEXTURES
from lexplain_core.demo.scene import BACKGROUNDS, COLOUR_NAMES, SIZES, Scene
from lexplain_core.demo.truth import PLACES


@pytest.fixture(scope="module")
def contents(scenes) -> Contents:
    return Contents(scenes)


@pytest.fixture(scope="module")
def claims(contents, scenes) -> list[tuple[int, Claim]]:
    rng = np.random.default_rng(0)
    return [(n, contents.claim(n, rng)) for n in range(len(scenes)) for _ in range(2)]


def shows(scene: Scene, phrase: Phrase) -> bool:
    """At least so many objects of the kind with all that is said of them, from the scene's own names."""
    found = 0
    for item in scene.items:
        said = [
            KINDS[item.kind].name == KINDS[phrase.kind].name,
            phrase.colour is None or item.colour == COLOUR_NAMES[phrase.colour],
            phrase.texture is None or item.texture == TEXTURES[phrase.texture],
            phrase.size is None or item.size == SIZES[phrase.size],
        ]
        found += all(said)
    return found >= phrase.count


def is_true(scene: Scene, claim: Claim) -> bool:
    place = claim.background is None or scene.background == BACKGROUNDS[claim.background]
    return place and all(shows(scene, phrase) for phrase in claim.phrases)


def test_every_claim_is_true_of_its_own_picture(scenes, claims):
    assert len(claims) >= 5000
    for n, claim in claims:
        assert is_true(scenes[n], claim), (n, str(claim))


def test_matches_is_the_plain_check(scenes, contents, claims):
    rng = np.random.default_rng(1)
    chosen = rng.choice(len(scenes), 250, replace=False)
    # some of the pictures' own, some of any, and short ones that are true of many
    some = [claims[2 * n][1] for n in chosen[:150]] + [claims[i][1] for i in rng.choice(len(claims), 150)]
    some += [Claim((Phrase(k),)) for k in range(len(KINDS))]
    some += [Claim((Phrase(k, count=2),), place) for k in range(len(KINDS)) for place in (None, 3)]
    got = contents.matches(chosen, some)
    expected = np.array([[is_true(scenes[n], claim) for claim in some] for n in chosen])
    np.testing.assert_array_equal(got, expected)
    assert got[np.arange(150), np.arange(150)].all()
    beside = got[:, :300].sum(0)
    assert (beside > 1).mean() > 0.2 and (got.mean() < 0.2)  # true of others too, and not of all


def test_matches_tells_near_misses_apart(scenes, contents):
    """A claim with one attribute changed is true only where another object makes it so."""
    rng = np.random.default_rng(2)
    refused = 0
    for n in range(400):
        kind, colour, texture, size = (int(v) for v in contents.codes[n, 0])
        here = int(contents.backgrounds[n])
        for changed in (
            Claim((Phrase((kind + 1 + rng.integers(27)) % 28, colour),)),
            Claim((Phrase(kind, (colour + 1) % len(COLOUR_NAMES)),)),
            Claim((Phrase(kind, texture=(texture + 1) % len(TEXTURES)),)),
            Claim((Phrase(kind, size=(size + 1) % len(SIZES)),)),
            Claim((Phrase(kind, colour, count=len(scenes[n].items) + 1),)),
            Claim((Phrase(kind),), (here + 1) % len(BACKGROUNDS)),
        ):
            assert contents.matches(np.array([n]), [changed])[0, 0] == is_true(scenes[n], changed)
            refused += not is_true(scenes[n], changed)
    assert refused > 2000


def test_claims_count_all_that_fit(scenes, claims):
    """'two red boats' is said of two, never 'a red boat', and an unsaid attribute counts any."""
    several = 0
    for n, claim in claims:
        for phrase in claim.phrases:
            more = Phrase(phrase.kind, phrase.colour, phrase.texture, phrase.size, phrase.count + 1)
            assert not shows(scenes[n], more)
            several += phrase.count > 1
        assert len(set(claim.phrases)) == len(claim.phrases)
    assert several > 200


def test_claims_say_more_or_less(claims):
    only = [claim for _, claim in claims]
    phrases = [p for claim in only for p in claim.phrases]
    assert {len(claim.phrases) for claim in only} == {1, 2, 3}
    for name, share in (("colour", 0.6), ("texture", 0.5), ("size", 0.3)):
        assert np.mean([getattr(p, name) is not None for p in phrases]) == pytest.approx(share, abs=0.03)
    assert np.mean([claim.background is not None for claim in only]) == pytest.approx(0.5, abs=0.03)
    assert {p.kind for p in phrases} == set(range(len(KINDS)))


def test_a_generator_gives_the_same_claims_again(contents):
    first, second = ([contents.claim(5, np.random.default_rng(s)) for s in range(20)] for _ in range(2))
    assert first == second and len(set(map(str, first))) > 5


@pytest.mark.parametrize(
    ("claim", "text"),
    [
        (Claim((Phrase(KIND_NAMES.index("boat")),)), "a boat"),
        (Claim((Phrase(KIND_NAMES.index("owl")),)), "an owl"),
        (Claim((Phrase(KIND_NAMES.index("owl"), COLOUR_NAMES.index("red")),)), "a red owl"),
        (Claim((Phrase(KIND_NAMES.index("cat"), COLOUR_NAMES.index("orange")),)), "an orange cat"),
        (
            Claim(
                (Phrase(KIND_NAMES.index("fir tree"), 0, TEXTURES.index("striped"), SIZES.index("small")),)
            ),
            f"a small striped {COLOUR_NAMES[0]} fir tree",
        ),
        (Claim((Phrase(KIND_NAMES.index("bus"), count=2),)), "two buses"),
        (
            Claim((Phrase(KIND_NAMES.index("fish"), size=2, count=3),), BACKGROUNDS.index("sea")),
            "three large fish at sea",
        ),
        (
            Claim(
                tuple(Phrase(KIND_NAMES.index(name)) for name in ("apple", "mug", "butterfly")),
                BACKGROUNDS.index("room"),
                "a picture of ",
            ),
            "a picture of an apple, a mug and a butterfly in a room",
        ),
        (
            Claim(
                tuple(Phrase(KIND_NAMES.index(name)) for name in ("dog", "car")), BACKGROUNDS.index("night")
            ),
            "a dog and a car at night",
        ),
    ],
)
def test_claims_read_well(claim, text):
    assert str(claim) == text


def test_every_claim_is_of_the_grammar(claims):
    names = "|".join(sorted((k.name for k in KINDS), key=len, reverse=True))
    plurals = "|".join(sorted((k.plural for k in KINDS), key=len, reverse=True))
    look = "".join(f"(?:(?:{'|'.join(words)}) )?" for words in (SIZES, TEXTURES, COLOUR_NAMES))
    phrase = f"(?:an? {look}(?:{names})|(?:two|three) {look}(?:{plurals}))"
    sentence = re.compile(
        f"(?:a (?:picture|drawing) of )?{phrase}(?:(?:, {phrase})? and {phrase})?(?: (?:{'|'.join(PLACES.values())}))?"
    )
    for _, claim in claims:
        text = str(claim)
        assert sentence.fullmatch(text), text
        assert not re.search(r"\ba [aeio]|\ban [^aeiou]", text), text
        assert ("an umbrella" in text) or not re.search(r"\ba u", text), text
