"""`python -m lexplain_core study …` and `import imi`: words, files, exit codes."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lexplain_core.cli import main as cli
from lexplain_core.cli import study as study_cli
from lexplain_core.studies.file.finding import find_study
from lexplain_core.studies.file.study import StudyFile, studies_folder
from lexplain_core.studies.session.course import NotAdmitted, admit, begin

from ..studies.conftest import make_plan, walk
from ..studies.damage import damage, rename
from ..studies.imi_folder import frame, write
from ..studies.written import jpeg_of, write_store

N = 60
SHORT = [
    "--set", "stimuli.images=stored", "--units", "8", "--trials", "4", "--tasks", "3", "--people", "2",
    "--set", "course.catch=2", "--set", "course.practice_obvious=2",
]  # fmt: skip
NASTY = "\x1b[31mred\x9b\n../../up"


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    """A store of 60 small pictures and two layers."""
    rng = np.random.default_rng(0)
    thumbnails = [
        jpeg_of(Image.new("RGB", (32, 32), tuple(map(int, c)))) for c in rng.integers(0, 255, (N, 3))
    ]
    layers = {"one": rng.normal(size=(8, N)).astype(np.float32), "two": rng.normal(size=(9, N))}
    path = tmp_path_factory.mktemp("stores") / "small.duckdb"
    return write_store(path, layers, sizes=[(32, 32)] * N, thumbnails=thumbnails)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    """The folder of studies; commands run beside it."""
    monkeypatch.setenv("LEXPLAIN_STUDIES", str(tmp_path / "studies"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "studies"


@pytest.fixture
def run(capsys, monkeypatch):
    """Run a command in this process, in a terminal of 80 columns: (exit code, stdout, stderr)."""

    def call(*arguments) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["lexplain_core", *map(str, arguments)])
        for module in (cli, study_cli):
            monkeypatch.setattr(module, "out", cli.Console(width=80))
        with pytest.raises(SystemExit) as left:
            cli.main()
            raise SystemExit(0)
        output = capsys.readouterr()
        return left.value.code or 0, output.out, output.err

    return call


@pytest.fixture
def study(folder) -> Path:
    """'small': one who went through, one who failed the practice, one under way, one nameless."""
    path = folder / "small.sqlite"
    with StudyFile.create(path, make_plan(tasks=6, rounds=1, overrides=["course.pid=optional"])) as made:
        walk(made, begin(made, "ann"))
        walk(made, begin(made, "lost"), lambda phase, i: phase != "practice")
        walk(made, begin(made, "running"), steps=4)
        walk(made, begin(made, None), comment="nameless")
    return path


# -- new and list


def test_a_study_is_made_and_says_what_comes_next(run, store, folder):
    code, out, err = run("study", "new", store, "--name", "pilot", *SHORT)
    assert code == 0
    assert (
        "3 tasks for 2 people each, 9 trials each (4 real, 2 catch, 3 practice) about 8 units of 2 layers, easy"
        in out
    )
    assert "python -m lexplain_core serve --study pilot --preview" in out
    assert "study invite pilot 6" in out and "course.pid=invited" in out
    assert "`--set 'checks.total_seconds=[25, 2500]'`" in err  # on one line, to be copied
    with StudyFile.open(folder / "pilot.sqlite") as made:
        assert made.settings.course.people == 2 and len(made.tasks()) == 3
    _, out, _ = run("study", "new", store, "--name", "closed", *SHORT, "--set", "course.pid=invited")
    assert "study invite closed 6" in out and "others are let in" not in out


@pytest.mark.parametrize("name", ["", "a b", "../x", "a.b", "x" * 81, "ä"])
def test_a_name_that_a_new_study_can_t_have(run, store, folder, name):
    code, out, err = run("study", "new", store, "--name", name, *SHORT)
    assert code == 2 and out == "" and "can't be named" in one_sentence(err)
    assert not folder.exists() or not list(folder.iterdir())


def one_sentence(err: str) -> str:
    last = err.strip().splitlines()[-1]
    assert last.startswith("Error: ") and last.endswith((".", "?")) and "Traceback" not in err
    return last


def test_studies_are_listed_and_nothing_is_cut(run, study, folder):
    long = folder / f"{'a-study-with-a-rather-long-name-' * 2}.sqlite"
    StudyFile.create(long, make_plan(name="x")).close()
    code, out, _ = run("study", "list")
    assert code == 0 and "…" not in out
    lines = out.splitlines()
    assert next(line for line in lines if line.strip()).split() == (
        "name of tasks done running left failed units answers".split()
    )
    rows = {line.split()[0]: line.split()[1:] for line in lines if " demo " in line}
    assert rows == {
        "small": ["demo", "6", "2", "1", "0", "1", "4", "18"],
        long.stem: ["demo", "3", "0", "0", "0", "0", "4", "0"],
    }
    assert "left: not seen for so long" in out
    code, out, _ = run("study", "list", "--json")
    found = {row["name"]: row for row in json.loads(out)}
    assert found["small"] == {
        "name": "small", "kind": "study", "path": str(study), "store": "demo", "tasks": 6, "units": 4, "completed": 2,
        "running": 1, "abandoned": 0, "failed_practice": 1, "answers": 18,
    }  # fmt: skip


def test_a_damaged_study_is_named_and_the_others_are_listed(run, study, folder):
    damage(StudyFile.create(folder / "broken.sqlite", make_plan()).path)
    (folder / "text.sqlite").write_text("just notes")
    code, out, _ = run("study", "list")
    assert code == 0 and re.search("^ *small .*demo", out, re.M)
    assert "broken.sqlite is damaged (" in out and "text.sqlite" in out
    code, out, _ = run("study", "list", "--json")
    assert code == 0 and [row["name"] for row in json.loads(out)] == ["small"]


def test_no_study_says_how_to_make_one(run):
    code, out, _ = run("study", "list")
    assert code == 0 and "study new STORE --name NAME" in out


# -- export


def test_answers_and_sessions_are_exported(run, study, tmp_path):
    code, out, _ = run("study", "export", "small")
    assert code == 0 and out.startswith("small-responses.csv: 18 answers, ")
    answers = pd.read_csv(tmp_path / "small-responses.csv")
    assert len(answers) == 18 and f"{len(answers.columns)} columns" in out
    assert answers["shown_times"].tolist() == [1] * 18
    code, out, _ = run("study", "export", study, "--sessions", "--out", "s.csv")  # a path will do
    assert code == 0 and len(pd.read_csv(tmp_path / "s.csv")) == 4


def test_a_foreign_name_is_neither_part_of_a_path_nor_a_command_to_the_terminal(run, study, tmp_path):
    rename(study, NASTY)
    before = {p.name for p in tmp_path.iterdir()}
    for arguments in (
        ["export", "small"],
        ["list"],
        ["verify", "small", "ABCD-EFGH"],
        ["invite", "small", "1"],
    ):
        _, out, err = run("study", *arguments)
        assert "\x1b[31m" not in out + err and "\x9b" not in out + err
    assert {p.name for p in tmp_path.iterdir()} - before == {"small-responses.csv"}


def test_texts_for_a_terminal_are_printable():
    assert study_cli.printable("a\x1b[2Jb\x07\x9bc\u202ed\ne\tf ö") == "a[2Jbcd e f ö"


@pytest.mark.parametrize(
    "arguments",
    [
        ["export", "{}"],
        ["backup", "{}"],
        ["invite", "{}", "2"],
        ["resume", "{}", "x"],
        ["verify", "{}", "ABCD-EFGH"],
        ["delete-person", "{}", "x", "--yes"],
    ],
)
@pytest.mark.parametrize("name", ["nothing", "no/where.sqlite", "../bad name*", ""])
def test_a_study_that_is_not_there(run, folder, arguments, name):
    code, out, err = run("study", *(a.format(name) for a in arguments))
    assert code == 2 and out == ""
    one_sentence(err)


def test_a_file_that_can_t_be_written(run, study):
    code, _, err = run("study", "export", "small", "--out", "no/where.csv")
    assert code == 2 and "no/where.csv can't be written: " in one_sentence(err)


def test_names_and_paths_find_studies(folder, tmp_path):
    assert find_study("pilot") == studies_folder() / "pilot.sqlite" == folder / "pilot.sqlite"
    assert find_study("pilot", tmp_path) == tmp_path / "pilot.sqlite"
    for path in ("pilot.sqlite", "./pilot", "a/b", str(tmp_path / "x.sqlite")):
        assert find_study(path) == Path(path)


# -- invite


def test_each_person_gets_an_address_and_is_written_down(run, study):
    code, out, _ = run("study", "invite", "small", "3")
    lines = out.split()
    assert code == 0 and len(set(lines)) == 3
    names = [dict(parse_qsl(urlsplit(line).query))["pid"] for line in lines]
    assert all(
        re.fullmatch(r"http://localhost:8501/\?pid=[0-9a-f]{12}&key=[\w-]{24}", line) for line in lines
    )
    with StudyFile.open(study) as made:
        assert set(made.invited()) == set(names)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://x", "https://x/?pid=K%C3%A4the+%26+Co"),
        ("https://x/", "https://x/?pid=K%C3%A4the+%26+Co"),
        ("https://x/?a=b", "https://x/?a=b&pid=K%C3%A4the+%26+Co"),
        ("https://x/?a=&pid=old&key=k&t=t&c=d%26e#part", "https://x/?a=&c=d%26e&pid=K%C3%A4the+%26+Co"),
        ("https://x:8080/sub", "https://x:8080/sub/?pid=K%C3%A4the+%26+Co"),
    ],
)
def test_addresses_keep_their_query(run, study, tmp_path, address, expected):
    (tmp_path / "names.txt").write_text("\ufeffKäthe & Co\n\n", encoding="utf-8")
    code, out, _ = run("study", "invite", "small", "--names", "names.txt", "--address", address)
    link, _, key = out.strip().rpartition("&key=")
    assert code == 0 and link == expected
    assert dict(parse_qsl(urlsplit(link).query))["pid"] == "Käthe & Co"
    with StudyFile.open(study) as made:
        assert made.invited() == ["Käthe & Co"] and made.signed("Käthe & Co", key)


def test_only_those_invited_are_let_in_where_the_study_says_so(run, store, folder, tmp_path):
    run("study", "new", store, "--name", "closed", *SHORT, "--set", "course.pid=invited")
    (tmp_path / "names.txt").write_text("ann\nbob\n")
    assert run("study", "invite", "closed", "--names", "names.txt")[0] == 0
    with StudyFile.open(folder / "closed.sqlite") as made:
        begin(made, "ann")
        with pytest.raises(NotAdmitted):
            begin(made, "eve")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "either how many people, or `--names FILE`"),
        (["3", "--names", "names.txt"], "either how many people"),
        (["3", "--address", "x.org"], "'x.org' is no address"),
        (["3", "--address", "http://[x"], "'http://[x' is no address"),
        (["--names", "panel.txt"], "'{{PROLIFIC_PID}}' can't be a person's name: it is a placeholder"),
        (["--names", "no.txt"], "no.txt can't be read: No such file"),
        (["--names", "empty.txt"], "holds no names"),
        (["--names", "twice.txt"], "holds the name 'ann' twice"),
        (["--names", "bad.txt"], "can't be a person's name"),
        (["--names", "latin.txt"], "can't be read: "),
    ],
)
def test_invitations_that_can_t_be_written(run, study, tmp_path, arguments, said):
    (tmp_path / "names.txt").write_text("ann\n")
    (tmp_path / "empty.txt").write_text("\n \n")
    (tmp_path / "twice.txt").write_text("ann\nbob\nann\n")
    (tmp_path / "bad.txt").write_text("ann\nsession 3\n")
    (tmp_path / "panel.txt").write_text("ann\n{{PROLIFIC_PID}}\n")
    (tmp_path / "latin.txt").write_bytes(b"K\xe4the\n")
    code, out, err = run("study", "invite", "small", *arguments)
    assert code == 2 and out == "" and said in one_sentence(err)
    with StudyFile.open(study) as made:
        assert made.invited() == []


def test_whoever_lost_their_address_gets_a_link_that_leads_back(run, study):
    code, out, _ = run("study", "resume", "small", "running", "--address", "https://x/")
    found = dict(parse_qsl(urlsplit(out.strip()).query))
    assert code == 0 and found["pid"] == "running"
    with StudyFile.open(study) as made:
        assert admit(made, "running", found["key"]).screen().kind == "trial"
        assert made.invited() == []
    code, _, err = run("study", "resume", "small", "nobody")
    assert code == 2 and "Nobody of the name 'nobody' has begun in 'small'" in one_sentence(err)


# -- back up


def test_a_backup_is_made_while_people_answer(run, study, tmp_path):
    with StudyFile.open(study) as served:
        walk(served, begin(served, "late"), steps=3)
        code, out, _ = run("study", "backup", "small", "there/kept.sqlite")
    assert code == 0 and "there/kept.sqlite: 20 answers of 5 sessions, read again and found whole" in out
    code, _, err = run("study", "backup", "small", "there/kept.sqlite")
    assert code == 2 and "There is a file there/kept.sqlite already" in one_sentence(err)
    code, out, _ = run("study", "backup", "small")
    [made] = tmp_path.glob("small-*.sqlite")
    assert code == 0 and re.fullmatch(r"small-\d{4}-\d\d-\d\d-\d{6}.sqlite", made.name) and made.name in out
    with StudyFile.open(made) as copy:
        assert len(copy.responses()) == 20


def test_what_is_damaged_is_left_out_of_an_export_only_where_one_says_so(run, study, tmp_path):
    with StudyFile.open(study) as made, made.writing() as con:
        con.execute("UPDATE responses SET correct = 1 - correct WHERE session_id = 1 AND position = 0")
    code, out, err = run("study", "export", "small")
    assert code == 2 and "'ann' (session 1) is not what was written" in one_sentence(err)
    assert "`study export --without-damaged`" in err and not list(tmp_path.glob("*.csv"))
    code, out, _ = run("study", "export", "small", "--without-damaged")
    assert code == 0 and "1 session left out as damaged: 'ann' (session 1)" in out
    assert "ann" not in set(pd.read_csv(tmp_path / "small-responses.csv")["participant_id"])
    for arguments in (["list"], ["verify", "small", codes_of(study)["ann"]]):
        _, out, err = run("study", *arguments)
        assert "'ann' (session 1) is not what was written" in out + err


def codes_of(path) -> dict[str, str]:
    with StudyFile.open(path) as made:
        with made.reading() as con:
            return dict(map(tuple, con.execute("SELECT pid, code FROM sessions")))


# -- verify and delete


def codes(path) -> pd.Series:
    with StudyFile.open(path) as made:
        return made.sessions().set_index("participant")["code"]


def test_a_code_says_whose_it_is(run, study):
    given = codes(study)
    code, out, _ = run("study", "verify", "small", given["ann"].lower())
    assert code == 0 and re.fullmatch(
        r"ann: task task-\d, completed \d{4}-\d\d-\d\d \d\d:\d\d, all checks passed\n", out
    )
    _, out, _ = run("study", "verify", "small", given["lost"])
    assert "failed practice" in out and "left out by the checks" in out
    code, out, err = run("study", "verify", "small", "AAAA-AAAA")
    assert code == 2 and "'small' has given nobody the code 'AAAA-AAAA'" in one_sentence(err)


def test_a_person_is_deleted_by_name_or_by_code(run, study):
    nameless = codes(study)["session 4"]
    code, out, _ = run("study", "delete-person", "small", "ann", "--yes")
    assert code == 0 and "1 session of 'ann' deleted" in out
    code, out, _ = run("study", "delete-person", "small", "--code", nameless, "--yes")
    assert code == 0 and f"1 session of the person with the code {nameless} deleted" in out
    assert list(codes(study).index) == ["lost", "running"]


def test_an_invitation_can_be_deleted_too(run, study, tmp_path):
    (tmp_path / "names.txt").write_text("eve\n")
    run("study", "invite", "small", "--names", "names.txt")
    code, out, _ = run("study", "delete-person", "small", "eve", "--yes")
    assert code == 0 and "0 sessions of 'eve' deleted" in out
    with StudyFile.open(study) as made:
        assert made.invited() == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "either the person's name"),
        (["ann", "--code", "AAAA-AAAA"], "either the person's name"),
        (["nobody"], "Nobody of the name 'nobody'"),
        (["--code", "AAAA-AAAA"], "nobody the code 'AAAA-AAAA'"),
    ],
)
def test_nobody_is_deleted_by_mistake(run, study, arguments, said):
    code, _, err = run("study", "delete-person", "small", *arguments, "--yes")
    assert code == 2 and said in one_sentence(err)
    assert len(codes(study)) == 4


def test_deleting_asks_first(run, study, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    code, _, _ = run("study", "delete-person", "small", "ann")
    assert code == 1 and len(codes(study)) == 4


# -- import imi


def test_imi_s_answers_are_imported(run, folder, tmp_path):
    main, _ = frame([("resnet50", "95", "natural")], tasks=2, trials=3, units=4)
    write(tmp_path / "imi", main)
    code, out, err = run("import", "imi", "imi", "--name", "people-of-2023")
    assert code == 0 and f"people-of-2023.sqlite: {len(main):,} answers in " in out and ", 1 models" in out
    assert (err + out).count("There is no image_data") == 1
    code, out, err = run("study", "invite", "people-of-2023", "1")
    assert code == 2 and "people can't take part in it" in one_sentence(err)
    for arguments, said in (
        (["imi", "--name", "people-of-2023"], "already"),
        (["imi", "--name", "a b"], "can't be named"),
        (["nowhere"], "nowhere"),
    ):
        code, _, err = run("import", "imi", *arguments)
        assert code == 2 and said in one_sentence(err)
