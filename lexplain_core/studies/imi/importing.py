"""IMI's released answers (Zimmermann et al. 2023, Zenodo record 8131197) become a study that pages can show.

Read are `human_responses/responses_main.csv`, `responses_lower_quality.csv` beside it where it is there
(its sessions are left out), and the names of images in `image_data/imagenet_exemplars_file_map.json`. The
pickled twins of these files are never opened.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd

from ...base.errors import UserError
from ...base.files import read_json
from ...base.progress import Progress, Silent
from ...config.study import Stimuli, StudySettings
from ...stimuli.base import QUERY, REFERENCES, JudgedUnit, Picture, Placed, StudyPlan, Task, Trial, TrialImage
from ...stimuli.ranks import DIFFICULTIES
from ..file.study import StudyFile, study_path
from ..file.write import Recorded
from ..plan.making import check_new_name
from .records import records, with_sessions
from .rows import read_rows

MAIN = Path("human_responses") / "responses_main.csv"
LOWER = Path("human_responses") / "responses_lower_quality.csv"
IMAGES = Path("image_data") / "imagenet_exemplars_file_map.json"
IMAGES_IN_ALL = 1_281_167  # ImageNet-1k's train split, the probing set
BATCH = 20
_UNIT = ["unit_model", "unit_layer", "unit_number", "use"]
_TRIAL = ["unit_id", "kind", "mode", "difficulty", "batch"]


def import_imi(
    folder: str | Path, out: str | Path | None = None, name: str = "imi", progress: Progress | None = None
) -> Path:
    """Make a study (kind 'imported') of IMI's released files; where it lies.

    folder: of the unpacked record. out: the new file; in the folder of studies when None. Raises
    `UserError`: a bad name, missing files or columns, a wrong value (with file, row, column), or `out` is taken.
    """
    folder, progress = Path(folder), progress or Silent()
    check_new_name(name)
    path = Path(out) if out is not None else study_path(name)
    if path.exists():
        raise UserError(f"There is a study {path} already; choose another name or remove it first.")
    with progress.task("reading answers", total=3) as advance:
        files = [folder / MAIN]
        if (folder / LOWER).exists():
            files.append(folder / LOWER)
        rows = [read_rows(file).assign(file=n) for n, file in enumerate(files)]
        advance(1)
        images = _read_images(folder / IMAGES)
        advance(1)
        plan, recorded = make_plan(rows, files, images, name)
        advance(1)
    with progress.task("writing the study", total=1) as advance:
        StudyFile.create(path, plan, recorded).close()
        advance(1)
    for note in plan.facts["notes"]:
        progress.note(note)
    return path


def make_plan(
    rows: list[pd.DataFrame], files: list[Path], images: dict | None, name: str
) -> tuple[StudyPlan[list[Picture]], Recorded]:
    """(StudyPlan, Recorded) of the rows of each file (`read_rows`) and the map of images, if there is one."""
    answers = with_sessions(pd.concat(rows, ignore_index=False).rename_axis("row").reset_index(), files)
    answers = _with_trials(answers)
    units, unit_rows = _units(answers)
    namer = _Names(images)
    trial_rows = answers.drop_duplicates("trial_id").sort_values("trial_id")
    trials = tuple(_trial(row, namer) for row in trial_rows.itertuples())
    tasks = _tasks(answers)
    levels = [d for d in DIFFICULTIES if (answers.difficulty == d).any()]
    models = sorted(set(answers.task_model))
    plan = StudyPlan(
        name=name,
        settings=StudySettings(stimuli=Stimuli(difficulty=levels)),
        units=units,
        trials=trials,
        tasks=tasks,
        pictures=namer.pictures(),
        facts={
            "source": "IMI (Zimmermann, Klein & Brendel, NeurIPS 2023), Zenodo record 8131197",
            "model": ", ".join(models),
            "images": IMAGES_IN_ALL,
            "batch": BATCH,
            "layers": list(dict.fromkeys(layer for m in models for layer in _layers(unit_rows, m))),
            "left_out": [],
            "notes": _notes(answers, trial_rows, namer, images),
        },
        kind="imported",
    )
    return plan, records(answers)


def _with_trials(answers: pd.DataFrame) -> pd.DataFrame:
    """Adds kind, mode, unit_id, trial_id (indices in the plan) to the rows."""
    kind = (
        pd.Series("real", answers.index).mask(answers.catch_trial, "catch").mask(answers.is_demo, "practice")
    )
    real, practice = kind == "real", kind == "practice"
    answers = answers.rename(columns={"model": "named_model"}).assign(
        kind=kind, use=kind, mode=answers.task_mode
    )
    # Catch units are IMI's own ('catch/manual'); of practice trials nothing is known but the experiment.
    answers["unit_model"] = answers.task_model.where(real | practice, answers.named_model)
    answers["unit_layer"] = answers.layer
    answers["unit_number"] = answers.channel.fillna(0).clip(lower=0).mask(practice, 0).astype("int64")
    answers["difficulty"] = answers.difficulty.where(real, None)
    answers["batch"] = answers.batch.fillna(-1).where(real, -1).astype("int64")
    answers["unit_id"] = answers.groupby(_UNIT, sort=True).ngroup()
    answers["trial_id"] = answers.groupby(_TRIAL, sort=True, dropna=False).ngroup()
    return answers


def _units(answers: pd.DataFrame) -> tuple[tuple[JudgedUnit, ...], pd.DataFrame]:
    rows = answers.drop_duplicates("unit_id").sort_values("unit_id")
    depths: dict[tuple[str, str], float] = {}
    for model in set(rows.unit_model[rows.use == "real"]):
        layers = _layers(rows, model)
        depths |= {(model, layer): i / (len(layers) - 1) for i, layer in enumerate(layers) if len(layers) > 1}
    units = tuple(
        JudgedUnit(
            row.unit_model,
            row.unit_layer,
            int(row.unit_number),
            row.use,
            depth=depths.get((row.unit_model, row.unit_layer)) if row.use == "real" else None,
        )
        for row in rows.itertuples()
    )
    return units, rows


def _layers(rows: pd.DataFrame, model: str) -> list[str]:
    """The layers of a model that units were drawn from, sorted as people sort names with numbers in them."""
    seen = set(rows.unit_layer[(rows.unit_model == model) & (rows.use == "real")])
    return sorted(seen, key=_natural)


def _natural(name: str) -> list:
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return [(0, int(p), "") if p.isdecimal() and len(p) < 19 else (1, 0, p) for p in parts]


def _trial(row: Any, namer: _Names) -> Trial:
    low, high = namer.sides(row) if row.kind == "real" else ((), ())
    difficulty = row.difficulty if row.kind == "real" else None
    return Trial(
        int(row.unit_id), row.kind, row.kind != "real", row.mode, difficulty, int(row.batch), low, high
    )


def _tasks(answers: pd.DataFrame) -> tuple[Task, ...]:
    """IMI's tasks, in the order of their ids; the main course is that of the first session."""
    first = answers.session_id == answers.groupby("task").session_id.transform("min")
    mine = answers[first].sort_values(["task", "position"])
    placed: dict[int, list[Placed]] = {task: [] for task in sorted(set(mine.task))}
    main = mine[~mine.is_demo]
    for task, trial, upper in zip(main.task, main.trial_id, main.upper, strict=True):
        placed[task].append(Placed(int(trial), upper, None, None))
    return tuple(
        Task(row.task_id, row.task_model, row.task_mode, row.task_difficulty, (), tuple(placed[row.task]))
        for row in mine.drop_duplicates("task").itertuples()
    )


def _read_images(path: Path) -> dict | None:
    if not path.exists():
        return None
    found = read_json(path, "The map of images")
    if not isinstance(found, dict):
        raise UserError(f"{path} is no map from models to images.")
    return found


class _Names:
    """Names of images, each a picture without bytes; map[model][layer/channel_c][batch_b][max_9.png]."""

    def __init__(self, images: dict | None) -> None:
        self.images = images
        self.found: dict[tuple[str, str], int] = {}
        self.unnamed = 0  # trials without names

    def pictures(self) -> list[Picture]:
        return [Picture(source, key) for source, key in self.found]

    def sides(self, row: Any) -> tuple[tuple[TrialImage, ...], tuple[TrialImage, ...]]:
        """The 10 images of each side of a real trial; both empty unless all are named."""
        if self.images is None:
            return (), ()
        hard = f"_hard{row.hard}" if isinstance(row.hard, str) else ""
        unit = f"{row.unit_layer}/channel_{row.unit_number}"
        names: Any = self.images
        for key in (row.unit_model + hard, unit, f"batch_{row.batch}"):
            names = names.get(key) if isinstance(names, dict) else None
        sides = []
        for pole in ("min", "max"):
            keys: list[tuple[str, Any]] = []
            for place in range(REFERENCES + 1):
                if place != QUERY and row.mode == "synthetic":  # the same for each batch, made per unit
                    keys.append(("synthetic", f"{row.unit_model}/{unit}/{pole}_{place}"))
                else:
                    found = names.get(f"{pole}_{place}.png") if isinstance(names, dict) else None
                    keys.append(("natural", found))
            sides.append(keys)
        if not all(isinstance(name, str) for side in sides for _, name in side):
            self.unnamed += 1
            return (), ()
        low, high = (
            tuple(TrialImage(self.found.setdefault(key, len(self.found))) for key in side) for side in sides
        )
        return low, high


def _notes(answers: pd.DataFrame, trials: pd.DataFrame, namer: _Names, images: dict | None) -> list[str]:
    notes = [
        "A layer's depth is its place among the layers seen of its model, sorted by name, and so approximate.",
        "Of the images only names are known, and of practice trials only the answers.",
    ]
    if images is None:
        notes.append(f"There is no {IMAGES}: the images' names are unknown, too.")
    elif namer.unnamed:
        real = int((trials.kind == "real").sum())
        notes.append(f"{IMAGES.name} lacks images of {namer.unnamed} of {real} trials.")
    pressed = (answers.button_pressed < 3) == (answers.upper == "max")
    differ = int(
        ((pressed != answers.correct) | (answers.button_pressed % 3 + 1 != answers.confidence)).sum()
    )
    if differ:
        notes.append(
            f"In {differ} answers the button doesn't agree with choice and confidence; choice and confidence hold."
        )
    if (unnamed := int((answers.participant == "").sum())) == len(answers):
        notes.append("The file names no participants: each session counts as another person.")
    elif unnamed:
        notes.append(
            f"{unnamed} answers name no participant: each of their sessions counts as another person."
        )
    return notes
