"""What people have made of a store's units so far, over all studies of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from ...base.errors import UserError
from ...base.intervals import wilson
from ..file.study import StudyFile, find_studies
from .analysis import kept_responses

COLUMNS = ["layer", "unit", "right", "answers", "human", "low", "high", "studies"]


def human_scores(store_id: str, folder: Path | None = None) -> pd.DataFrame:
    """A row per unit of a store that people were asked about: layer, unit, right of answers, human (the
    proportion right) with Wilson's 95 % interval low and high, studies (how many).

    Real trials of sessions that passed their study's own checks, whatever the difficulty, over the studies
    in `folder` (data/studies without) that were made from the store with this id. Unreadable studies are left out.
    """
    return scores_of(store_id, readable(folder))


def readable(folder: Path | None = None) -> list[Path]:
    """The studies of a folder that can be read, without imported ones."""
    return [entry.path for entry in find_studies(folder) if entry.error is None and entry.kind == "study"]


def scores_of(store_id: str, studies: Iterable[Path]) -> pd.DataFrame:
    """`human_scores` over these studies."""
    parts = []
    for path in studies:
        try:
            with StudyFile.open(path) as study:
                if (study.facts.get("store") or {}).get("id") == store_id:
                    answers = kept_responses(study)[["layer", "unit", "correct"]]
                    parts.append(answers.assign(study=str(path)))
        except UserError:  # damaged behind its first page: the Results page says so
            continue
    if not parts:
        return pd.DataFrame(columns=COLUMNS)
    rows = (
        pd.concat(parts)
        .groupby(["layer", "unit"], sort=True)
        .agg(right=("correct", "sum"), answers=("correct", "size"), studies=("study", "nunique"))
        .reset_index()
    )
    rows["right"] = rows["right"].astype("int64")
    rows["human"] = rows["right"] / rows["answers"]
    rows["low"], rows["high"] = wilson(rows["right"], rows["answers"])
    return rows[COLUMNS]
