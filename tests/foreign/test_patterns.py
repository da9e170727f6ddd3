"""No text holds the server: every regular expression of the source is linear.

A pattern that takes the square of a text's length lets one address or one file stop all visitors of a server, since
Python's engine keeps the interpreter's lock. So all patterns are collected from the source, and each runs against its
attack strings (a common prefix repeated, then an end that fails) and against strings made from its own parts.
These tests and those of `test_foreign_text` are the only ones here that are timed: CPU time, twice the text in less
than three times the time.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

import pytest

from ..conftest import ROOT
from .patterns import MODES, PANDAS, SQL, browser_texts, collected, of_javascript, sources, texts_of
from .timing import growth, own_attacks, repeated


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
    assert any(
        growth(use, attack, 1000, fine=1e-3) > 3 for _ in range(5)
    )  # so short a text needs a quiet moment
    assert any(growth(use, made, 1000, fine=1e-3) > 3 for made in own_attacks(pattern))


def test_the_measure_lets_a_linear_pattern_be():
    assert growth(re.compile(r"(?:[0-9]++|x)++").fullmatch, repeated("1x", "!"), 400_000) < 3


# By pattern. Whoever writes a new one adds the texts that would take it longest: what its repetitions have in common,
# over and over, then an end on which it fails.
ATTACKS: dict[str | bytes, list[Callable[[int], str]]] = {
    # lexplain_core/concepts
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
    r"n\d{8}": [repeated("1", "x", "n")],
    "[a-z][a-z0-9_]{0,39}": [repeated("a", "!")],
    r"%\.(\d)f": [repeated("1", "f", "%.")],
    r"[0-9]{1,18}": [repeated("1", "x")],
    r"([0-9]{1,18}(?:\.[0-9]{1,18})?)\s*+(?:([KMGT])(i)?)?B?": [repeated(" ", "x", "1"), repeated("1", "x"), repeated("1", "x", "1.")],
    # lexplain_core/pipeline, cli
    "[^A-Za-z0-9.]+": [repeated("-", "a"), repeated("-a")],
    " at 0x[0-9a-f]+": [repeated("a", "!", " at 0x"), repeated(" at 0x")],
    r"docs/(?:reference/)?+([a-z-]++(?:/[a-z-]++)?+)\.md": [
        repeated("a", " ", "docs/"), repeated("docs/"), repeated("a/", ".md", "docs/"),
    ],
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
    # lexplain_core/model, probe, live
    r"[\s_\-]+": [repeated(" ", "x"), repeated("-a")],
    r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.\w+)$": [
        repeated("denselayer1.norm.1.", "!"), repeated("1", "x", "denselayer"), repeated("denselayer", "1"),
        repeated("a", "!", "denselayer1.norm.1."),
    ],
    r"(grad_)?scaler|optim|(lr_)?sched|rng|loops|hyper": [repeated("grad_", "x"), repeated("lr_")],
    r"(^|[._])(ema|swa|averaged|average|avg|shadow|teacher|momentum|encoder_k|target_(encoder|network))([._]|$)": [
        repeated("_emax"), repeated(".target_", "x"), repeated("_", "x"), repeated("average", "x"),
    ],
    r"(?:^|(?<=\.))(?:module|_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.": [
        repeated("module.", "x"), repeated(".", "module"), repeated("_orig_mod", "."),
    ],
    r"(^|[._])(n_averaged|num_batches_tracked|total_ops|total_params|num_updates|updates|decay|global_step|step|epoch|initted)$": [
        repeated("_step", "x"), repeated(".num_", "x"), repeated("_", "x"), repeated("n_averaged", "x"),
    ],
    r"(^|\.)(aux1|aux2|AuxLogits|aux_classifier)\.": [repeated(".aux1", "x"), repeated("aux_", "."), repeated(".", "x")],
    r" You can (use|set) download=True to download it": [repeated(" You can use download=True to download "), repeated(" ")],
    r"\d[\d,]*+(?: × \d[\d,]*+)?": [repeated(",", "x"), repeated("1", "x"), repeated("1 × ", "x")],
    # lexplain_core/studies, stimuli
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
    r"(?<![\w:/.])/(?:[^/\s]++/)++": [repeated("/"), repeated("/a", " "), repeated("a", " ", "/"), repeated(" /a")],
    "(`[^`]+`)": [repeated("`"), repeated("a", "", "`"), repeated("``a")],
    r"(\*\*.+?\*\*|__.+?__|\*.+?\*|(?<!\w)_(?:[^_]|(?<=\w)_(?=\w))++_(?!\w))": [
        repeated(" _a"), repeated("_a", "!"), repeated("*", "a"), repeated("a", "", "**"), repeated("a", "", "***"),
        repeated("a", "", "_"), repeated("._"), repeated(" __a"), repeated("** ", "a"),
    ],
    r"[\w-]{1,100}": [repeated("a", "!"), repeated("a-", "/")],
    r'[\\/:*?"<>|\x00-\x1f]': [repeated("a"), repeated("/"), repeated("a/")],
    # JavaScript
    r"[\d.]+": [repeated("1", "x"), repeated("1x")],
    r" (chosen|good|bad)": [repeated(" chose"), repeated(" ")],
    r"^[1-6]$": [repeated("1", "x")],
    r"^(?:Digit|Numpad)([1-6])$": [repeated("Digit", "1")],
}  # fmt: skip
# Patterns that are made while the program runs: why no foreign text can be one, or why it is harmless.
DYNAMIC = {
    "benchmarks/sessions.py: label": "names of buttons, written in that file",
    "lexplain_core/model/layers.py: fnmatchcase": "patterns of presets and of `layers --match`, the operator's own",
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
    for where, text in browser_texts():
        assert "new RegExp" not in text, where
    sql = [path for path in (ROOT / "lexplain_core").rglob("*.sql")]
    assert sql and not any(SQL.search(path.read_text("utf-8")) for path in sql)
