"""The facts about an explanation: how its concepts were calibrated, how words were made by hand."""

from __future__ import annotations

from collections.abc import Mapping

from ..base.numbers import plural, rounded


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
