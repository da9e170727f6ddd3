"""Folders of the form of IMI's release (Zenodo record 8131197), with answers that are drawn here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

# The 45 columns in the file's order, written out: the reader must not be checked against itself.
COLUMNS = """rt button_pressed switched_queries confidence choice correct min_query max_query min_references
max_references catch_trial is_demo trial_type trial_index time_elapsed internal_node_id response_index participant_id
corrected_trial_index task_id task_number batch channel layer mode model passed_checks demo_trials_result
catch_trials_result total_response_time_result row_variability_result instruction_time_result demo_trials_details
catch_trials_details total_response_time_details row_variability_details instruction_time_details
instruction_time_details_extracted total_response_time_details_extracted row_variability_details_details_upper_extracted
row_variability_details_details_lower_extracted catch_trials_details_ratio_extracted
catch_trials_details_correctly_answered_extracted demo_trials_details_extracted multi_participation""".split()
NINE = ["googlenet", "densenet_201", "wide_resnet50", "clip-vit_b32", "in1k-vit_b32", "convnext_b", "resnet50",
        "resnet50-l2", "clip-resnet50"]  # fmt: skip
BOTH = [m for m in NINE if "vit" not in m]  # models that were also judged by synthetic images
HARDER = [("resnet50", "95", "natural"), ("resnet50", "85", "natural"), ("clip-resnet50", "95", "natural"),
          ("clip-resnet50", "85", "natural"), ("resnet50", "95", "optimized")]  # fmt: skip
ALL = [(m, None, "natural") for m in NINE] + [(m, None, "optimized") for m in BOTH] + HARDER  # 21 experiments


def session(
    rng, condition, number, trials, units, response=0, rounds=1, multi=False, person="anonymized", fail=False
):
    """The rows of one session: practice rounds, `trials` real trials of other units each, 5 catch trials."""
    model, hard, mode = condition
    name = f"{model}{f'_hard{hard}' if hard else ''}"
    mine = rng.choice(len(units), trials, replace=False)
    kinds = np.array(["real"] * trials + ["catch"] * 5)[rng.permutation(trials + 5)]
    rows, t, left = [], 20, list(mine)

    def row(kind, main):
        nonlocal t
        right = bool(rng.random() < (0.75 if kind == "real" else 0.2 if fail else 1.0))
        switched, confidence = bool(rng.integers(2)), int(rng.integers(1, 4))
        layer, channel = (
            units[left.pop()] if kind == "real" else ("manual_4c_1", 0) if kind == "catch" else (None, None)
        )
        t += 3
        rows.append(dict(
            rt=round(1500 + rng.exponential(3000), 3), button_pressed=confidence - 1 + (0 if switched == right else 3),
            switched_queries=switched, confidence=confidence, choice="b" if right else "a", correct=right,
            min_query="anonymized", max_query="anonymized", min_references="anonymized", max_references="anonymized",
            catch_trial=kind == "catch", is_demo=kind == "practice", trial_type="2afc-image-confidence-response",
            trial_index=t, time_elapsed=t * 4000, internal_node_id=f"0.0-4.0-0.{t}", response_index=response,
            participant_id=person, corrected_trial_index=main, task_id=f"{name}_{mode}-{number}", task_number=number,
            batch={"real": float(rng.integers(11)), "catch": -1.0}.get(kind), channel=None if channel is None else float(channel),
            layer=layer, mode="catch_trial" if kind == "catch" else mode,
            model="catch/manual" if kind == "catch" else model if mode == "optimized" else name,
        ))  # fmt: skip

    for _ in range(5 * rounds):
        row("practice", None)
    for i, kind in enumerate(kinds):
        row(str(kind), i)
    main = rows[5 * rounds :]
    caught = [r["correct"] for r in main if r["catch_trial"]]
    upper = sum(r["button_pressed"] < 3 for r in main)
    total, reading = round(float(rng.uniform(300, 1200)), 3), round(float(rng.uniform(20, 200)), 3)
    details = dict(
        demo_trials_details={"n_demo_trials_blocks": rounds},
        catch_trials_details={"ratio": sum(caught) / 5, "correctly_answered": caught},
        total_response_time_details={"total_time": total},
        row_variability_details={"n_upper_row": upper, "n_lower_row": len(main) - upper},
        instruction_time_details={"total_time": reading},
    )
    results = dict(
        demo_trials_result=rounds <= 3, catch_trials_result=sum(caught) >= 4, total_response_time_result=True,
        row_variability_result=min(upper, len(main) - upper) >= 0.1 * len(main), instruction_time_result=True,
    )  # fmt: skip
    same = dict(
        passed_checks=all(results.values()), multi_participation=multi, **results,
        **{key: repr(value) for key, value in details.items()},
        instruction_time_details_extracted=reading, total_response_time_details_extracted=total,
        row_variability_details_details_upper_extracted=upper,
        row_variability_details_details_lower_extracted=len(main) - upper,
        catch_trials_details_ratio_extracted=sum(caught) / 5,
        catch_trials_details_correctly_answered_extracted=repr(caught), demo_trials_details_extracted=rounds,
    )  # fmt: skip
    return [r | same for r in rows]


def units_of(rng, count):
    layers = [f"layer{rng.integers(1, 5)}_{rng.integers(12)}_conv{rng.integers(1, 4)}" for _ in range(count)]
    return [
        (layer, int(channel)) for layer, channel in zip(layers, rng.permutation(2048)[:count], strict=True)
    ]


def frame(conditions=ALL, tasks=3, trials=6, units=8, seed=0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(main, lower quality) answers: `tasks` tasks a condition, and for the first of each a session that
    failed the catch trials; main's sessions have the response index 1 there."""
    rng = np.random.default_rng(seed)
    main, lower = [], []
    of_model = {}
    for condition in conditions:
        mine = of_model.setdefault(condition[0], units_of(rng, units))
        for number in range(1, tasks + 1):
            first = number == 1
            rows = session(rng, condition, number, trials, mine, int(first), rounds=1 + number % 2)
            (main if rows[0]["passed_checks"] else lower).extend(rows)
            if first:
                lower += session(rng, condition, number, trials, mine, 0, fail=True)
    return pd.DataFrame(main, columns=COLUMNS), pd.DataFrame(lower, columns=COLUMNS)


def image_map(answers: pd.DataFrame) -> dict:
    """Names for the images of each real trial; those of one model are left out."""
    found: dict = {}
    real = answers[~answers.is_demo & ~answers.catch_trial & ~answers.task_id.str.startswith("googlenet")]
    for row in real.itertuples():
        key = row.task_id.rsplit("_", 1)[0]
        unit = f"{row.layer}/channel_{int(row.channel)}"
        batch = found.setdefault(key, {}).setdefault(unit, {}).setdefault(f"batch_{int(row.batch)}", {})
        for pole in ("min", "max"):
            for place in range(10):
                stem = f"{key}-{row.channel:.0f}-{row.batch:.0f}-{pole}-{place}"
                batch[f"{pole}_{place}.png"] = f"n01739381/{stem}.JPEG"
    return found


def write(
    folder: Path, main: pd.DataFrame, lower: pd.DataFrame | None = None, images: dict | None = None
) -> Path:
    """The folder, with these files."""
    (folder / "human_responses").mkdir(parents=True, exist_ok=True)
    main.to_csv(folder / "human_responses" / "responses_main.csv", index=False)
    if lower is not None:
        lower.to_csv(folder / "human_responses" / "responses_lower_quality.csv", index=False)
    if images is not None:
        (folder / "image_data").mkdir(exist_ok=True)
        (folder / "image_data" / "imagenet_exemplars_file_map.json").write_text(json.dumps(images))
    return folder
