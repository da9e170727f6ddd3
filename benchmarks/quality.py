"""How good the explanations are: by method and layer, against one concept, and by the search's options.

    python -m benchmarks.quality                                       the demo
    python -m benchmarks.quality --config docs/examples/cifar10-resnet20.toml [--set …]

Correlations are means over units on the test split, by the method's own simulator (labels for
`le-label`, the other encoder for `le-siglip`).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from lexplain_core.concepts import ConceptMatrix, usable
from lexplain_core.concepts.simulators import EncoderSimulator, LabelSimulator
from lexplain_core.config import Explain, apply_overrides, load_config, parse_config
from lexplain_core.demo.config import DEMO_CONFIG
from lexplain_core.explain import Problem, methods
from lexplain_core.explain.exact import solve
from lexplain_core.explain.greedy import greedy
from lexplain_core.measures import Words
from lexplain_core.measures.correlation import score_layer
from lexplain_core.pipeline.build import make
from lexplain_core.pipeline.stages.concepts import Vocabulary
from lexplain_core.pipeline.stages.recording import Layer as RecordedLayer
from lexplain_core.probe import ProbingSet

from .common import report
from .explaining import paired

_LENGTHS = (1, 2, 3, 4, 5)
_SEARCHES = [
    ("10 candidates, ε = 0.02", {}),
    ("all candidates, ε = 0.02", {"candidates": "all"}),
    ("10 candidates, ε = 0.005", {"epsilon": 0.005}),
    ("all candidates, ε = 0.005", {"candidates": "all", "epsilon": 0.005}),
    ("10 candidates of both signs, ε = 0.02", {"signed": True}),
    ("the best single concept", {"candidates": "all", "max_terms": 1}),
]


class Layer:
    """One layer with one matrix: its sparse fit, and explanations of it found and scored."""

    def __init__(
        self,
        layer: RecordedLayer,
        splits: np.ndarray,
        vocabulary: Vocabulary,
        matrix: ConceptMatrix,
        method: str,
        options: Explain,
    ):
        self.name, self.method = layer.name, method
        train, val, self.test = (splits == part for part in ("train", "val", "test"))
        self.matrix = matrix.subset(usable(matrix.values, train, options.min_top5_mean, options.min_std))
        self.alive = np.isin(np.arange(len(layer.facts)), layer.explainable)
        self.q = layer.values
        self.problem = Problem(self.q[self.alive], self.matrix, train, val)
        self.weights, _ = solve(self.problem.basis, self.problem.targets, options.l1, options.alpha)
        encoder = vocabulary.views.get("simulator") if methods[method].matrix != "label" else None
        self.simulator = (
            EncoderSimulator(encoder) if encoder else LabelSimulator(vocabulary.matrices["label"])
        )

    def search(self, **options) -> tuple[np.ndarray, np.ndarray]:
        """Test correlation and length of each unit's explanation, NaN and 0 where there is none."""
        found = greedy(self.problem.basis, self.problem.targets, self.weights, **options)
        units = np.flatnonzero(self.alive)
        words = {
            int(unit): Words(
                tuple((w, self.matrix.concepts[c]) for w, c in zip(f.weights, f.concepts, strict=True)),
                f.bias,
            )
            for unit, f in zip(units, found, strict=True)
            if f.concepts
        }
        scored = score_layer(words, self.simulator, self.q, self.alive, self.test)
        values = [scored[u].correlation.value if u in scored else None for u in units.tolist()]
        lengths = np.array([len(f.concepts) for f in found])
        return np.array([np.nan if v is None else v for v in values]), lengths


def by_search(layer: Layer) -> list[dict]:
    """Each search's mean test correlation and length, and its difference to the default's, paired."""
    rows, base = [], None
    for name, options in _SEARCHES:
        scores, lengths = layer.search(**options)
        base = scores if base is None else base
        row = {"search": name, "score": float(np.nanmean(scores)), "length": float(lengths.mean())}
        if options:
            row["difference"] = _difference(scores, base)
        rows.append(row)
    return rows


def at_equal_length(layer: Layer) -> list[dict]:
    """All candidates against 10, both grown to the same length without a threshold."""
    rows = []
    for length in _LENGTHS:
        few, few_lengths = layer.search(epsilon=0.0, max_terms=length)
        every, every_lengths = layer.search(epsilon=0.0, max_terms=length, candidates="all")
        both = (few_lengths == length) & (every_lengths == length)
        if both.sum() >= 5:
            rows.append({"length": length, "ten": float(np.nanmean(few[both])),
                         "difference": _difference(every[both], few[both])})  # fmt: skip
    return rows


def _difference(a: np.ndarray, b: np.ndarray) -> dict:
    pairs = np.column_stack([a, b])
    found = paired(pairs[np.isfinite(pairs).all(1)])
    return {key: found[key] for key in ("units", "difference", "low", "high")}


def recovered(probing: ProbingSet, layers: list[RecordedLayer], concepts, explanations) -> str:
    """How many planted units came back with exactly the concepts they were made of, by one method."""
    planted = {layer.name: layer.units for layer in probing.computed_layers}
    exact = recipes = 0
    for layer in layers:
        for u, unit in enumerate(planted.get(layer.name, ())):
            if unit.terms:
                found = {concepts[c].name for c in explanations[layer.number][u].concepts}
                recipes, exact = recipes + 1, exact + (found == {name for _, name in unit.terms})
    return f"{exact} of {recipes}"


def _say(difference: dict | None) -> str:
    if difference is None:
        return ""
    return f"{difference['difference']:+.4f} [{difference['low']:+.4f}, {difference['high']:+.4f}]"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config")
    parser.add_argument("--set", action="append", default=[], help="an option of the config, KEY=VALUE")
    options = parser.parse_args()
    if options.config:
        config, name = load_config(options.config, options.set), f"quality-{Path(options.config).stem}"
    else:
        config, name = parse_config(apply_overrides(DEMO_CONFIG, options.set), "of the demo"), "quality"
    facts: dict = {"layers": []}
    methods_run = config.explain.methods
    names = [f"{kind}:{method}" for method in methods_run for kind in ("choice", "explanations")]
    probing, splits, recorded, vocabulary, *found = make(
        config, "probing", "splits", "recorded", "vocabulary", *names
    )
    by_name, facts["planted"] = dict(zip(names, found, strict=True)), {}
    for method in methods_run:
        choice, explanations = by_name[f"choice:{method}"], by_name[f"explanations:{method}"]
        for one in recorded:
            layer = Layer(one, splits, vocabulary, choice.matrix, method, config.explain)
            facts["layers"].append(
                {"layer": layer.name, "method": method, "units": int(layer.alive.sum()),
                 "searches": by_search(layer), "equal_length": at_equal_length(layer)}
            )  # fmt: skip
        facts["planted"][method] = recovered(probing, recorded, choice.matrix.concepts, explanations)
    rows, even = [], []
    for layer in facts["layers"]:
        for i, row in enumerate(layer["searches"]):
            first = (layer["layer"], layer["method"], str(layer["units"])) if i == 0 else ("", "", "")
            rows.append(
                [
                    *first,
                    row["search"],
                    f"{row['score']:.4f}",
                    f"{row['length']:.2f}",
                    _say(row.get("difference")),
                ]
            )
        for i, row in enumerate(layer["equal_length"]):
            first = (layer["layer"], layer["method"]) if i == 0 else ("", "")
            even.append(
                [
                    *first,
                    str(row["length"]),
                    str(row["difference"]["units"]),
                    f"{row['ten']:.4f}",
                    _say(row["difference"]),
                ]
            )
    columns = [
        "layer",
        "method",
        "units",
        "search",
        "test correlation",
        "concepts",
        "difference to the first",
    ]
    report(name, "Searches", columns, rows, facts)
    columns = ["layer", "method", "concepts", "units", "10 candidates", "all − 10, test correlation"]
    report(name, "All candidates against 10 at equal length", columns, even, facts)
    for method, said in facts["planted"].items():
        print(f"planted units with exactly their concepts, {method}: {said}")


if __name__ == "__main__":
    main()
