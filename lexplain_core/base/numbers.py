"""Numbers as text (counts, decimals, signs, shares), and how large whole ones may be."""

from __future__ import annotations

import math

LARGEST_INTEGER = 2**31 - 1  # of whole numbers: the store's are 32 bits wide


def plural(count: int, word: str) -> str:
    """'1 image', '1,204 images'."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def decimals(span: float, steps: int = 8) -> int:
    """How many decimals tell `steps` equal steps of a range apart."""
    if not span > 0 or not math.isfinite(span):
        return 2
    return max(0, min(6, 1 - math.floor(math.log10(span / steps))))


def signed(value: float, digits: int = 2) -> str:
    """'+1.30', '−0.42' (a real minus sign, and none before what rounds to 0)."""
    return f"{value:+z.{digits}f}".replace("-", "−")


def plain(value: float, digits: int = 2) -> str:
    """'1.30', '−0.42' (a real minus sign, and none before what rounds to 0)."""
    return f"{value:z.{digits}f}".replace("-", "−")


def percent(share: float) -> str:
    """A share in percent with two significant digits: '16%', '1.4%', '0.03%', '<0.01%', '0%'."""
    if not math.isfinite(share):
        return "–"
    value = 100 * abs(share)
    if value == 0:
        return "0%"
    if value < 0.01:
        return "<0.01%"
    places = 0 if value >= 9.95 else 1 if value >= 0.95 else 2
    return ("−" if share < 0 else "") + f"{value:.{places}f}%"


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


def two(value: float) -> str:
    """Two decimals, with a real minus sign: how correlations are written."""
    return plain(value)
