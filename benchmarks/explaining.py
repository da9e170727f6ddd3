"""Explaining a layer: the exact path against the published way, one core, the same P and q.

    python -m benchmarks.explaining                  the demo's block7, and N=10,000 M=2,000 K=64
    python -m benchmarks.explaining --config docs/examples/cifar10-resnet20.toml --layer layer3 [--set …]

The published way is run as a whole on real layers. On the random problem its SAGA takes the better
part of an hour: there it is timed on `--epochs` epochs, for 500, and its weights come from the mended
version, which makes the same steps with matrix products, all of them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from .common import PeakMemory, alone, median, report
from .problems import Layer, built_layer, random_layer

_REPEATS = 5


def exact_side(layer: Layer) -> dict:
    """Times of the exact path, a median of 5; what it found; its peak memory over what holds the data."""
    import torch

    from lexplain_core.base.progress import Silent
    from lexplain_core.config import Explain
    from lexplain_core.explain import methods

    times = []
    small = layer.units(1)
    methods["le-label"].explain(small.problem(), Explain(), Silent())  # warms up the libraries
    memory = PeakMemory()
    for _ in range(_REPEATS):
        start = time.perf_counter()
        found = methods["le-label"].explain(layer.problem(), Explain(), Silent())
        times.append(time.perf_counter() - start)
    scores = [_score(layer, unit, f.concepts, f.weights, f.bias) for unit, f in enumerate(found)]
    lengths = [len(f.concepts) for f in found]
    return {
        "seconds": median(times), "memory": memory.taken(), "threads": torch.get_num_threads(),
        "scores": scores, "length": float(np.mean(lengths)), "kkt_violation": max(f.kkt_violation for f in found),
    }  # fmt: skip


def published_side(layer: Layer, epochs: int | None, units: int | None) -> dict:
    """Times of the published way; where `epochs` or `units` cut it short they are scaled up."""
    import torch

    from lexplain_core.config import Explain
    from lexplain_core.explain.exact import kkt_violation, solve
    from lexplain_core.explain.sparse import Standardised, objective

    from . import published

    peak = PeakMemory()
    data = Standardised.of(layer.P, layer.q, layer.train)
    start = time.perf_counter()
    weights, ran = published.saga(data, epochs or published.EPOCHS)
    fit = time.perf_counter() - start
    memory = peak.taken()
    if epochs:
        fit *= published.EPOCHS / ran
    start = time.perf_counter()
    same = published.mended_saga(data, published.EPOCHS if epochs else ran)
    mended = time.perf_counter() - start
    if epochs:
        weights = same  # the same steps, all of them
    chosen = range(units or len(layer.q))
    start = time.perf_counter()
    found = [published.search(layer.P, layer.q[u], layer.train, layer.val, weights[u]) for u in chosen]
    search = (time.perf_counter() - start) / len(chosen) * len(layer.q)

    options, problem = Explain(), layer.problem()
    best, _ = solve(problem.basis, problem.targets, options.l1, options.alpha)
    gap = objective(data, weights, 0.05, 0.99) - objective(data, best.numpy(), 0.05, 0.99)
    off = kkt_violation(problem.basis, problem.targets, torch.from_numpy(weights).double(), 0.05, 0.05 / 99)
    scores = [_score(layer, u, f.concepts, f.weights, f.bias) for u, f in zip(chosen, found, strict=True)]
    return {
        "fit": fit, "mended": mended, "search": search, "epochs": ran, "cut": bool(epochs), "units": len(chosen), "memory": memory,
        "scores": scores, "length": float(np.mean([len(f.concepts) for f in found])),
        "objective": float(objective(data, weights, 0.05, 0.99).mean()), "gap": float(gap.mean()),
        "worst_gap": float(gap.max()), "kkt_violation": float(off.max()),
    }  # fmt: skip


def _score(layer: Layer, unit: int, concepts, weights, bias) -> float | None:
    from lexplain_core.base.correlation import correlation, simulate

    if not len(concepts):
        return None
    simulated = simulate(np.asarray(weights), bias, layer.P[list(concepts)][:, layer.test])
    return correlation(layer.q[unit, layer.test], simulated).value


def compare(layer: Layer, epochs: int | None, units: int | None) -> dict:
    """Both sides in processes of their own, one after the other, a thread each."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(layer.save(Path(folder) / "layer.npz"))
        ours = alone("benchmarks.explaining", "--side", "exact", "--data", path, threads=1)
        theirs = alone(
            "benchmarks.explaining", "--side", "published", "--data", path,
            "--epochs", str(epochs or 0), "--units", str(units or 0), threads=1,
        )  # fmt: skip
    k = len(layer.q)
    facts = {
        "layer": layer.name, "exact": ours, "published": theirs,
        "ratio": (theirs["fit"] + theirs["search"]) / ours["seconds"],
        "ratio_mended": (theirs["mended"] + theirs["search"]) / ours["seconds"],
        "seconds_per_unit": {
            "exact": ours["seconds"] / k, "published": (theirs["fit"] + theirs["search"]) / k,
            "mended": (theirs["mended"] + theirs["search"]) / k,
        },
    }  # fmt: skip
    if theirs["scores"]:
        pairs = [(a, b) for a, b in zip(ours["scores"], theirs["scores"], strict=True) if None not in (a, b)]
        facts["paired"] = paired(np.array(pairs))
    return facts


def paired(pairs: np.ndarray) -> dict:
    """Mean difference of two scores of the same units, (n, 2), with a 95 % bootstrap interval."""
    difference = pairs[:, 0] - pairs[:, 1]
    rng = np.random.default_rng(0)
    means = difference[rng.integers(0, len(difference), (10_000, len(difference)))].mean(1)
    low, high = np.percentile(means, [2.5, 97.5])
    return {
        "units": len(pairs), "exact": float(pairs[:, 0].mean()), "published": float(pairs[:, 1].mean()),
        "difference": float(difference.mean()), "low": float(low), "high": float(high),
    }  # fmt: skip


def _rows(facts: dict) -> list[list[str]]:
    ours, theirs, each = facts["exact"], facts["published"], facts["seconds_per_unit"]
    cut = f" (SAGA timed on {theirs['epochs']} epochs)" if theirs["cut"] else f" ({theirs['epochs']} epochs)"
    pair = facts.get("paired")
    scored = (
        f"{pair['exact']:.4f}" if pair else f"{np.mean([s for s in ours['scores'] if s is not None]):.4f}"
    )
    gap = f"{theirs['objective']:.4f}, {theirs['gap']:.4f} above the optimum"
    rows = [
        [facts["layer"], "exact", f"{ours['seconds']:.3f}", f"{1000 * each['exact']:.3f}", "1",
         f"{ours['memory']:.2f}", f"kkt_violation {ours['kkt_violation']:.0e}", scored],
        ["", f"published{cut}", f"{theirs['fit'] + theirs['search']:.1f}", f"{1000 * each['published']:,.0f}",
         f"{facts['ratio']:,.0f}", f"{theirs['memory']:.2f}", gap, f"{pair['published']:.4f}" if pair else "–"],
        ["", "published, SAGA mended", f"{theirs['mended'] + theirs['search']:.1f}", f"{1000 * each['mended']:,.0f}",
         f"{facts['ratio_mended']:,.0f}", "", "", ""],
    ]  # fmt: skip
    if pair:
        difference = f"{pair['difference']:+.4f} [{pair['low']:+.4f}, {pair['high']:+.4f}]"
        rows.append(["", f"exact − published, {pair['units']} units", "", "", "", "", "", difference])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", help="a build's config, whose layer is explained")
    parser.add_argument("--layer", default="block7")
    parser.add_argument("--set", action="append", default=[], help="an option of the config, KEY=VALUE")
    parser.add_argument("--only", choices=["built", "random"], help="one of the two problems")
    parser.add_argument("--epochs", type=int, default=2, help="of SAGA on the random problem; 0 for all")
    parser.add_argument("--units", type=int, default=0, help="searched on the random problem; 0 for all")
    parser.add_argument("--side", choices=["exact", "published"], help=argparse.SUPPRESS)
    parser.add_argument("--data", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        layer = Layer.load(options.data)
        cut = (options.epochs or None, options.units or None)
        print(json.dumps(exact_side(layer) if options.side == "exact" else published_side(layer, *cut)))
        return
    found = []
    if options.only != "random":
        found.append(compare(built_layer(_config(options), options.layer), None, None))
    if options.only != "built" and not options.config:
        found.append(compare(random_layer(10_000, 2_000, 64), options.epochs or None, options.units or None))
    columns = ["layer", "way", "s", "ms a unit", "ratio", "GiB", "sparse fit", "test correlation"]
    name = "explaining" + (f"-{Path(options.config).stem}" if options.config else "")
    rows = [row for facts in found for row in _rows(facts)]
    report(name, "Explaining a layer on one core", columns, rows, {"problems": found})


def _config(options):
    from lexplain_core.config import apply_overrides, load_config, parse_config
    from lexplain_core.demo.config import DEMO_CONFIG

    if options.config:
        return load_config(options.config, [*options.set, "explain.methods=['le-label']"])
    overrides = [*options.set, "explain.methods=['le-label']", "simulator.model=''"]
    return parse_config(apply_overrides(DEMO_CONFIG, overrides), "of the demo")


if __name__ == "__main__":
    main()
