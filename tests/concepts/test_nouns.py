"""data/concepts/nouns.txt: what is in it and what is not, and that its script makes it again."""

from __future__ import annotations

import math
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from lexplain_core.base.errors import UserError
from lexplain_core.concepts import normalised
from lexplain_core.concepts.sets import read_concepts
from scripts import make_nouns, noun_rules
from scripts.make_nouns import NOUNS, Visible, WordNet, same_word

WORDNET = Path("/usr/share/wordnet")
# Mostly other parts of speech, however frequent; names; slurs and obscenities.
NOT_THERE = """
    will can may must might shall well like over have has was does are all more about out back there here now then
    john mike maria london france google america monday
    nigger faggot kike chink spic dyke cunt bitch whore slut retard tranny fuck shit asshole cock dick pussy
    penis vagina porn terrorist criminal idiot loser illegal negro gypsy slave
    dogs men children women cats houses colour grey doughnuts aeroplane moustache
""".split()
THERE = """
    dog cat bird tree car bus train bed chair table window door wheel flower grass sky water snow fire cloud sunset
    man woman child face eye hand hair beard hat shirt jeans shoe glasses bread apple pizza cake wine banana
    red green blue black white stripe circle spiral grid text letter mirror shadow map bridge church castle
    beach mountain river forest desert kitchen football tennis wedding crowd guitar piano snake spider shark
    bat bear duck rose saw traffic_light fire_truck teddy_bear ice_cream
""".split()


@pytest.fixture(scope="module")
def nouns() -> list[str]:
    return read_concepts(NOUNS)


@pytest.fixture(scope="module")
def wordnet() -> WordNet:
    if not (WORDNET / "data.noun").is_file():
        pytest.skip(f"no WordNet at {WORDNET}: apt-get install wordnet-base")
    return WordNet(WORDNET)


def test_the_file_has_its_size_form_and_no_doubles(nouns):
    assert 5500 <= len(nouns) <= 6500
    assert len({normalised(noun) for noun in nouns}) == len(nouns)
    odd = [noun for noun in nouns if not re.fullmatch("[a-z]{2,}( [a-z]{2,}){0,2}", noun) or len(noun) < 3]
    assert odd == []
    compounds = [" " in noun for noun in nouns]
    assert 500 < sum(compounds) < 1000 and compounds == sorted(compounds)


def test_the_header_names_script_sources_licences_and_date():
    head = "".join(line for line in NOUNS.read_text("utf-8").splitlines(True) if line.startswith("#"))
    for part in [
        "make_nouns.py",
        "WordNet 3.0",
        "Princeton",
        "wordfreq 3.1.1",
        "CC BY-SA 4.0",
        "SUBTLEX",
        "2026-",
    ]:
        assert part in head, part
    readme = (NOUNS.parent / "README.md").read_text("utf-8")
    notice = (NOUNS.parents[2] / "NOTICE").read_text("utf-8")
    for part in ["Robyn Speer", "Google Books", "books.google.com/ngrams", "Leeds", "Wikipedia", "ParaCrawl"]:
        assert part in readme and part in notice, part
    for part in [
        "OpenSubtitles",
        "SUBTLEX",
        "Brysbaert",
        "by-sa/4.0",
        "THIS SOFTWARE AND DATABASE IS PROVIDED",
    ]:
        assert part in readme and part in notice, part


def test_what_is_not_there_and_what_is(nouns):
    there = {normalised(noun) for noun in nouns}
    assert sorted(there & set(NOT_THERE)) == []
    assert sorted(there & {normalised(noun) for noun in noun_rules.DROP}) == []
    assert sorted({normalised(noun) for noun in THERE} - there) == []
    assert not noun_rules.KEEP & noun_rules.DROP and not noun_rules.KEEP_COMPOUNDS & noun_rules.DROP


def test_the_rules_name_meanings_that_wordnet_has(wordnet):
    for name in [*noun_rules.LOWER, *noun_rules.HIGHER, *noun_rules.RUDE_USAGE]:
        assert wordnet.named(name) in wordnet.synsets
    for name in noun_rules.KEEP | noun_rules.KEEP_COMPOUNDS | set(noun_rules.AS_PLURAL):
        assert name.replace(" ", "_") in wordnet.senses, name


def test_synsets_are_read_as_wndb_says(wordnet):
    file, words, pointers, gloss = wordnet.synsets["02084071"]
    assert (file, words) == ("animal", ["dog", "domestic_dog", "Canis_familiaris"])
    assert ("@", "02083346") in pointers and gloss.startswith("a member of the genus Canis")
    assert wordnet.senses["dog"][0] == "02084071" and len(wordnet.senses["dog"]) == 7
    assert wordnet.uses["dog", 1] == 42 and wordnet.all_uses["dog"][2] == 2
    assert wordnet.named("animal.1") in wordnet.above("02084071")


def test_shares_and_forms(wordnet):
    visible = Visible(wordnet)
    assert visible.share("dog")[0] > 0.8 and visible.share("idea")[0] < 0.2
    # In running text these are verbs, adjectives or adverbs, or forms of verbs.
    for word in ["can", "well", "back", "handle", "left", "found"]:
        assert visible.share(word)[1] < make_nouns.LEAST_NOUN, word
    assert visible.share("bed")[1] > 0.9  # no form of "be"
    assert [w for w in ["dogs", "men", "wolves", "glass", "bus", "dress"] if visible.inflected(w)] == [
        "dogs",
        "men",
        "wolves",
    ]
    assert visible.rude(wordnet.named("kike.1")) and not visible.rude(wordnet.named("dog.1"))
    assert visible.weight("crane", wordnet.named("crane.1")) == 0  # Stephen Crane
    count = wordnet.uses["tree", 1] + 0.5
    shapes = wordnet.uses["tree", 2] + 0.25
    person = wordnet.senses["tree"][2]
    assert visible.proper("tree", person)
    others = wordnet.all_uses["tree"][2] + make_nouns.OTHER_SPEECH
    total = count + shapes + wordnet.uses["tree", 3] + 0.5 / 3 + others
    assert math.isclose(visible.share("tree")[0], (count + shapes) / total)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("theatre", "theater", True),
        ("catalogue", "catalog", True),
        ("moustache", "mustache", True),
        ("aeroplane", "airplane", True),
        ("plane", "airplane", False),
        ("sofa", "couch", False),
    ],
)
def test_spellings(one, other, same):
    assert same_word(one, other) is same and same_word(other, one) is same


def test_missing_sources_are_said(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="wordnet-base"):
        WordNet(tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "wordfreq", None)
    with pytest.raises(UserError, match="pip install wordfreq==3.1.1"):
        make_nouns.make_nouns(WORDNET)


def test_the_script_makes_the_file_again(wordnet):
    try:
        installed = version("wordfreq")
    except PackageNotFoundError:
        pytest.skip("wordfreq is not installed (only the script of the nouns needs it)")
    if installed != make_nouns.WORDFREQ:
        pytest.skip(f"wordfreq {installed} is installed; the nouns are made with {make_nouns.WORDFREQ}")
    assert make_nouns.make_nouns(WORDNET) == NOUNS.read_text("utf-8")
