"""Who may take part in a study: names, invitations, free tasks, and those who were deleted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lexplain_core.base.errors import UserError
from lexplain_core.studies.file.study import StudyFile
from lexplain_core.studies.session.course import NotAdmitted, admit, begin, resume

from .conftest import make_plan, walk


def test_who_is_admitted(study_of):
    study = study_of(tasks=1)
    for nobody in (None, "", "   ", "a\x00b", "x" * 201, "\ud800", 7, ["anna"]):
        for way in (admit, begin):
            with pytest.raises(NotAdmitted) as refused:
                way(study, nobody)
            assert refused.value.reason == "no pid" and "pid" in refused.value.text
    begin(study, "anna")
    for way in (admit, begin):
        with pytest.raises(NotAdmitted) as refused:
            way(study, "bob")
        assert (refused.value.reason, refused.value.text) == ("full", study.settings.texts.full)
    for token in (None, "", "x", 5, "é", "' OR 1=1"):
        with pytest.raises(NotAdmitted) as refused:
            resume(study, token)
        assert refused.value.reason == "unknown"


def test_names_are_optional_where_the_study_says_so(study_of):
    study = study_of("course.pid=optional", tasks=2)
    assert admit(study, None) is None
    one, two = begin(study, None), begin(study, "")
    assert one.token != two.token and {one.task_id, two.task_id} == {0, 1}
    walk(study, one)
    first = study.checks().query("name == 'first_time'").iloc[0]
    assert first.passed and first.isna()["value"] and "can't be known" in first.details["why"]
    assert study.sessions().passed.iloc[0]
    assert study.sessions().participant.tolist() == ["session 1", "session 2"]


@pytest.mark.parametrize("pid", ["required", "invited", "optional"])
def test_nobody_is_called_like_those_without_a_name(study_of, pid):
    study = study_of(f"course.pid={pid}", tasks=3)
    for name in ("session 1", " Session 12 "):
        for way in (admit, begin):
            with pytest.raises(NotAdmitted) as refused:
                way(study, name)
            assert refused.value.reason == "no pid"
    with pytest.raises(UserError, match="'session 1' can't be a person's name"):
        study.invite(["ann", "session 1"])
    assert study.invited() == [] and study.sessions().empty
    study.invite(["session one"])
    assert begin(study, "session one").token


def test_only_those_who_are_invited_are_let_in(study_of):
    study = study_of("course.pid=invited", "course.people=5", tasks=1)
    assert study.invite(["ann", " bob ", "ann"]) == 2
    study.clock.now += 1
    assert study.invite(["bob", "cat"]) == 1
    assert study.invited() == ["ann", "bob", "cat"]
    for way in (admit, begin):
        for name in ("dan", "Ann"):
            with pytest.raises(NotAdmitted) as refused:
                way(study, name)
            assert refused.value.reason == "not invited"
            assert refused.value.text == study.settings.texts.not_invited
        with pytest.raises(NotAdmitted) as refused:
            way(study, None)
        assert refused.value.reason == "no pid"
    assert admit(study, "bob") is None
    course = begin(study, "bob ")
    [key] = study.keys(["bob"])
    assert admit(study, "bob", key).screen() == course.screen()
    walk(study, course)
    with pytest.raises(NotAdmitted) as refused:
        admit(study, "bob", key)
    assert (refused.value.reason, refused.value.code) == ("taken part", course.screen().code)
    with study.preview() as preview:  # where nobody needs an invitation, and none can be seen
        assert preview.invited() == []
        assert begin(preview, "preview 1").screen().kind == "instructions"
    open_to_all = study_of(tasks=2)
    open_to_all.invite(["ann"])
    assert begin(open_to_all, "dan").token


def test_a_deleted_person_is_told_so(small_study):
    course = begin(small_study, "anna")
    course.read()
    nonce = course.screen().trial.nonce
    small_study.delete_person("anna")
    for move in (course.screen, course.read, course.go_on, lambda: course.answer(nonce, 1, 1000)):
        with pytest.raises(NotAdmitted) as refused:
            move()
        assert refused.value.reason == "unknown"
    assert admit(small_study, "anna") is None


def test_tasks_go_to_those_with_the_fewest_people_and_come_back(study_of):
    study = study_of("course.people=2", "course.abandon_minutes=60", tasks=2)
    courses = [begin(study, f"p{i}") for i in range(4)]
    assert [c.task_id for c in courses] == [0, 1, 0, 1]
    with pytest.raises(NotAdmitted):
        begin(study, "p4")
    walk(study, courses[0])
    study.clock.now += 59 * 60
    courses[1].screen()  # a sign of life
    study.clock.now += 2 * 60
    assert study.sessions().outcome.tolist() == ["completed", "running", "abandoned", "abandoned"]
    late = [begin(study, f"late{i}").task_id for i in range(2)]
    assert sorted(late) == [0, 1]
    with pytest.raises(NotAdmitted):
        admit(study, "later")
    assert courses[2].screen().kind == "instructions"  # who comes back goes on
    [key] = study.keys(["p2"])
    assert admit(study, "p2", key).screen().kind == "instructions"
    assert study.tasks().passed_people.tolist() == [1, 0]


def test_nobody_takes_part_in_an_imported_study(tmp_path):
    with StudyFile.create(tmp_path / "a.sqlite", replace(make_plan(), kind="imported")) as study:
        with pytest.raises(NotAdmitted) as refused:
            begin(study, "p")
        assert refused.value.reason == "full"
