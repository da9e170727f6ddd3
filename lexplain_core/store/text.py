"""Explanations as people read them."""

from __future__ import annotations

from collections.abc import Iterable

MINUS = "−"


def number(value: float) -> str:
    """A weight with two significant digits, and no more decimals than that needs: 2.1, 0.83, 13."""
    if value == 0:
        return "0"
    text = f"{abs(value):.2g}"
    if "e" in text:
        text = f"{float(text):.0f}" if float(text) >= 100 else text  # 99.6 is 100
    return (MINUS if value < 0 else "") + text


def explanation_text(terms: Iterable[tuple[float, str]], bias: float | None) -> str:
    """One readable line, strongest first: `2.1·snow + 1.3·dog + 0.2`.

    terms: (weight, name) pairs. A bias that rounds to nothing beside the weights is left out.
    """
    ordered = sorted(terms, key=lambda term: -abs(term[0]))
    parts = [(weight, f"{number(abs(weight))}·{name}") for weight, name in ordered]
    if bias and (not ordered or abs(bias) >= 0.005 * abs(ordered[0][0])):
        parts.append((bias, number(abs(bias))))
    if not parts:
        return "0"
    first = (MINUS if parts[0][0] < 0 else "") + parts[0][1]
    return first + "".join(f" {MINUS if w < 0 else '+'} {text}" for w, text in parts[1:])


def of_units(mean_of: int, units: int, **why: int) -> str:
    """Over how many units a mean is, and what the others are: '487 of 512 units; 25 dead'.

    why: how many units are left out for which reason; what remains 'without a value'. Underscores stand for spaces.
    """
    rest = units - mean_of
    parts = []
    for reason, count in why.items():
        if (count := min(int(count), rest)) > 0:
            parts.append(f"{count:,} {reason.replace('_', ' ')}")
            rest -= count
    if rest > 0:
        parts.append(f"{rest:,} without a value")
    whole = f"{units:,} unit{'' if units == 1 else 's'}"
    return f"{mean_of:,} of {whole}; {', '.join(parts)}" if parts else f"all {whole}" if units > 1 else whole
