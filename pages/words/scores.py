"""How well the edited words predict the unit beside those that they started from, and the switch to the test split."""

from __future__ import annotations

from collections.abc import Hashable
from html import escape

import streamlit as st

from lexplain_core.base.numbers import plural, signed, two
from lexplain_core.live.editing import Edited
from lexplain_core.store import Score
from pages.ui.scores import seen_by

_SHOWN = "test scores"
SPOILT = (
    "**Choose by the val split, and look at the test split once, at the end.** A test score says how the words will do on images that "
    "nobody chose them by. Words that were changed until their test score rose were chosen by these very images, and their score is no "
    "longer honest: it promises too much."
)


def sentence(edited: Edited, before: Edited | None) -> str:
    """The val correlation in the headline simulator's eyes, beside that of the words before (HTML)."""
    score = edited.score("val")
    old = before.score("val", score.simulator) if before else None
    eyes = f'<span class="lx-muted">(concepts seen by {escape(seen_by(score.simulator))})</span>'
    if score.value is None:
        return f"<b>No val correlation</b> {eyes}<b>:</b> {escape(score.reason or 'it is undefined.')}"
    words = f"Val correlation <b>{two(score.value)}</b>{_interval(score)}, {plural(score.n, 'image')} {eyes}"
    if old is None or old.value is None:
        return words
    return f"{words}. {escape(before.explanation.method)}: <b>{two(old.value)}</b>, so {_change(score, old)}."


def _change(new: Score, old: Score) -> str:
    gain = round(new.value, 2) - round(old.value, 2)  # of the figures that stand before it
    if abs(gain) < 0.005:
        return "no change to speak of"
    return f"a change of <b>{signed(gain)}</b>"


def table(edited: Edited, before: Edited | None, with_test: bool) -> None:
    """A row per concept matrix that knows the words: their correlations now and before."""
    new = edited.explanation
    names = [score.simulator for score in edited.val]
    if before:
        names += [score.simulator for score in before.val if score.simulator not in names]
    splits = ["val", "test"] if with_test else ["val"]
    columns = [(split, one, whose) for split in splits for one, whose in _columns(edited, before)]
    head = "".join(
        f'<th scope="col">{split.capitalize()} correlation, {escape(whose)}</th>'
        for split, _, whose in columns
    )
    rows = "".join(
        f'<tr{" class=now" if name == new.simulator else ""}><th scope="row">{escape("labels" if name == "label" else name)}'
        f"{_note(name, new.matrix, new.simulator)}</th>"
        + "".join(f"<td>{_cell(one.score(split, name))}</td>" for split, one, _ in columns)
        + "</tr>"
        for name in names
    )
    st.html(
        '<div class="lx-table"><table class="lx-compare lx-edited"><thead><tr>'
        f'<th scope="col">Concepts seen by</th>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _columns(edited: Edited, before: Edited | None) -> list[tuple[Edited, str]]:
    return [(edited, "your words"), *([(before, before.explanation.method)] if before else [])]


def _note(name: str, fitted: str, headline: str) -> str:
    notes = ["the weights were fitted with these"] * (name == fitted) + ["headline"] * (name == headline)
    return f'<br><span class="lx-muted">{"; ".join(notes)}</span>' if notes else ""


def _cell(score: Score | None) -> str:
    if score is None:
        return '<span class="lx-muted">doesn’t know these concepts</span>'
    if score.value is None:
        return f'<span class="lx-muted">none: {escape(score.reason or "")}</span>'
    return (
        f'<b>{two(score.value)}</b>{_interval(score, " ({})")}<br><span class="lx-muted">'
        f"{plural(score.n, 'image')}</span>"
    )


def _interval(score: Score, pattern: str = ", 95% interval {}") -> str:
    return "" if score.low is None else pattern.format(f"{two(score.low)} to {two(score.high)}")


def switch_to_test(unit: Hashable, version: Hashable) -> bool:
    """Whether the test scores of this version of the words are shown. Every change of the words hides them again.

    unit, version: what the words are of, and what they are; a session counts the versions whose test scores were seen.
    """
    state = st.session_state
    if state.get("test version") != (unit, version):
        state["test version"], state[_SHOWN] = (unit, version), False
    st.markdown(SPOILT)
    shown = st.toggle(
        "Show the test scores of these words",
        key=_SHOWN,
        help="They are hidden again as soon as the words change",
    )
    if shown:
        count_seen(unit, version)
    if (versions := seen(unit)) > 1:
        st.warning(
            f"You have seen the test scores of {versions} versions of these words. If you keep the best of them, its test score is no "
            "longer honest.",
            icon=":material/visibility:",
        )
    return shown


def count_seen(unit: Hashable, version: Hashable) -> None:
    """The test scores of this version of a unit's words are seen, here or, once they are kept, elsewhere."""
    st.session_state.setdefault("test seen", {}).setdefault(unit, set()).add(version)


def seen(unit: Hashable) -> int:
    """How many versions of a unit's words have shown their test scores in this session."""
    return len(st.session_state.get("test seen", {}).get(unit, ()))
