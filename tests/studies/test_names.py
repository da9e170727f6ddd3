"""Names that addresses say: one person is not two, and nobody is called like an unfilled placeholder."""

from __future__ import annotations

import pytest

from lexplain_core.base.errors import UserError
from lexplain_core.studies.names import is_placeholder, person_name
from lexplain_core.studies.session.course import NotAdmitted, admit, begin

PLACEHOLDERS = (
    """
{{%PROLIFIC_PID%}} {{PROLIFIC_PID}} {PROLIFIC_PID} %PROLIFIC_PID% %%PID%% ${e://Field/PID} ${pid} $PID #{pid} @{id} [ID] [%ID%]
[[ID]] [PID_value] <pid> <<pid>> <%=pid%> {%pid%} &lt;pid&gt; %7B%7BPROLIFIC_PID%7D%7D %255BID%255D __PID__ :pid %s {0} p-{{ID}} id-%7BID%7D
undefined Undefined null NULL Null None none NaN nan nil N/A (null) "undefined" 'null' PID pid PROLIFIC_PID participant_id worker-id
ASSIGNMENT_ID_NOT_AVAILABLE your_name
""".split()
    + ["[object Object]", "{{ PROLIFIC_PID }}", "< pid >", "  undefined ", "(not set)"]
)
PEOPLE = (
    """
ann 5f3a9c0e12ab4d P0001 A1B2C3D4E5 ann@example.org person-3 Käthe李雷 O'Neil 1 x GROUP_A null-1 nanette Nonette david id7 50%
ann_b [ann]b A_1 P-ID-7
""".split()
    + ["Käthe & Co", "ann (2)", "session one", "None of these"]
)


@pytest.mark.parametrize("text", PLACEHOLDERS)
def test_placeholders_are_known(text):
    assert is_placeholder(text) and person_name(text) == ""


@pytest.mark.parametrize("text", PEOPLE)
def test_names_are_no_placeholders(text):
    assert person_name(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "  ", "-", "…", '""', "\u200b", "a\u200bb", "a\x00", "x" * 201, "x" * 10**6, "session 1", None, 7],
)
def test_what_is_no_name_at_all(text):
    assert person_name(text) == ""


def test_one_person_is_not_two(study_of):
    study = study_of(tasks=5)
    begin(study, "Ka\u0308the  K")
    for name in ("K\u00e4the K", " Ka\u0308the K ", "K\u00e4the\u00a0K"):
        for way in (admit, begin):
            with pytest.raises(NotAdmitted) as refused:
                way(study, name)
            assert refused.value.reason == "begun"
    assert study.sessions().participant.tolist() == ["K\u00e4the K"]
    assert study.keys(["Ka\u0308the K"]) == study.keys(["K\u00e4the K "])
    assert study.invite(["Mu\u0308ller", "M\u00fcller", "M\u00fcller "]) == 1
    assert study.delete_person("Ka\u0308the K") == 1


def test_placeholders_can_t_be_invited(study_of):
    study = study_of()
    with pytest.raises(UserError, match="'<pid>' can't be a person's name: it is a placeholder"):
        study.invite(["ann", "<pid>"])
    assert study.invited() == []


def test_keys_differ_by_person_and_by_study(study_of):
    study, other = study_of(tasks=2), study_of(tasks=2)
    keys = study.keys(["ann", "bob"]) + other.keys(["ann"])
    assert len(set(keys)) == 3 and all(len(key) >= 22 for key in keys)  # 128 bits at least
    begin(study, "ann")
    for key in (keys[1], keys[2], keys[0][:-1], keys[0].swapcase(), "x", "é", "\ud800"):
        for way in (admit, begin):
            with pytest.raises(NotAdmitted) as refused:
                way(study, "ann", key)
            assert (refused.value.reason, refused.value.code) == ("unknown", None)
    assert admit(study, "ann", keys[0]).screen().kind == "instructions"
    for nothing in ("", None):
        with pytest.raises(NotAdmitted) as refused:
            admit(study, "ann", nothing)
        assert refused.value.reason == "begun"
