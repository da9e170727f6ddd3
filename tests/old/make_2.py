"""Makes the files of schema 2 in this folder, as `make.py` made those of schema 1.

Run once, in a checkout of commit 2d7b901, the last one before the rooms were moved, with this file copied there:

    python -m tests.old.make_2 FOLDER

The study: beside ann, bob and cara of `make.py`, four people are through (one read too little, so that the checks leave
them out), and one left. Its clock stands in 2023, so that its pages say the same on every day. The notes have words
with scores, remarks, and hidden images.
"""

from __future__ import annotations

import sys
from pathlib import Path

from lexplain_core.notes import Notes
from lexplain_core.store import Score, UserExplanation
from lexplain_core.studies.file.study import StudyFile
from lexplain_core.studies.session.course import begin
from tests.studies.conftest import make_plan, walk
from tests.studies.observers import Clock, Observer

from .make import keep


def study(path: Path) -> dict:
    plan = make_plan(
        tasks=10, trials=6, catch=1, practice=1, rounds=2, overrides=["checks.instructions_seconds=10"]
    )
    with StudyFile.create(path, plan) as made:
        made.clock = Clock(1_700_000_000.0)
        made.invite(["ann", "bob", "dora"])
        for number, ability in enumerate((0.95, 0.8, 0.6)):
            Observer(ability, seed=number).take(made, f"P{number}")
        Observer(0.8, seed=7, reading=2.0, comment="Quick, ![x](y) **b**").take(made, "hasty")
        Observer(0.5, seed=8).take(made, "left", answers=4)
        ann, bob, cara = (begin(made, pid) for pid in ("ann", "bob", "cara"))
        walk(made, ann, lambda phase, place: phase == "practice" or place != 1, comment="Schön, thanks")
        walk(made, bob, steps=5)
        cara.screen()
        rows = made.responses()
        return {
            "tokens": {"ann": ann.token, "bob": bob.token, "cara": cara.token},
            "keys": dict(zip(("cara", "dora"), made.keys(["cara", "dora"]), strict=True)),
            "code": ann.screen().code,
            "outcomes": made.sessions().set_index("participant")["outcome"].to_dict(),
            "answers": rows[["participant", "phase", "position", "button", "correct"]].values.tolist(),
        }


def notes(path: Path) -> None:
    made = Notes(path, ("0123456789ab", "demo"))
    made.star("Animals", "block7", 5)
    made.star("Animals", "block7", 2, "fur,\nnot eyes")
    made.star("Starred", "planted", 0)
    made.begin("Empty")
    made.hide("demo/00007.png", "demo/00009.png")
    scores = (Score("correlation", "label", "test", 400, 0.41, 0.3, 0.5, None),)
    for way, method in (("refit", "mine"), ("keep", "Größe")):
        made.keep(
            UserExplanation(
                "block7", 3, method, terms=((2.0, "class:dog"), (-0.5, "class:cat")), bias=0.1, matrix="label",
                simulator="label", val_correlation=0.55, scores=scores, config={"way": way}, store="0123456789ab",
            )
        )  # fmt: skip


if __name__ == "__main__":
    keep(Path(sys.argv[1]), 2, study, notes)
