"""The facts about an explanation: how its concepts were calibrated, how words were made by hand."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ..base.numbers import plain, plural, rounded
from ..store import Explanation, Unit

_OF_HAND = ("by", "made", "way", "from", "test_scores_seen")  # in the config of words made by hand


def calibration(matrix: dict) -> dict[str, str]:
    """How a concept matrix makes P, and how well its a and b fit; facts in words."""
    if matrix["kind"] != "encoder":
        return {"P(concept)": "1 where an image carries the label, else 0"}
    shift = f"{'+' if matrix['b'] >= 0 else '−'} {rounded(abs(matrix['b']))}"
    facts = {"P(concept)": f"sigmoid({rounded(matrix['a'])}·(cos {shift}))"}
    how = matrix["config"].get("calibration") or {}
    words = {"published": "published values", "given": "given in the config", "calibrated": "calibrated"}
    if source := how.get("source"):
        facts["a and b"] = words.get(source, str(source))
    if matrix["loss"] is not None:
        facts["their loss"] = f"{rounded(matrix['loss'])}: cross-entropy per label and image"
    if how.get("labels") and how.get("images"):
        facts["measured on"] = f"{how['labels']:,} labels, {how['images']:,} images of the train split"
    if how.get("reason"):
        facts["because"] = str(how["reason"])
    return facts


def by_hand(config: Mapping[str, object]) -> str:
    """How words were made by hand, and whether anyone looked at test scores before they were kept."""
    ways = {"refit": "weights by least squares", "keep": "weights as they were given"}
    parts = [str(config["made"])] if config.get("made") else []
    parts += [text for way, text in ways.items() if config.get("way") == way]
    if config.get("from"):
        parts.append(f"begun from {config['from']}")
    seen = config.get("test_scores_seen")
    if isinstance(seen, int):
        versions = plural(seen, "version")
        parts.append(
            f"the test scores of {versions} of the words were looked at before these were kept"
            if seen
            else "no test score was looked at before they were kept"
        )
    return "; ".join(parts)


def facts_table(unit: Unit, explanation: Explanation | None, matrix: dict | None) -> pd.DataFrame:
    """What is known of a unit and its explanation, a row a fact. matrix: the explanation's, as `Store.info` has it."""
    facts = {
        "layer": unit.layer,
        "unit": f"{unit.unit}, of {unit.units:,}",
        "status": unit.status,
        "smallest, mean, largest": " · ".join(rounded(v) for v in (unit.minimum, unit.mean, unit.maximum)),
        "standard deviation": rounded(unit.std),
        "images above 0": f"{int(np.sum(unit.activations > 0)):,} of {len(unit.activations):,}",
        "pooling": unit.pooling,
        "kind of layer": unit.kind,
    }
    target = unit.store.meta.get("target") or {}
    if target.get("accuracy") is not None:
        top5 = target.get("top5")
        more = (
            f", top-5 {top5:.1%}"
            if top5 is not None
            else f"; no top-5: {target.get('top5_reason') or 'unknown'}"
        )
        facts["the network is right on"] = f"{target['accuracy']:.1%} of the images{more}"
    if explanation is not None:
        facts["method"] = explanation.method
        if explanation.source:
            facts["imported from"] = explanation.source
        facts["concept matrix"] = explanation.matrix
        if matrix:
            facts |= calibration(matrix)
        facts["main simulator"] = explanation.simulator
        if explanation.val_correlation is not None:
            facts["val correlation"] = (
                f"{plain(explanation.val_correlation, 3)} (used to choose the concepts)"
            )
        if explanation.kkt_violation is not None:
            facts["sparse fit off by"] = f"{rounded(explanation.kkt_violation)} (violation; 0 is the optimum)"
        options = {k: v for k, v in explanation.config.items() if k not in ("method", "matrix")}
        if options.get("by") == "hand":
            facts["made by hand"] = by_hand(options)
            options = {k: v for k, v in options.items() if k not in _OF_HAND}
        if "encoder" in options:
            facts["encoder’s fingerprint"] = str(options.pop("encoder"))[:16]
        facts |= {f"option {key}": str(value) for key, value in options.items()}
    return pd.DataFrame(list(facts.items()), columns=["fact", "value"])
