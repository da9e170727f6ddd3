"""The order of the units in a figure for print."""

from __future__ import annotations


def moved(units: list[tuple[str, int]], at: int, move: str, place: int) -> tuple[list[tuple[str, int]], int]:
    """The units after one was moved 'up' or 'down' or was 'remove'd, and `at`: the place, from 1, of the unit whose images
    are chosen from, which stays that unit."""
    order = list(range(len(units)))
    other = place + (1 if move == "down" else -1)
    if 0 <= place < len(order) and move == "remove":
        del order[place]
    elif 0 <= place < len(order) and 0 <= other < len(order):
        order[place], order[other] = order[other], order[place]
    kept = at - 1 in order
    at = order.index(at - 1) + 1 if kept else max(1, min(at, len(order)))
    return [units[n] for n in order], at
