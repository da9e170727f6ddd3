"""Numbers of a unit in plain words."""

from __future__ import annotations

from html import escape

from lexplain_core.figures import plural
from lexplain_core.store import Explanation, Unit

_POOLED = {
    ("map", "mean"): "activation (mean over the channel’s map)",
    ("map", "max"): "activation (maximum of the channel’s map)",
    ("map-last", "mean"): "activation (mean over the channel’s map)",
    ("map-last", "max"): "activation (maximum of the channel’s map)",
    ("tokens", "mean"): "activation (mean over tokens)",
    ("tokens", "max"): "activation (maximum over tokens)",
    ("tokens", "cls"): "activation (class token)",
}
_SIMULATORS = {"label": "concepts taken from the images’ labels"}


def quantity(unit: Unit) -> str:
    """What the unit's number is: 'activation (mean over the channel’s map)'."""
    return _POOLED.get((unit.kind, unit.pooling), "activation")


def rounded(value: float) -> str:
    """Three significant digits, with a real minus sign, never in exponents for everyday sizes."""
    if value == 0:
        return "0"
    text = f"{value:.3g}"
    if "e" in text and abs(value) < 1e6:
        text = f"{value:,.0f}" if abs(value) >= 1 else "{}·10{}".format(*_power(text))
    return text.replace("-", "−")


def _power(text: str) -> tuple[str, str]:
    """'3.76e-08' as '3.76' and '⁻⁸'."""
    digits, exponent = text.split("e")
    return digits, str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def share(part: int, whole: int) -> str:
    """'16.3%', '<0.1%' for little that is not nothing."""
    return "<0.1%" if 0 < part / whole < 0.0005 else f"{part / whole:.1%}"


def score_words(explanation: Explanation) -> str:
    """The score with its interval, split, number of images and simulator, or why there is none (HTML)."""
    sentences = []
    for score in explanation.scores:
        name = f"{score.split.capitalize()} {score.kind}"
        if score.value is None:
            sentences.append(
                f"<b>No {escape(name.lower())}:</b> {escape(score.reason or 'it is undefined.')}"
            )
            continue
        value = f"{name} <b>{_number(score.value)}</b>"
        if score.low is not None and score.high is not None:
            value += f", 95% interval {_number(score.low)}–{_number(score.high)}"
        how = _SIMULATORS.get(score.simulator, f"concepts seen by {score.simulator}")
        sentences.append(f'{value}, {plural(score.n, "image")} <span class="lx-muted">({escape(how)})</span>')
    return "<br>".join(sentences) or "This explanation has no score."


def interval_words(unit: Unit) -> str:
    """How many images each range holds, for those who can't see the chart."""
    if unit.buckets is None:
        return "No ranges."
    counts = ", ".join(f"{int(count):,}" for count in unit.buckets.counts)
    return f"Images per range from 0 to {rounded(unit.maximum)}: {counts}; {unit.buckets.negative:,} below 0."


def _number(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
