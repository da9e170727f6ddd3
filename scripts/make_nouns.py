"""Make `data/concepts/nouns.txt`: about 6,000 common English nouns for things that can be seen.

    apt-get install wordnet-base
    python -m pip install wordfreq==3.1.1        (only this script needs it)
    python -m scripts.make_nouns --wordnet /usr/share/wordnet

A word's worth is its frequency (wordfreq's Zipf scale, log10 of uses per billion words), less what
its other meanings take away: worth = zipf + 3·log10(share), with share the part of its uses that
mean something visible. Uses per meaning are WordNet's counts of the texts that it was tagged on
(`cntlist.rev`), of all parts of speech, with a little added for each meaning, as most have none. What
is visible is said by WordNet's hierarchy (`noun_rules.py`). The words of the greatest worth are
taken; compounds too, by how often WordNet's own definitions use them, since wordfreq counts no
compounds. The result is the same, byte for byte, with the same two sources. File formats: wndb(5WN).
"""

from __future__ import annotations

import argparse
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from functools import cached_property
from pathlib import Path

from lexplain_core.base.errors import UserError
from scripts import noun_rules as rules

NOUNS = Path(__file__).resolve().parents[1] / "data/concepts/nouns.txt"
WORDFREQ = "3.1.1"
DATE = "2026-11-21"
WORDS, COMPOUNDS = 5250, 720
# Added to a meaning's count: the first of a word's meanings is the likeliest also where none was tagged.
PRIOR = 0.5
# Added for each other part of speech that a word has, and the share of a verb's uses in one inflected form.
OTHER_SPEECH, INFLECTED = 0.25, 0.25
LEAST_SHARE, LEAST_NOUN = 0.3, 0.45
# Compounds: uses in WordNet's definitions and tagged texts, and a bound from the frequency of their words.
COMPOUND_USES, COMPOUND_ZIPF, COMPOUND_SHARE = 2, 3.6, 0.6
# Counted for compounds that are kept by hand.
KEPT_USES = 6
# Two nouns of one first meaning are spellings of one word from this likeness of their letters on.
SAME_WORD = 0.75
_SPEECH = {"noun": 1, "verb": 2, "adj": 3, "adv": 4}
_NAMES = (
    "adj.all adj.pert adv.all Tops act animal artifact attribute body cognition communication event feeling "
    "food group location motive object person phenomenon plant possession process quantity relation shape "
    "state substance time"
).split()


class WordNet:
    """The parts of WordNet 3.0 that the rules ask for; lemmas are in lower case, with `_` for a space."""

    def __init__(self, folder: Path):
        self.folder = folder
        # synset id -> (lexicographer file, words as written, pointers, definition)
        self.synsets: dict[str, tuple[str, list[str], list[tuple[str, str]], str]] = {}
        for line in self._lines("data.noun"):
            head, _, gloss = line.partition(" | ")
            fields = head.split()
            words = int(fields[3], 16)
            start = 5 + 2 * words
            pointers = [
                (fields[i], fields[i + 1]) for i in range(start, start + 4 * int(fields[start - 1]), 4)
            ]
            file = _NAMES[int(fields[1])]
            self.synsets[fields[0]] = (file, fields[4 : start - 1 : 2], pointers, gloss.strip())
        self.senses: dict[str, list[str]] = {}  # noun -> synset ids, most frequent first
        self.speech: dict[str, set[int]] = defaultdict(set)  # lemma -> parts of speech
        for name, number in _SPEECH.items():
            for line in self._lines(f"index.{name}"):
                fields = line.split()
                self.speech[fields[0]].add(number)
                if name == "noun":
                    self.senses[fields[0]] = fields[-int(fields[2]) :]
        self.uses: Counter[tuple[str, int]] = Counter()  # (noun, number of the sense) -> tagged uses
        self.all_uses: dict[str, Counter[int]] = defaultdict(Counter)  # lemma -> part of speech -> uses
        for line in self._lines("cntlist.rev"):
            key, sense, count = line.split()
            lemma, _, rest = key.partition("%")
            number = 3 if rest[0] == "5" else int(rest[0])
            self.all_uses[lemma][number] += int(count)
            if number == 1:
                self.uses[lemma, int(sense)] += int(count)
        self._above: dict[str, frozenset[str]] = {}

    def _lines(self, name: str) -> Iterator[str]:
        try:
            text = (self.folder / name).read_text("utf-8")
        except OSError as error:
            raise UserError(
                f"{self.folder / name} can't be read ({error.strerror}): install Debian's wordnet-base, or give --wordnet."
            ) from None
        return (line for line in text.splitlines() if not line.startswith("  "))  # the licence at the top

    def irregular(self, name: str) -> dict[str, list[str]]:
        """Irregular form -> base forms, of `noun` or `verb`."""
        found: dict[str, list[str]] = defaultdict(list)
        for line in self._lines(f"{name}.exc"):
            form, *bases = line.split()
            found[form] += bases
        return found

    @cached_property
    def irregular_nouns(self) -> dict[str, list[str]]:
        return self.irregular("noun")

    @cached_property
    def irregular_verbs(self) -> dict[str, list[str]]:
        return self.irregular("verb")

    def above(self, synset: str) -> frozenset[str]:
        """The synset and all its hypernyms by all paths."""
        if synset not in self._above:
            ups = [to for symbol, to in self.synsets[synset][2] if symbol in ("@", "@i")]
            self._above[synset] = frozenset({synset}).union(*(self.above(up) for up in ups))
        return self._above[synset]

    def named(self, sense: str) -> str:
        """The synset of `lemma.number`."""
        lemma, _, number = sense.rpartition(".")
        return self.senses[lemma][int(number) - 1]


class Visible:
    """How much of a word's use means something that can be seen."""

    def __init__(self, wordnet: WordNet):
        self.wordnet = wordnet
        self.lower = {wordnet.named(name): weight for name, weight in rules.LOWER.items()}
        self.higher = {wordnet.named(name): weight for name, weight in rules.HIGHER.items()}
        self._rude = [wordnet.named(name) for name in rules.RUDE_USAGE]

    def proper(self, lemma: str, synset: str) -> bool:
        """Whether the word is written with a capital in this meaning."""
        forms = (form.partition("(")[0] for form in self.wordnet.synsets[synset][1])
        return lemma not in forms

    def rude(self, synset: str) -> bool:
        """Whether WordNet marks the meaning as a slur, disparagement or obscenity, or its definition says so."""
        _, _, pointers, gloss = self.wordnet.synsets[synset]
        marked = any(symbol == ";u" and to in self._rude for symbol, to in pointers)
        return marked or bool(re.search(rules.RUDE_WORDS, gloss.partition('; "')[0]))

    def weight(self, lemma: str, synset: str) -> float:
        """0 … 1: how visible this meaning is. A rule that says more beats one that says less, but not 0."""
        if self.proper(lemma, synset):
            return 0.0
        above = self.wordnet.above(synset)
        lower = min((self.lower[s] for s in above if s in self.lower), default=None)
        higher = max((self.higher[s] for s in above if s in self.higher), default=None)
        base = rules.BY_FILE[self.wordnet.synsets[synset][0]]
        if lower == 0 or (lower is not None and higher is None):
            return lower
        return base if higher is None else max(higher, base if lower is None else 0.0)

    def share(self, lemma: str) -> tuple[float, float]:
        """(share of the uses that mean something visible, share of those that are a noun at all)."""
        total = seen = 0.0
        for number, synset in enumerate(self.wordnet.senses[lemma], start=1):
            count = self.wordnet.uses[lemma, number] + PRIOR / number
            total += count
            seen += count * self.weight(lemma, synset)
        others = sum(n for speech, n in self.wordnet.all_uses[lemma].items() if speech != 1)
        others += OTHER_SPEECH * len(self.wordnet.speech[lemma] - {1})
        others += INFLECTED * sum(self.wordnet.all_uses[verb][2] for verb in self._verbs(lemma))
        return seen / (total + others), total / (total + others)

    def _verbs(self, word: str) -> set[str]:
        """The verbs that the word may be an inflected form of."""
        found = set(self.wordnet.irregular_verbs.get(word, ()))
        for ending in ("ing", "ed"):
            if word.endswith(ending) and len(word) > len(ending) + 2:  # "bed" is no form of "be"
                stem = word[: -len(ending)]
                found |= {stem, f"{stem}e", *([stem[:-1]] if stem[-1:] == stem[-2:-1] else [])}
        found |= {word.removesuffix("s"), word.removesuffix("es")} - {word}
        return {verb for verb in found if 2 in self.wordnet.speech.get(verb, ())}

    def inflected(self, word: str) -> bool:
        """Whether the word is the plural of another noun."""
        bases = set(self.wordnet.irregular_nouns.get(word, ()))
        for ending, single in rules.PLURALS:
            if word.endswith(ending):
                bases.add(word[: -len(ending)] + single)
        return any(len(base) > 2 and base != word and base in self.wordnet.senses for base in bases)


def single_words(visible: Visible, zipf) -> list[tuple[float, float, str]]:
    """(worth, zipf, word) of every single word that the rules let pass, of the greatest worth first."""
    found = []
    for lemma in visible.wordnet.senses:
        if lemma in rules.KEEP or lemma in rules.AS_PLURAL:
            found.append((math.inf, zipf(rules.AS_PLURAL.get(lemma, lemma)), lemma))
            continue
        if not re.fullmatch("[a-z]{3,}", lemma) or lemma in rules.DROP or zipf(lemma) < 2:
            continue
        if any(visible.rude(s) for s in visible.wordnet.senses[lemma]) and lemma not in rules.HARMLESS:
            continue
        share, noun = visible.share(lemma)
        if share < LEAST_SHARE or noun < LEAST_NOUN or visible.inflected(lemma):
            continue
        found.append((zipf(lemma) + 3 * math.log10(share), zipf(lemma), lemma))
    return sorted(found, key=lambda f: (-f[0], f[2]))


def same_word(one: str, other: str) -> bool:
    """Whether two words of one meaning look like spellings of each other; plane and airplane do not."""
    if (one in other or other in one) and abs(len(one) - len(other)) > 2:
        return False
    return SequenceMatcher(None, one, other).ratio() >= SAME_WORD


def without_spellings(wordnet: WordNet, found: Iterable[tuple]) -> list[tuple]:
    """The list without the rarer of two spellings of one word (theatre, theater; doughnut, donut)."""
    same: dict[str, list[str]] = defaultdict(list)
    kept = []
    for item in sorted(found, key=lambda f: (-f[1], f[2])):
        twins = same[wordnet.senses[item[2]][0]]
        if not any(same_word(item[2], twin) for twin in twins):
            twins.append(item[2])
            kept.append(item)
    return sorted(kept, key=lambda f: (-f[0], f[2]))


def compounds(visible: Visible, zipf) -> list[tuple[int, float, str]]:
    """(uses, zipf, compound) of two words, the most used first."""
    wordnet = visible.wordnet
    known = {c for c in wordnet.senses if re.fullmatch("[a-z]{3,}(_[a-z]{2,}){1,2}", c)}
    uses: Counter[str] = Counter({c: sum(wordnet.all_uses[c].values()) for c in known})
    for name in _SPEECH:
        for line in wordnet._lines(f"data.{name}"):
            words = re.findall("[a-z]+", line.partition(" | ")[2].lower())
            for pair in map("_".join, zip(words, words[1:], strict=False)):
                uses[pair if pair in known else pair.removesuffix("s")] += 1
    found = []
    for lemma in known:
        text = lemma.replace("_", " ")
        parts = lemma.split("_")
        if text in rules.KEEP_COMPOUNDS:
            found.append((max(uses[lemma], KEPT_USES), zipf(text), lemma))
            continue
        if uses[lemma] < COMPOUND_USES or text in rules.DROP or zipf(text) < COMPOUND_ZIPF:
            continue
        if any(word in rules.DROP_PARTS for word in parts) or any(map(visible.rude, wordnet.senses[lemma])):
            continue
        if wordnet.synsets[wordnet.senses[lemma][0]][0] not in rules.COMPOUND_FILES:
            continue
        if visible.share(lemma)[0] >= COMPOUND_SHARE and not visible.inflected(parts[1]):
            found.append((uses[lemma], zipf(text), lemma))
    # A synset's compounds say the same: the most used stands for them.
    found.sort(key=lambda f: (-f[0], -f[1], f[2]))
    first: dict[str, tuple] = {}
    for item in found:
        first.setdefault(wordnet.senses[item[2]][0], item)
    return list(first.values())


def make_nouns(folder: Path) -> str:
    """The file's text. Raises `UserError` where WordNet's files or the right wordfreq are missing."""
    try:
        from importlib.metadata import version

        from wordfreq import zipf_frequency
    except ImportError:
        raise UserError(f"The frequencies are missing: python -m pip install wordfreq=={WORDFREQ}.") from None
    if version("wordfreq") != WORDFREQ:
        raise UserError(
            f"wordfreq {version('wordfreq')} is installed: the list is made with {WORDFREQ}, "
            f"python -m pip install wordfreq=={WORDFREQ}."
        )

    def zipf(text: str) -> float:
        return zipf_frequency(text, "en")

    wordnet = WordNet(folder)
    visible = Visible(wordnet)
    words = without_spellings(wordnet, single_words(visible, zipf))[:WORDS]
    words.sort(key=lambda f: (-f[1], f[2]))
    pairs = compounds(visible, zipf)[:COMPOUNDS]
    lines = [f"# {line}".rstrip() for line in rules.HEADER.format(date=DATE, wordfreq=WORDFREQ).splitlines()]
    lines += [rules.AS_PLURAL.get(word, word) for *_, word in words] + [
        pair.replace("_", " ") for *_, pair in pairs
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--wordnet", type=Path, default=Path("/usr/share/wordnet"), help="WordNet's folder")
    parser.add_argument("--output", type=Path, default=NOUNS)
    options = parser.parse_args()
    try:
        text = make_nouns(options.wordnet)
    except UserError as error:
        parser.error(str(error))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(text, "utf-8", newline="\n")
    print(f"{options.output}: {sum(not line.startswith('#') for line in text.splitlines())} nouns")


if __name__ == "__main__":
    main()
