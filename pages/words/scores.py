"""How well the edited words predict the unit beside those that they started from, and the switch to the test split."""

from __future__ import annotations

from collections.abc import Hashable
from html import escape

import streamlit as st

from lexplain_core.live.editing import Edited
from lexplain_core.views.edited import compared, edited_cell, matrix_note
from lexplain_core.views.explanations import matrix_title

_SHOWN = "test scores"
SPOILT = (
    "**Choose by the val split, and look at the test split once, at the end.** A test score says how the words will do on images that "
    "nobody chose them by. Words that were changed until their test score rose were chosen by these very images, and their score is no "
    "longer honest: it promises too much."
)


def table(edited: Edited, before: Edited | None, with_test: bool) -> None:
    """A row per concept matrix that knows the words: their correlations now and before."""
    new = edited.explanation
    names = [score.by for score in edited.val]
    if before:
        names += [score.by for score in before.val if score.by not in names]
    splits = ["val", "test"] if with_test else ["val"]
    columns = [(split, one, whose) for split in splits for one, whose in compared(edited, before)]
    head = "".join(
        f'<th scope="col">{split.capitalize()} correlation, {escape(whose)}</th>'
        for split, _, whose in columns
    )
    rows = "".join(
        f'<tr{" class=now" if name == new.simulator else ""}><th scope="row">{escape(matrix_title(name))}'
        f"{matrix_note(name, new.matrix, new.simulator)}</th>"
        + "".join(f"<td>{edited_cell(one.score(split, name))}</td>" for split, one, _ in columns)
        + "</tr>"
        for name in names
    )
    st.html(
        '<div class="lx-table"><table class="lx-compare lx-edited"><thead><tr>'
        f'<th scope="col">Concepts seen by</th>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


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
