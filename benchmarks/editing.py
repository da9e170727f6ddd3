"""Server time of an edit of a unit's words: fit, scores by every concept matrix, charts.

    python -m benchmarks.editing STORE.duckdb          (one of benchmarks.big_store has 50,000 images)

An edit is what the page does after a click: the unit is read anew, the words are fitted and scored on val and test, the
stacked areas of the words now and before and the weights are made. Streamlit and the browser are not in it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from lexplain_core import figures
from lexplain_core.live import editing
from lexplain_core.store import Store

from .common import PeakMemory, report


def edit(store: Store, layer: str, number: int, ids: list[int], weights, matrix: str) -> editing.Edited:
    """All that the page computes for the words `ids`; without, for those of the default method."""
    unit = store.unit(layer, number)
    before = unit.explanation()
    ids = ids or [term.concept_id for term in before.terms]
    edited = editing.fit(unit, ids, weights, None, matrix, before.simulator)
    styles = figures.concept_styles(dict.fromkeys([*ids, *(term.concept_id for term in before.terms)]))
    for words in (edited.explanation, before):
        figures.area_chart(unit.composition(words, matrix), unit.buckets, styles=styles).to_json()
    figures.weights_bar(edited.explanation, styles=styles).to_json()
    return edited


def timed(work: Callable[[], editing.Edited], times: list[float]) -> editing.Edited:
    """What the work gives; its seconds are appended to `times`."""
    began = time.perf_counter()
    result = work()
    times.append(time.perf_counter() - began)
    return result


def measure(store: Store, units: int, seed: int = 0) -> dict[str, list[float]]:
    """Seconds of each kind of edit, over some explained units."""
    rng = np.random.default_rng(seed)
    table = store.unit_table()
    table = table[(table["length"] > 0) & (table["status"] == "alive")]
    rows = table.iloc[rng.permutation(len(table))[:units]]
    matrices = list(store.matrices()["matrix"])
    encoders = [name for name in matrices if name != "label"] or matrices
    times: dict[str, list[float]] = {"first sight": [], "a concept is added": [], "a weight is set": []}
    for number, row in enumerate(rows.itertuples()):
        matrix = encoders[number % len(encoders)]
        first = timed(lambda r=row, m=matrix: edit(store, r.layer, r.unit, [], None, m), times["first sight"])
        ids = [term.concept_id for term in first.explanation.terms]
        sayable = np.setdiff1d(store.sayable(matrix)["concept"].to_numpy(), ids)
        ids = [*ids, int(rng.choice(sayable))]
        more = timed(
            lambda r=row, m=matrix, i=ids: edit(store, r.layer, r.unit, i, None, m),
            times["a concept is added"],
        )
        weights = [term.weight for term in more.explanation.terms]
        weights[0] *= 2
        timed(
            lambda r=row, m=matrix, i=ids, w=weights: edit(store, r.layer, r.unit, i, w, m),
            times["a weight is set"],
        )
    return times


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", help="a store with embeddings")
    parser.add_argument("--units", type=int, default=40, help="units whose words are edited")
    options = parser.parse_args()
    memory = PeakMemory()
    with Store.open(options.store) as store:
        measure(store, 3, seed=1)  # embeddings are read once a server
        times = measure(store, options.units)
        images = len(store.images())
    rows, facts = [], {}
    for name, seconds in times.items():
        middle, late = (1000 * float(np.quantile(seconds, q)) for q in (0.5, 0.95))
        rows.append([name, f"{middle:.0f}", f"{late:.0f}"])
        facts[name] = {"median_ms": round(middle, 1), "p95_ms": round(late, 1)}
    taken = memory.taken()
    title = f"Editing words: {images:,} images, {options.units} units, {taken:.1f} GiB"
    report("editing", title, ["edit", "median, ms", "95 %, ms"], rows, {"images": images, "units": options.units, "memory_gib": round(taken, 2), "edits": facts})  # fmt: skip


if __name__ == "__main__":
    main()
