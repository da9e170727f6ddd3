"""No text holds the server: every regular expression of the source, and every reader of foreign text, is linear.

A pattern that takes the square of a text's length lets one address or one file stop all visitors of a server, since
Python's engine keeps the interpreter's lock. So all patterns are collected from the source, and each runs against its
attack strings (a common prefix repeated, then an end that fails) and against strings made from its own parts.
These are the only tests here that are timed: CPU time, twice the text in less than three times the time.
"""

from __future__ import annotations

import ast
import gc
import importlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from re import _constants as sre
from re import _parser
from time import process_time

import pandas as pd
import pytest

from lexplain_core.concepts.sets import read_concepts
from lexplain_core.errors import UserError, did_you_mean
from lexplain_core.figures.print import read_choice
from lexplain_core.notes import Notes, check_name, unshared
from lexplain_core.notes.base import from_json
from lexplain_core.simulate.importing import read_explanations
from lexplain_core.store import Wanted, csv_bytes
from lexplain_core.store.find_words import LONGEST_SEARCH, read_range, read_search
from lexplain_core.target.columns import parse_bytes
from lexplain_core.trials.file_sessions import person_name
from lexplain_core.trials.imi import _natural
from lexplain_core.trials.imi_names import task_name
from lexplain_core.trials.imi_rows import read_details
from pages import links
from pages.participant import _last_part
from pages.parts import edit_terms
from pages.parts.compare_link import Place
from pages.parts.trial import _spans
from pages.parts.words import code, md, message

from .conftest import ROOT

SOURCES = [
    ROOT / "app.py",
    *(p for room in ("lexplain_core", "pages", "benchmarks") for p in sorted((ROOT / room).rglob("*.py"))),
]
CAP = max(links.LONGEST, *links.LONGEST_OF.values())  # characters; texts of files have none, but fare alike
FINE = 0.01  # seconds for a text as long as the cap: what takes the square of its length takes 100 times that

# -- the measure --------------------------------------------------------------------------------


def seconds(run: Callable[[], object], times: int = 5) -> float:
    """CPU time of a call: the minimum of five."""

    def took() -> float:
        start = process_time()
        run()
        return process_time() - start

    return min(took() for _ in range(times))


def growth(
    use: Callable[[str], object], attack: Callable[[int], str], cap: int = CAP, fine: float = FINE
) -> float:
    """How many times longer a text of `cap` characters takes than half of it; 0 where that is `fine` anyway."""
    half, whole = attack(cap // 2), attack(cap)
    collecting = gc.isenabled()
    gc.disable()  # its rounds take as long as there are objects
    try:
        before = seconds(lambda: use(half), 1)
        if before > 1:  # far from fine: no need to measure it well
            return float("inf")
        if 4 * before <= fine and seconds(lambda: use(whole), 1) <= fine:
            return 0.0
        ratio = float("inf")
        for _ in range(3):  # on a machine that is busy with other things, one round may mislead
            if ratio > 3:
                after = seconds(lambda: use(whole))
                ratio = min(ratio, 0.0 if after <= fine else after / seconds(lambda: use(half)))
        return ratio
    finally:
        if collecting:
            gc.enable()


def repeated(prefix: str, end: str = "", begin: str = "") -> Callable[[int], str]:
    """Attack strings of a length: a beginning, a prefix repeated, and an end on which the pattern fails."""
    return lambda length: begin + prefix * ((length - len(begin + end)) // len(prefix)) + end


@pytest.mark.parametrize(
    ("pattern", "mode", "attack"),
    [  # each of these was once in the source
        (r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", "fullmatch", repeated("1", "x")),
        (r"\s*([^:,]+):(\d{1,10})\s*", "fullmatch", repeated(" ", "x")),
        (r"(?<!\w)_.+?_(?!\w)", "split", repeated(" _a")),
        (r"([\w-]+)/*$", "search", repeated("a", "!")),
        (r"\d+$", "search", repeated("1", "x")),
    ],
)
def test_the_measure_finds_a_pattern_that_is_not_linear(pattern, mode, attack):
    use = getattr(re.compile(pattern), mode)
    assert growth(use, attack, 1000, fine=1e-3) > 3
    assert any(growth(use, made, 1000, fine=1e-3) > 3 for made in own_attacks(pattern))


def test_the_measure_lets_a_linear_pattern_be():
    assert growth(re.compile(r"(?:[0-9]++|x)++").fullmatch, repeated("1x", "!"), 400_000) < 3


# -- patterns: collected from the source ------------------------------------------------------------

MODES = ("match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer")
PANDAS = (
    "replace",
    "contains",
    "match",
    "fullmatch",
    "split",
    "rsplit",
    "extract",
    "extractall",
    "findall",
    "count",
)
SQL = re.compile(r"\bregexp_\w+|\bSIMILAR TO\b|\s!?~~?\*?\s*[$']")
JAVASCRIPT = re.compile(
    r"\.(?:match|matchAll|replace|replaceAll|search|split)\(\s*/((?:\\.|[^/\\\n])++)/|"
    r"(?<![\w)])/((?:\\.|[^/\\\n* ])(?:\\.|[^/\\\n])*+)/[dgimsuvy]*+\.(?:test|exec)\("
)


@dataclass(frozen=True)
class Pattern:
    """A pattern of the source. modes: how it is used, such as 'match'."""

    text: str | bytes
    flags: int
    modes: frozenset[str]
    where: str

    def uses(self) -> Iterator[Callable[[str], object]]:
        compiled = re.compile(self.text, self.flags)
        for mode in sorted(self.modes):
            call = getattr(compiled, mode)
            use = (lambda text, call=call: call("", text)) if mode in ("sub", "subn") else call
            if isinstance(self.text, bytes):
                yield lambda text, use=use: use(text.encode())
            elif mode == "finditer":
                yield lambda text, use=use: list(use(text))
            else:
                yield use


class Unresolved(Exception):
    """A pattern that isn't known before the program runs."""


class Source:
    """A module's tree, with the names that its patterns are made of."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path.relative_to(ROOT))
        self.tree = ast.parse(path.read_text("utf-8"))
        self.module = self.name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        imports = [n for n in ast.walk(self.tree) if isinstance(n, ast.Import | ast.ImportFrom)]
        self.re_names = {
            a.asname or a.name
            for n in imports
            if isinstance(n, ast.Import)
            for a in n.names
            if a.name == "re"
        }
        self.taken = [n for n in imports if isinstance(n, ast.ImportFrom) and n.module in ("re", "regex")]
        self.compiled = {  # name -> the call that makes it
            target.id: node.value
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Assign) and self.is_re(node.value, "compile")
            for target in node.targets
            if isinstance(target, ast.Name)
        }  # fmt: skip
        self.imported = {  # name -> (module, name there)
            alias.asname or alias.name: (self._from(node), alias.name)
            for node in imports
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }

    def _from(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = self.module.split(".")[: -node.level or None] if self.path.name != "__init__.py" else (
            self.module.split(".")[: len(self.module.split(".")) - node.level + 1]
        )  # fmt: skip
        return ".".join([*package, *([node.module] if node.module else [])])

    def is_re(self, node: ast.AST, *names: str) -> bool:
        """Whether a node is a call of one of `re`'s functions."""
        return (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id in self.re_names
            and node.func.attr in names
        )

    def value(self, node: ast.AST) -> object:
        """What an expression of literals and of the module's constants comes to."""
        try:
            return ast.literal_eval(node)
        except (ValueError, SyntaxError):
            names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            module = vars(importlib.import_module(self.module))
            if not names <= module.keys():
                raise Unresolved(ast.unparse(node)) from None
            return eval(compile(ast.Expression(node), self.name, "eval"), module)

    def pattern(self, call: ast.Call, modes: frozenset[str]) -> Pattern:
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        last = {"compile": 1, "sub": 4, "subn": 4, "split": 3}.get(call.func.attr, 2)  # the place of `flags`
        text = call.args[0] if call.args else given["pattern"]
        flags = call.args[last] if len(call.args) > last else given.get("flags")
        return Pattern(
            self.value(text), int(self.value(flags)) if flags else 0, modes, f"{self.name}:{call.lineno}"
        )


@cache
def sources() -> dict[str, Source]:
    return {source.module: source for source in map(Source, SOURCES)}


def modes_of_compiled() -> dict[tuple[str, str], set[str]]:
    """(module, name) of compiled patterns -> how they are used, anywhere."""
    found: dict[tuple[str, str], set[str]] = {
        (s.module, name): set() for s in sources().values() for name in s.compiled
    }
    for source in sources().values():
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Attribute) and node.attr in MODES and isinstance(node.value, ast.Name):
                key = (source.module, node.value.id)
                key = key if key in found else source.imported.get(node.value.id)
                if key in found:
                    found[key].add(node.attr)
    return found


@cache
def collected() -> tuple[list[Pattern], list[str]]:
    """All patterns of the source that are known before it runs, and the others as `file: expression`."""
    found, unknown, modes = [], [], modes_of_compiled()
    for source in sources().values():
        named = {id(call): name for name, call in source.compiled.items()}
        for node in ast.walk(source.tree):
            if source.is_re(node, "compile") and id(node) in named:
                how = modes[source.module, named[id(node)]]
            elif source.is_re(node, "compile", *MODES):
                how = set(MODES) if node.func.attr == "compile" else {node.func.attr}
            elif (
                isinstance(node, ast.Call)
                and source.imported.get(getattr(node.func, "id", ""), ("",))[0] == "fnmatch"
            ):
                unknown.append(f"{source.name}: {node.func.id}")
                continue
            else:
                continue
            try:
                found.append(source.pattern(node, frozenset(how)))
            except Unresolved as error:
                unknown.append(f"{source.name}: {error}")
    return found, unknown


def texts_of(source: Source) -> Iterator[str]:
    """All texts in a module, the constant parts of f-strings among them."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@cache
def of_javascript() -> list[Pattern]:
    """Patterns of JavaScript in texts; each of them means the same in Python."""
    return [
        Pattern(match[1] or match[2], 0, frozenset({"search", "sub"}), source.name)
        for source in sources().values()
        for text in texts_of(source)
        for match in JAVASCRIPT.finditer(text)
    ]


# -- patterns: their attacks ------------------------------------------------------------------------

# By pattern. Whoever writes a new one adds the texts that would take it longest: what its repetitions have in common,
# over and over, then an end on which it fails.
ATTACKS: dict[str | bytes, list[Callable[[int], str]]] = {
    # lexplain_core/concepts
    r"\r\n|\n|\r": [repeated("\r"), repeated("\r\n", "x")],
    "[a-z]{3,}": [repeated("a", "!")],
    "[a-z]{3,}(_[a-z]{2,}){1,2}": [repeated("a", "!"), repeated("a", "_", "aaa_"), repeated("aaa_", "!")],
    "[a-z]+": [repeated("a", "!"), repeated("a!")],
    r"offensive|obscene|disparag|derogat|\bslur|vulgar|insult|pejorative|sexual intercourse|\bslang for": [
        repeated("sexual intercours "), repeated("slang fo "), repeated("o"),
    ],
    # lexplain_core: names and sizes
    r"\w[\w.+-]{0,59}": [repeated("a", "!")],
    r"\w[\w .()+-]{0,79}(?<![ .])": [repeated(" ", "!", "a"), repeated("a ", "!")],
    r"[A-Za-z0-9_-]{1,80}": [repeated("a", "!")],
    r"session \d{1,200}": [repeated("1", "x", "session ")],
    r"n\d{8}": [repeated("1", "x", "n")],
    r"[0-9]{1,18}": [repeated("1", "x")],
    r"([0-9]{1,18}(?:\.[0-9]{1,18})?)\s*+(?:([KMGT])(i)?)?B?": [repeated(" ", "x", "1"), repeated("1", "x"), repeated("1", "x", "1.")],
    # lexplain_core/store
    r"[+-]?([0-9]++(\.[0-9]*+)?|\.[0-9]++)([eE][+-]?[0-9]++)?": [
        repeated("1", "x"), repeated("1", "x", "-1."), repeated("1", "x", "1e"), repeated("1.", "x"),
    ],
    r"[+\-−]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:e[+\-−]?[0-9]++)?": [
        repeated("1", "x"), repeated("1", "x", "1."), repeated("1", "x", "1e-"), repeated("1e", "x"),
    ],
    r"""(?P<sign>[+\-−]?)(?:"(?P<quoted>[^"]++)"|(?P<plain>[^\s"<>≤≥+\-−][^\s"<>≤≥]*+))"""
    r"""(?:\s*+(?P<compare>>=|<=|≥|≤|>|<)\s*+(?P<number>[+\-−]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:e[+\-−]?[0-9]++)?))?(?=\s|$)""": [
        repeated("1", "x", "a>"), repeated("a", "<"), repeated(" ", "x", "a"), repeated(" ", "x", "a>"),
        repeated("a", "", '"'), repeated(" ", '"x', '"a'), repeated("1", "x", "a>1e"), repeated('""', "x"),
    ],
    # lexplain_core/notes
    r"([^:]++):([0-9]{1,10})": [repeated(" ", "x"), repeated("1", "x", "a:"), repeated("a:", "x")],
    # lexplain_core/target, probe, live
    r"[\s_\-]+": [repeated(" ", "x"), repeated("-a")],
    r"^(?P<path>.+\.py):(?P<function>[A-Za-z_]\w*)$": [
        repeated(".py:", "!", "a"), repeated("a", "!", "a.py:"), repeated("a.py:a", "!"), repeated("a", ".py"),
    ],
    r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.\w+)$": [
        repeated("denselayer1.norm.1.", "!"), repeated("1", "x", "denselayer"), repeated("denselayer", "1"),
        repeated("a", "!", "denselayer1.norm.1."),
    ],
    r" You can (use|set) download=True to download it": [repeated(" You can use download=True to download "), repeated(" ")],
    r"\d[\d,]*+(?: × \d[\d,]*+)?": [repeated(",", "x"), repeated("1", "x"), repeated("1 × ", "x")],
    # lexplain_core/trials
    r"^[=+\-@\t\r]": [repeated("a")],
    r"(?P<model>.+?)(?:_hard(?P<hard>[0-9]++))?_(?P<mode>natural|optimized)-(?P<task>[0-9]{1,9})": [
        repeated("1", "x", "a_hard"), repeated("_hard1", "x"), repeated("_natural-1", "x"), repeated("a_", "x"),
    ],
    r"(?<![0-9])[0-9]{1,9}$": [repeated("1", "x"), repeated("1x")],
    r"\bnan\b": [repeated("nan"), repeated("nan ")],
    "[0-9]+|[^0-9]+": [repeated("1", "x"), repeated("1x")],
    # pages
    r"[!-/:-@\[-`{-~]": [repeated("!"), repeated("a!")],
    r"(?<=[:@])|(?<=www)(?=\.)|(?<=[-<>~])(?=[-=>])": [repeated("w", "."), repeated("->"), repeated(":")],
    "`+": [repeated("`"), repeated("`a")],
    "(`[^`]+`)": [repeated("`"), repeated("a", "", "`"), repeated("``a")],
    r"(\*\*.+?\*\*|__.+?__|\*.+?\*|(?<!\w)_(?:[^_]|(?<=\w)_(?=\w))++_(?!\w))": [
        repeated(" _a"), repeated("_a", "!"), repeated("*", "a"), repeated("a", "", "**"), repeated("a", "", "***"),
        repeated("a", "", "_"), repeated("._"), repeated(" __a"), repeated("** ", "a"),
    ],
    r"[\w-]{1,100}": [repeated("a", "!"), repeated("a-", "/")],
    # JavaScript
    r"[\d.]+": [repeated("1", "x"), repeated("1x")],
    r" (chosen|good|bad)": [repeated(" chose"), repeated(" ")],
    r"^[1-6]$": [repeated("1", "x")],
    r"^(?:Digit|Numpad)([1-6])$": [repeated("Digit", "1")],
}  # fmt: skip
# Patterns that are made while the program runs: why no foreign text can be one, or why it is harmless.
DYNAMIC = {
    "benchmarks/sessions.py: label": "names of buttons, written in that file",
    "lexplain_core/target/layers.py: fnmatchcase": "patterns of presets and of `layers --match`, the operator's own",
}


@pytest.mark.parametrize("pattern", collected()[0] + of_javascript(), ids=lambda p: p.where)
def test_a_pattern_is_linear(pattern):
    assert pattern.text in ATTACKS, f"{pattern.where}: write attack strings for {pattern.text!r} into ATTACKS"
    assert pattern.modes, f"{pattern.where}: {pattern.text!r} is compiled and never used"
    for use in pattern.uses():
        for attack in [*ATTACKS[pattern.text], *own_attacks(pattern.text)]:
            ratio = growth(use, attack)
            assert ratio < 3, (
                f"{pattern.where}: {pattern.text!r} takes {ratio:.1f} times as long on twice {attack(40)!r}"
            )


def test_every_pattern_is_known():
    found, unknown = collected()
    assert set(unknown) == set(DYNAMIC)
    assert set(ATTACKS) == {pattern.text for pattern in found + of_javascript()}  # and none is out of date


def test_patterns_are_found_in_no_other_way():
    """What this file can't collect: `from re import …`, regular expressions of pandas, DuckDB and pydantic."""
    for source in sources().values():
        assert not source.taken, f"{source.name}: write `import re`, so that patterns are found"
        for node in ast.walk(source.tree):
            if not isinstance(node, ast.Call):
                continue
            keywords = {keyword.arg: keyword.value for keyword in node.keywords}
            if isinstance(node.func, ast.Attribute) and node.func.attr in PANDAS:
                owner = node.func.value
                plain = "regex" in keywords and getattr(keywords["regex"], "value", True) is False
                assert plain or not (isinstance(owner, ast.Attribute) and owner.attr == "str"), (
                    f"{source.name}:{node.lineno}: pandas takes that for a pattern; say regex=False"
                )
            if not source.is_re(node, "compile", *MODES):
                assert not {"pattern", "regex"} & keywords.keys() - {"regex"}, f"{source.name}:{node.lineno}"
        for text in texts_of(source):
            assert not ("SELECT" in text or "WHERE" in text) or not SQL.search(text), source.name
            assert "new RegExp" not in text, source.name
    sql = [path for path in (ROOT / "lexplain_core").rglob("*.sql")]
    assert sql and not any(SQL.search(path.read_text("utf-8")) for path in sql)


# -- patterns: attacks made of their own parts --------------------------------------------------------


def own_attacks(text: str | bytes) -> list[Callable[[int], str]]:
    """Attack strings made of a pattern's own parts, so that one written badly above hides no fault.

    Something that matches the pattern up to one of its repetitions, then what is repeated there (one of its characters,
    or one and another in turn) over and over, then an end that fails.
    """
    pattern = text.decode("latin-1") if isinstance(text, bytes) else text
    own = {c for node in _walk(_parser.parse(pattern)) for c in _letters(node)}
    letters = [*sorted(own)[:10], *({" ", "a"} - own)]
    begins = dict.fromkeys(["", *_beginnings(_parser.parse(pattern))])
    together = 3 if len(letters) <= 3 else 2 if len(letters) <= 6 else 1
    pumps = ["".join(some) for count in range(1, together + 1) for some in product(letters, repeat=count)]
    return [repeated(pump, end, begin) for begin in list(begins)[:6] for pump in pumps for end in ("\0", "")]


def _walk(tree) -> Iterator[tuple]:
    for node in tree:
        yield node
        for inner in _inside(node):
            yield from _walk(inner)


def _inside(node: tuple) -> list:
    """The sequences that lie in a node."""
    kind, value = node
    if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        return [value[2]]
    if kind is sre.SUBPATTERN:
        return [value[3]]
    if kind is sre.BRANCH:
        return list(value[1])
    if kind is sre.ATOMIC_GROUP:
        return [value]
    if kind in (sre.ASSERT, sre.ASSERT_NOT):
        return [value[1]]
    return []


_OF_CATEGORY = {
    sre.CATEGORY_DIGIT: "1", sre.CATEGORY_NOT_DIGIT: "a", sre.CATEGORY_SPACE: " ", sre.CATEGORY_NOT_SPACE: "a",
    sre.CATEGORY_WORD: "a", sre.CATEGORY_NOT_WORD: "-",
}  # fmt: skip


def _letters(node: tuple) -> list[str]:
    """Some characters that a node of one character matches."""
    kind, value = node
    if kind is sre.LITERAL:
        return [chr(value)]
    if kind in (sre.ANY, sre.NOT_LITERAL):
        return ["a" if value != ord("a") else "b"]
    if kind is sre.CATEGORY:
        return [_OF_CATEGORY[value]]
    if kind is sre.RANGE:
        return [chr(value[0])]
    if kind is not sre.IN:
        return []
    if value[0][0] is sre.NEGATE:
        not_these = re.compile("[^" + "".join(re.escape(c) for n in value[1:] for c in _letters(n)) + "]")
        return [c for c in "a 1_-" if not_these.match(c)][:2]
    return [c for n in value for c in _letters(n)]


def _beginnings(tree) -> list[str]:
    """A text that matches what stands before each repetition of a pattern."""
    found, so_far = [], ""
    for node in tree:
        if node[0] in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            found.append(so_far)
        for inner in _inside(node):
            found += [so_far + more for more in _beginnings(inner)]
        so_far += _example(node)
    return found


def _example(node: tuple) -> str:
    """A short text that a node matches."""
    kind, value = node
    if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        return "".join(map(_example, value[2])) * max(1, min(value[0], 8))
    if kind in (sre.SUBPATTERN, sre.ATOMIC_GROUP, sre.BRANCH):
        return "".join(map(_example, _inside(node)[0]))
    return "".join(_letters(node)[:1])


# -- readers of foreign text -----------------------------------------------------------------------------


def allowed(read: Callable[..., object]) -> Callable[[str], object]:
    """A reader whose refusals are no matter here."""

    def reading(text: str) -> object:
        try:
            return read(text)
        except UserError:
            return None

    return reading


def address(page: str, name: str) -> Callable[[str], object]:
    return lambda text: links.parse(page, {name: text})


def of_task(name: str) -> object:
    return task_name(
        pd.Series({"task": name, "difficulty": "easy", "mode": "natural", "model": "m", "task_id": 1})
    )


def list_file(text: str) -> object:
    rows = [{"layer": part, "unit": 1} for part in text.split(",")]
    return from_json(
        json.dumps({"kind": "lexplain list of units", "version": 1, "name": "a", "units": rows}).encode()
    )


DIGITS, SPACES, WORDS = repeated("9"), repeated(" ", "x"), repeated("a", "!")
PIECES = [
    repeated("a,"),
    repeated(" ,"),
    repeated("a:1,"),
    repeated("1:1,"),
    repeated("%41:1,"),
    repeated("9,"),
    repeated(":,"),
]
MARKS = repeated("\u0315\u0300", "", "a")  # composed and ordered, these take the square of their number
READERS: dict[str, tuple[Callable[[str], object], list[Callable[[int], str]]]] = {
    "search": (read_search, [DIGITS, SPACES, repeated("1", "x", "a>"), repeated("> "), repeated('"a" '), repeated('" '), MARKS]),
    "filters": (lambda text: Wanted.read({"q": text, "score": text, "status": text}), [DIGITS, SPACES, repeated("1..")]),
    "range": (read_range, [DIGITS, SPACES, repeated("1", "x"), repeated("."), repeated("1", "..1")]),
    "q=": (address("overview", "q"), [DIGITS, WORDS]),
    "unit=": (address("neuron", "unit"), [DIGITS, SPACES, WORDS]),
    "above=": (address("neuron", "above"), [DIGITS, repeated("9", "e999"), WORDS]),
    "units=": (unshared, [DIGITS, SPACES, *PIECES]),
    "terms=": (lambda text: edit_terms.read(text, range(10)), [DIGITS, SPACES, *PIECES]),
    "a figure's units=": (lambda text: read_choice({"units": text}), [DIGITS, SPACES, *PIECES]),
    "a figure's pins=": (lambda text: read_choice({"pins": text}), [DIGITS, *PIECES, repeated("a:1:1:1,")]),
    "a figure's without=": (lambda text: read_choice({"without": text}), [DIGITS, *PIECES]),
    "a=": (Place.of, [DIGITS, *PIECES]),
    "a participant's path": (_last_part, [repeated("a", "!", "http://h/"), repeated("/", "!", "http://h/"), repeated("a/"), WORDS]),
    "a participant's name": (person_name, [DIGITS, repeated("1", "x", "session ")]),
    "a name": (allowed(lambda text: check_name(text, "a list")), [DIGITS, SPACES]),
    "a list's file": (allowed(list_file), [*PIECES]),
    "a cell of CSV": (lambda text: csv_bytes(pd.DataFrame({"a": ["+" + text, text]})), [repeated("1", "x"), repeated("1", "x", "1."), repeated("\t")]),
    "a question": (_spans, [repeated(" _a"), repeated("*"), repeated("**a "), repeated("__ ")]),
    "Markdown": (lambda text: (md(text), code(text), message(text)), [repeated("`"), repeated(":a"), repeated("->"), SPACES]),
    "a size": (allowed(parse_bytes), [DIGITS, repeated(" ", "x", "1"), WORDS]),
    "IMI's task": (of_task, [DIGITS, repeated("1", "x"), repeated("_hard1")]),
    "IMI's layer": (_natural, [DIGITS, repeated("1a"), repeated("²")]),
    "IMI's details": (allowed(lambda text: read_details(Path("f"), 1, "row_variability_details", text)), [DIGITS, repeated("nan,"), repeated("-", "1")]),
    "a near miss": (lambda text: did_you_mean(text, [text + "b", text[1:], "dog"]), [WORDS, repeated("ab")]),
}  # fmt: skip


@pytest.mark.parametrize("name", READERS)
def test_a_reader_is_linear(name):
    read, attacks = READERS[name]
    for attack in [*attacks, repeated("a"), repeated("("), repeated("a ")]:
        ratio = growth(read, attack, fine=0.05)  # which do more than one pattern with each letter
        assert ratio < 3, f"{name}: {ratio:.1f} times as long on twice {attack(40)!r}"


@pytest.mark.parametrize("column", ["text", "layer", "unit"])
def test_a_file_of_explanations_is_linear(tmp_path, column):
    def read(text: str) -> object:
        row = {"layer": "a", "unit": "1", "text": "dog"} | {column: text}
        (tmp_path / "e.csv").write_text("layer,unit,text\n" + ",".join(row.values()) + "\n", "utf-8")
        return read_explanations(tmp_path / "e.csv")

    for attack in (DIGITS, MARKS, repeated("_")):
        assert growth(allowed(read), attack) < 3


def test_a_file_of_concepts_is_linear(tmp_path):
    def read(text: str) -> object:
        (tmp_path / "c.txt").write_text(text, "utf-8")
        return read_concepts(tmp_path / "c.txt")

    for attack in (MARKS, repeated("\r"), repeated("#\n"), repeated("a\n")):
        assert growth(allowed(read), attack) < 3


def test_a_long_list_beside_a_long_address_is_linear(tmp_path):
    notes = Notes(tmp_path / "a.notes.sqlite")
    for name, count in (("half", 5000), ("whole", 10_000)):
        notes.star_all(name, [("layer", unit) for unit in range(count)])
    half, whole = (seconds(lambda name=name: notes.among(name)) for name in ("half", "whole"))
    assert whole < 0.05 or whole / half < 3


def test_a_search_at_its_cap_is_linear():
    for attack in (repeated("1", "x", "a>"), repeated("> "), repeated('" ')):
        assert growth(read_search, attack, LONGEST_SEARCH) < 3


# -- what is too long is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize("page", links.VIEWS)
def test_every_parameter_has_a_longest_length(page):
    for name in links.VIEWS[page].__dataclass_fields__:
        if name == "page":
            continue
        most = links.LONGEST_OF.get(name, links.LONGEST)
        view, problems = links.parse(page, {name: "9" * (most + 1)})
        assert view == links.VIEWS[page]()
        assert problems == [f"The address's {name}= is longer than {most:,} characters; it was ignored."]


def test_every_field_for_text_has_a_longest_length():
    for source in sources().values():
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in (
                "text_input",
                "text_area",
                "chat_input",
            ):
                assert "max_chars" in {k.arg for k in node.keywords}, f"{source.name}:{node.lineno}"


def test_thousands_of_faults_are_told_in_a_few_sentences():
    for read in (
        unshared,
        lambda text: read_search(text[:LONGEST_SEARCH]),
        lambda text: edit_terms.read(text, ()),
    ):
        assert len(read("> ," * 5000)[1]) <= 6
    for name in ("units", "pins", "without"):
        assert len(read_choice({name: "a," * 5000})[1]) <= 6


@pytest.mark.parametrize("text", ["9" * 5000, "9" * 400, "1" * 30 + ".5"])
def test_numbers_of_thousands_of_digits_end_in_a_sentence(text):
    assert links.parse("neuron", {"unit": text[:2000]})[1]
    assert edit_terms.read(text, ())[1]
    assert unshared(f"a:{text}")[1]
    with pytest.raises(UserError, match="record.memory"):
        parse_bytes(text)
    assert _natural(f"block{text}²")  # digits of other alphabets are none of int()'s
    assert of_task(f"a_natural-{text}")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (None, None), ("http://host:8501", None), ("http://host/", None), ("http://host/pilot", "pilot"),
        ("http://host/a/b-1///", "b-1"), ("http://host/" + "a" * 101, None), ("http://[", None), ("http://host/a%20b", None),
    ],
)  # fmt: skip
def test_a_participants_address(url, name):
    assert _last_part(url or "") == name
