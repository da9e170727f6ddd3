"""Makes the files in this folder: a study and notes as the first versions of their tables were written.

People's answers can't be made again, so these must open for ever. Run once, in a checkout of commit 4ca9ab8, with
this file copied there:

    python -m tests.old.make FOLDER

The study: ann is through, bob has answered his practice and two of the main trials, cara reads the instructions; ann,
bob and dora are invited. `study-1.json` has what the file should be found to hold.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from lexplain_core.notes import Notes
from lexplain_core.store import UserExplanation
from lexplain_core.studies.file.study import StudyFile
from lexplain_core.studies.session.course import begin
from tests.studies.conftest import make_plan, walk


def study(path: Path) -> dict:
    with StudyFile.create(path, make_plan(tasks=5, trials=3, catch=1, practice=1, rounds=2)) as made:
        made.invite(["ann", "bob", "dora"])
        ann, bob, cara = (begin(made, pid) for pid in ("ann", "bob", "cara"))
        walk(made, ann, lambda phase, place: phase == "practice" or place != 1, comment="Schön, thanks")
        walk(made, bob, steps=5)
        cara.screen()
        rows = made.responses()
        return {
            "tokens": {"ann": ann.token, "bob": bob.token, "cara": cara.token},
            "code": ann.screen().code,
            "outcomes": made.sessions().set_index("participant")["outcome"].to_dict(),
            "answers": rows[["participant", "phase", "position", "button", "correct"]].values.tolist(),
        }


def notes(path: Path) -> None:
    made = Notes(path, ("0123456789ab", "demo"))
    made.star("Animals", "block7", 5)
    made.star("Animals", "block7", 2, "fur,\nnot eyes")
    made.begin("Empty")
    made.hide("demo/00007.png", "demo/00009.png")
    made.keep(
        UserExplanation(
            "block7", 3, "mine", terms=((2.0, "class:dog"), (-0.5, "class:cat")), bias=0.1, matrix="label",
            simulator="label", val_correlation=0.55, scores=(), config={"way": "refit"},
        )
    )  # fmt: skip


def keep(folder: Path, number: int, study: Callable[[Path], dict], notes: Callable[[Path], None]) -> None:
    """Write a study, what it should be found to hold, and notes into a folder."""
    with TemporaryDirectory() as place:
        facts = study(Path(place) / "study.sqlite")
        notes(Path(place) / "a.notes.sqlite")
        for name, file in (("study", "study.sqlite"), ("notes", "a.notes.sqlite")):
            data = gzip.compress((Path(place) / file).read_bytes(), mtime=0)
            (folder / f"{name}-{number}.sqlite.gz").write_bytes(data)
    text = json.dumps(facts, ensure_ascii=False, indent=1)
    (folder / f"study-{number}.json").write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    keep(Path(sys.argv[1]), 1, study, notes)
