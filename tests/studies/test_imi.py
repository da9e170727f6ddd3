"""IMI's files in: what was generated comes out; each trap and each wrong value has its test."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

from lexplain_core.base.errors import UserError
from lexplain_core.studies.file.study import StudyFile
from lexplain_core.studies.imi.importing import _natural, import_imi
from lexplain_core.studies.results.analysis import results
from lexplain_core.studies.results.export import export_responses

from .imi_folder import ALL, COLUMNS, NINE, frame, image_map, write

HARD = {None: "easy", "99": "medium", "95": "hard", "85": "very hard"}


@pytest.fixture(scope="module")
def generated():
    return frame()


@pytest.fixture(scope="module")
def study(tmp_path_factory, generated):
    """All 21 experiments, with sessions of lower quality and names of images."""
    folder = write(tmp_path_factory.mktemp("imi"), *generated, image_map(generated[0]))
    with StudyFile.open(import_imi(folder, folder / "imi.sqlite")) as study:
        yield study


@pytest.fixture
def small():
    """One experiment with two tasks."""
    return frame([("resnet50", "95", "natural")], tasks=2, trials=3, units=4)


def condition(task_id: str) -> tuple[str, str, str]:
    """Model, mode, difficulty; apart from the project's own reading."""
    model, mode = task_id.rsplit("-", 1)[0].rsplit("_", 1)
    hard = model.rsplit("_hard", 1)[1] if "_hard" in model else None
    return model.split("_hard")[0], {"natural": "natural", "optimized": "synthetic"}[mode], HARD[hard]


def test_the_nine_models_have_the_proportions_that_were_generated(study, generated):
    main, _ = generated
    real = main[~main.is_demo & ~main.catch_trial].copy()
    real["condition"] = real.task_id.map(condition)
    units = real.groupby(["condition", "layer", "channel"]).correct.mean()
    found = results(study, resamples=100)
    assert len(found.models) == 21 and set(found.models.model) == set(NINE)
    assert set(found.models["mode"]) == {"natural", "synthetic"}
    for row in found.models.itertuples():
        mine = units[(row.model, row.mode, row.difficulty),]
        assert row.mean == pytest.approx(mine.mean(), abs=1e-12) and row.units == len(mine)
        assert row.responses == (real.condition == (row.model, row.mode, row.difficulty)).sum()
        assert row.participants == real[real.condition == (row.model, row.mode, row.difficulty)].groupby(
            ["task_id", "response_index"]
        ).ngroups  # fmt: skip
    assert len(found.units) == len(units)
    for row in found.units.itertuples():
        key = ((row.model, row.mode, row.difficulty), row.layer, float(row.unit))
        assert row.proportion == pytest.approx(units[key])
    assert len(found.responses) == len(real)
    assert found.times.untimed.eq(0).all() and set(found.times.lock_ms) == {1500}


def test_sessions_of_lower_quality_are_read_and_left_out(study, generated):
    main, lower = generated
    sessions = study.sessions()
    assert len(sessions) == main.groupby(["task_id", "response_index"]).ngroups + lower.groupby(
        ["task_id", "response_index"]
    ).ngroups  # fmt: skip
    assert sessions.passed.sum() == main.groupby(["task_id", "response_index"]).ngroups
    assert sessions.pid.isna().all() and set(sessions.outcome) == {"completed"}
    exclusions = results(study, resamples=100).exclusions
    out = exclusions.sessions[~exclusions.sessions.passed]
    assert (out.failed == "catch_right").all() and (out.catch_right < 0.8).all() and len(out) >= 21
    everyone = study.settings.checks.model_copy(update={"catch_right": 0.0})
    assert results(study, everyone, resamples=100).exclusions.sessions.passed.all()


def test_what_is_known_of_units_trials_and_tasks(study, generated):
    main, lower = generated
    both = pd.concat([main, lower])
    units = study.units()
    real = units[units.use == "real"]
    mine = both[~both.is_demo & ~both.catch_trial]
    model = mine.task_id.map(lambda t: condition(t)[0])
    assert (
        len(real) == pd.DataFrame({"m": model, "l": mine.layer, "c": mine.channel}).drop_duplicates().shape[0]
    )
    assert units[units.use == "catch"].model.tolist() == ["catch/manual"]
    assert set(units[units.use == "practice"].model) == set(NINE) and units.name.isna().all()
    for _, rows in real.groupby("model"):
        layers = sorted(set(rows.layer), key=_natural)
        depth = rows.groupby("layer").depth.first()
        assert depth[layers[0]] == 0 and depth[layers[-1]] == 1
        assert depth[layers].is_monotonic_increasing and rows.groupby("layer").depth.nunique().eq(1).all()
    trials = study.trials()
    practice = trials[trials.kind != "real"]
    assert practice.difficulty.isna().all() and practice.obvious.all() and set(practice.batch) == {-1}
    assert len(trials[trials.kind == "real"]) == len(
        mine.assign(e=mine.task_id.map(condition)).drop_duplicates(["e", "layer", "channel", "batch"])
    )
    tasks = study.tasks()
    assert set(tasks.name) == set(both.task_id) and study.kind == "imported"
    for row in tasks.itertuples():
        assert (row.model, row.mode, row.difficulty) == condition(row.name)
    assert any("approximate" in note for note in study.facts["notes"])
    assert any("lacks images of" in note for note in study.facts["notes"])  # googlenet's


def test_layers_are_sorted_as_people_do():
    names = ["layer10_1", "layer2_10_conv1", "layer2_9_conv1", "bn1", "layer2"]
    assert sorted(names, key=_natural) == ["bn1", "layer2", "layer2_9_conv1", "layer2_10_conv1", "layer10_1"]


def test_the_course_of_a_session_is_kept(study, generated):
    main, _ = generated
    mine = main[(main.task_id == "resnet50_hard95_natural-1") & (main.response_index == 1)]
    sessions = study.sessions()
    session = sessions[(sessions.task == "resnet50_hard95_natural-1") & sessions.passed].session_id.item()
    answers = study.responses()
    answers = answers[answers.session_id == session]
    practice, test = (answers[answers.phase == phase] for phase in ("practice", "main"))
    assert list(zip(practice["round"], practice.position, strict=True)) == [
        (r, p) for r in (1, 2) for p in range(5)
    ]
    assert test.position.tolist() == list(range(11))
    assert practice.correct.tolist() == mine[mine.is_demo].correct.tolist()
    assert test.button.tolist() == mine[~mine.is_demo].button_pressed.tolist()
    assert (test.upper == "max").tolist() == mine[~mine.is_demo].switched_queries.tolist()
    assert test.rt_ms.tolist() == mine[~mine.is_demo].rt.tolist()
    assert (
        sessions.set_index("session_id").instructions_s[session]
        == mine.instruction_time_details_extracted.iloc[0]
    )


def test_images_have_their_names_and_no_bytes(study, generated):
    trials = study.trials().set_index("trial_id")
    images = study.trial_images().join(
        trials[["model", "mode", "difficulty", "unit", "batch"]], on="trial_id"
    )
    assert not (images.model == "googlenet").any() and images.type.isna().all()
    hard = images[(images.model == "resnet50") & (images.difficulty == "hard")]
    for row in hard.itertuples():
        if row.place == 9 or row.mode == "natural":
            place = f"{row.unit}-{row.batch}-{row.pole}-{row.place}"
            assert row.key.startswith("n01739381/resnet50_hard95") and row.key.endswith(f"{place}.JPEG")
            assert row.source == "natural"
        else:
            assert row.source == "synthetic" and row.key.endswith(
                f"/channel_{row.unit}/{row.pole}_{row.place}"
            )
    assert set(hard["mode"]) == {"natural", "synthetic"}
    assert images.groupby("trial_id").size().eq(20).all()


def test_the_export_gives_the_45_columns_back(study, generated):
    exported = export_responses(study)
    read = pd.concat(generated, ignore_index=True)
    key = ["task_id", "response_index", "is_demo", "trial_index"]
    ours = exported.sort_values(["session", "trial_index"], ignore_index=True)
    order = study.sessions().set_index("session_id")
    first = read.assign(
        session=read.groupby([read.index >= len(generated[0]), "task_id", "response_index"], sort=False).ngroup() + 1
    ).sort_values(["session", *key[3:]], ignore_index=True)  # fmt: skip
    assert len(first) == len(ours) and len(order) == first.session.max()
    # Made anew, or richer than IMI's: tested above and in test_export.
    lost = {"trial_index", "time_elapsed", "internal_node_id", "min_query", "max_query", "min_references",
            "max_references", "model", "layer"}  # fmt: skip
    for column in set(COLUMNS) - lost:
        a, b = first[column], ours[column]
        equal = (a.astype(object) == b.astype(object)) | (a.isna() & b.isna())
        assert equal.all(), (column, a[~equal].iloc[0], b[~equal].iloc[0])
    plain = ~first.model.str.contains("_hard")  # IMI's model column mixes difficulties
    assert (first.model == ours.model)[plain].all() and (first.layer.fillna("") == ours.layer).all()


# -- traps


def test_a_fallible_index_of_main_trials_gives_way_to_the_order_of_trials(tmp_path, small):
    main, _ = small
    main.loc[main.corrected_trial_index == 3, "corrected_trial_index"] = -1
    with StudyFile.open(import_imi(write(tmp_path, main), tmp_path / "a.sqlite")) as study:
        rows = study.responses()
    for _, mine in rows[rows.phase == "main"].groupby("session_id"):
        assert mine.position.tolist() == list(range(8))


def test_named_people_are_people(tmp_path, small):
    main, _ = small
    main["participant_id"] = "P0001"
    main.loc[main.task_number == 2, "multi_participation"] = True
    with StudyFile.open(import_imi(write(tmp_path, main), tmp_path / "a.sqlite")) as study:
        sessions, checks = study.sessions(), study.checks().set_index(["name", "session_id"])
        assert sessions.participant.tolist() == ["P0001", "P0001"]
        assert sessions.passed.tolist() == [True, False]  # the file says passed_checks, but twice there
        assert checks.passed["first_time"].tolist() == [True, False]
        assert not any("names no participants" in note for note in study.facts["notes"])
        assert study.delete_person("P0001") == 2


def test_whoever_is_in_the_file_of_lower_quality_is_left_out(tmp_path, small):
    main, _ = small
    second = main.task_number == 2
    folder = write(tmp_path, main[~second], main[second])  # both with passed_checks
    with StudyFile.open(import_imi(folder, tmp_path / "a.sqlite")) as study:
        assert study.sessions().set_index("task").passed.to_dict() == {
            "resnet50_hard95_natural-1": True,
            "resnet50_hard95_natural-2": False,
        }


def test_unknown_columns_pickles_and_odd_spellings_are_no_matter(tmp_path, small):
    main, _ = small
    main = main.assign(extra="x").reset_index()
    main["is_demo"] = main.is_demo.map({True: "true", False: "0"})
    main["batch"] = main.batch.map(lambda b: "" if np.isnan(b) else f"{b:.0f}")
    write(tmp_path, main)

    class Bomb:
        def __reduce__(self):
            return (exec, ("raise SystemExit('unpickled')",))

    (tmp_path / "human_responses" / "responses_main.pd.pkl").write_bytes(pickle.dumps(Bomb()))
    with StudyFile.open(import_imi(tmp_path, tmp_path / "a.sqlite")) as study:
        assert len(study.responses()) == len(main)
        assert any("There is no image_data" in note for note in study.facts["notes"])
        assert study.trial_images().empty


def test_empty_cells_that_may_be_empty(tmp_path, small):
    main, _ = small
    main["catch_trials_details"] = ""
    main["instruction_time_details"] = "{'total_time': nan}"
    main.loc[2, "rt"] = None
    with StudyFile.open(import_imi(write(tmp_path, main), tmp_path / "a.sqlite")) as study:
        checks = study.checks()
        assert checks.value[checks["name"].isin(["catch_right", "instructions_seconds"])].isna().all()
        assert results(study, resamples=100).exclusions.sessions.passed.all()
        assert study.responses().rt_ms.isna().sum() == 1
        assert "'total_time': None" in export_responses(study).instruction_time_details[0]


def test_the_study_lies_where_studies_do(tmp_path, small, monkeypatch):
    monkeypatch.setenv("LEXPLAIN_STUDIES", str(tmp_path / "studies"))
    write(tmp_path, small[0])
    path = import_imi(tmp_path, name="people-of-2023")
    assert path == tmp_path / "studies" / "people-of-2023.sqlite"
    with StudyFile.open(path) as study:
        assert study.name == "people-of-2023" and study.settings.stimuli.difficulty == ["hard"]
    with pytest.raises(UserError, match="There is a study .* already"):
        import_imi(tmp_path, name="people-of-2023")


# -- wrong files: one sentence, with file, row and column


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("button_pressed", 7, "row 4 after the header, column 'button_pressed': '7' is not a button from 0 to 5"),
        ("button_pressed", 1.5, "'1.5' is not a button"),
        ("confidence", "", "column 'confidence': '' is not a confidence from 1 to 3"),
        ("choice", "c", "column 'choice': 'c' is not 'a' or 'b'"),
        ("correct", "maybe", "column 'correct': 'maybe' is not True or False"),
        ("switched_queries", "", "column 'switched_queries': '' is not True or False"),
        ("rt", -3, "column 'rt': '-3' is not a time in ms"),
        ("rt", "inf", "column 'rt': 'inf' is not a time in ms"),
        ("response_index", -1, "column 'response_index': '-1' is not a whole number from 0"),
        ("response_index", "9" * 400, "is not a whole number from 0"),
        ("response_index", "1e300", "is not a whole number from 0"),
        ("rt", "1e300", "is not a time in ms"),
        ("trial_index", "-1e40", "is not a whole number"),
        ("trial_index", "x", "column 'trial_index': 'x' is not a whole number"),
        ("task_id", "resnet50-natural", "column 'task_id': 'resnet50-natural' is not of the form"),
        ("task_id", "resnet50_hard70_natural-1", "is not of a known difficulty (hard99, hard95, hard85, or none)"),
        ("passed_checks", "", "column 'passed_checks': '' is not True or False"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_file_row_and_column(tmp_path, small, column, value, said):
    main = small[0].astype(object)
    main.loc[3, column] = value
    with pytest.raises(UserError) as error:
        import_imi(write(tmp_path, main), tmp_path / "a.sqlite")
    assert said in str(error.value) and "responses_main.csv, row 4" in str(error.value)
    assert not (tmp_path / "a.sqlite").exists()


@pytest.mark.parametrize(
    "value",
    [
        "{'ratio': 0.8",
        "[0.8]",
        "{'ratio': 0.8}",
        "dict(ratio=0.8, correctly_answered=[])",  # a fine dict, were it run
        "__import__('os').system('exit')",
        "{'ratio': 'high', 'correctly_answered': []}",
        "{'ratio': 1e999, 'correctly_answered': []}",
        "(" * 5000,
        "{" + "'a': 1, " * 20_000 + "}",
    ],
    ids=lambda v: v[:24],
)
def test_details_are_literals_and_nothing_else(tmp_path, small, value):
    main = small[0]
    main["catch_trials_details"] = value
    with pytest.raises(
        UserError, match="row 1 after the header, column 'catch_trials_details'.* is not a"
    ) as error:
        import_imi(write(tmp_path, main), tmp_path / "a.sqlite")
    assert len(str(error.value)) < 400


@pytest.mark.parametrize(
    ("column", "value"), [("channel", ""), ("channel", -2), ("batch", "x"), ("layer", "")]
)
def test_real_trials_need_their_unit_and_batch(tmp_path, small, column, value):
    main = small[0].astype(object)
    row = main.index[~main.is_demo.astype(bool) & ~main.catch_trial.astype(bool)][0]
    main.loc[row, column] = value
    with pytest.raises(UserError, match=f"row {row + 1} after the header, column '{column}'"):
        import_imi(write(tmp_path, main), tmp_path / "a.sqlite")


def test_missing_columns_are_named(tmp_path, small):
    main = small[0].drop(columns=["rt", "multi_participation"])
    with pytest.raises(
        UserError, match="lacks 2 of the 45 columns of IMI's responses: rt, multi_participation"
    ):
        import_imi(write(tmp_path, main), tmp_path / "a.sqlite")
    assert len(COLUMNS) == 45
    for column in COLUMNS:
        write(tmp_path, small[0].drop(columns=column))
        with pytest.raises(UserError, match=f"lacks 1 of .*: {column}\\."):
            import_imi(tmp_path, tmp_path / "a.sqlite")


def test_answers_that_contradict_each_other(tmp_path, small):
    main, _ = small
    wrong = main.copy()
    wrong.loc[2, "correct"] = wrong.choice[2] != "b"
    with pytest.raises(UserError, match="row 3 after the header, column 'correct'"):
        import_imi(write(tmp_path, wrong), tmp_path / "a.sqlite")
    wrong = main.copy()
    wrong.loc[2, "passed_checks"] = False
    with pytest.raises(UserError, match="session 1 of resnet50_hard95_natural-1 differ in 'passed_checks'"):
        import_imi(write(tmp_path, wrong), tmp_path / "a.sqlite")
    odd = main.copy()
    odd.loc[2, "confidence"] = odd.confidence[2] % 3 + 1
    with StudyFile.open(import_imi(write(tmp_path, odd), tmp_path / "a.sqlite")) as study:
        assert any(note.startswith("In 1 answers the button") for note in study.facts["notes"])


def test_files_that_are_none(tmp_path, small):
    with pytest.raises(UserError, match="There is no .*responses_main.csv; `import imi` wants"):
        import_imi(tmp_path, tmp_path / "a.sqlite")
    write(tmp_path, small[0])
    csv = tmp_path / "human_responses" / "responses_main.csv"
    text = csv.read_text()
    for content, said in (
        (b"", "can't be read as CSV"),
        (text.encode().replace(b"natural", b"\xff\xfe"), "can't be read: it is not UTF-8 text at line 2"),
        ((text + '"cut off').encode(), "can't be read as CSV"),
        ((text.splitlines()[0] + "\n").encode(), "holds no answers"),
    ):
        csv.write_bytes(content)
        with pytest.raises(UserError, match=said):
            import_imi(tmp_path, tmp_path / "a.sqlite")
    csv.write_text(text)
    (tmp_path / "image_data").mkdir()
    images = tmp_path / "image_data" / "imagenet_exemplars_file_map.json"
    for content, said in (("{", "can't be read as JSON"), ("[]", "is no map")):
        images.write_text(content)
        with pytest.raises(UserError, match=said):
            import_imi(tmp_path, tmp_path / "a.sqlite")
    images.write_text('{"resnet50_hard95": {"layer": [1, 2]}}')  # another's layout: names stay unknown
    with StudyFile.open(import_imi(tmp_path, tmp_path / "a.sqlite")) as study:
        assert study.trial_images().empty and len(ALL) == 21
