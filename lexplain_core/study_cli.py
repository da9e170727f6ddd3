"""The command line of studies, `python -m lexplain_core study …`."""

from __future__ import annotations

import json
import secrets
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Column, Table

from .errors import UserError

app = typer.Typer(
    name="study",
    help="Put units to people: two-alternative forced-choice studies in the browser (docs/studies.md).",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
out = Console()

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="A study in data/studies, or the path of a .sqlite file.")
]


@app.command()
def new(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="A .duckdb file.")],
    name: Annotated[str, typer.Option("--name", help="Letters, digits, - and _.")],
    units: Annotated[int | None, typer.Option(min=1, help="Units to judge (84).")] = None,
    difficulty: Annotated[
        list[str] | None,
        typer.Option(help="easy, medium, hard or 'very hard'; repeated, they are mixed evenly (easy)."),
    ] = None,
    layers: Annotated[
        list[str] | None, typer.Option("--layer", help="Only units of this layer; may be repeated.")
    ] = None,
    tasks: Annotated[int | None, typer.Option(min=1, help="Tasks, each for another person (63).")] = None,
    people: Annotated[int | None, typer.Option(min=1, help="People for each task (1).")] = None,
    trials: Annotated[int | None, typer.Option(min=1, help="Real trials of a task (40).")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Draws units, images, places and orders (0).")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="Settings (docs/study-settings.md).")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a setting; may be repeated."),
    ] = None,
) -> None:
    """Make a study of a store's units: the tasks, every image with its place, and the texts."""
    from .progress import Terminal
    from .trials import StudyFile, load_settings, new_study

    given = {
        "stimuli.units": units,
        "stimuli.difficulty": difficulty or None,
        "stimuli.layers": layers or None,
        "course.tasks": tasks,
        "course.people": people,
        "course.trials": trials,
        "seed": seed,
    }
    options = [f"{key}={json.dumps(value)}" for key, value in given.items() if value is not None]
    settings = load_settings(config, [*(set_ or []), *options])
    path = new_study(store, name, settings, progress=Terminal())
    with StudyFile.open(path) as study:
        real = study.units().query("use == 'real'")
        _say(
            f"{path}: {_count(len(study.tasks()), 'task')} for {_count(settings.course.people, 'person', 'people')} each, "
            f"{_count(settings.course.trials, 'trial')} a task about {_count(len(real), 'unit')} "
            f"of {_count(real['layer'].nunique(), 'layer')}, {', '.join(settings.stimuli.difficulty)}"
        )
        for note in study.facts.get("notes", []):
            _say(f"  {note}")
        if left := study.facts.get("left_out"):
            _say(
                f"  {_count(len(left), 'unit')} left out; the first: unit {left[0][1]} of {left[0][0]}, {left[0][2]}"
            )
    _say(f"walk through it:  streamlit run app.py -- --study {name} --preview")
    _say(f"serve it:         streamlit run app.py -- --study {name}")
    if settings.course.pid == "required":
        _say(f"invite people:    python -m lexplain_core study invite {name} 20")


@app.command("list")
def list_(
    json_: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """List the studies in data/studies, and how far they are."""
    from .trials import StudyFile, find_studies, studies_folder

    rows, unreadable = [], []
    for entry in find_studies():
        if entry.error is not None:
            unreadable.append(entry.error)
            continue
        with StudyFile.open(entry.path) as study:
            outcomes = study.sessions()["outcome"].value_counts()
            rows.append(
                {
                    "name": study.name,
                    "kind": study.kind,
                    "path": str(entry.path),
                    "store": (study.facts.get("store") or {}).get("name"),
                    "tasks": len(study.tasks()),
                    "units": int((study.units()["use"] == "real").sum()),
                    "completed": int(outcomes.get("completed", 0)),
                    "running": int(outcomes.get("running", 0)),
                    "abandoned": int(outcomes.get("abandoned", 0)),
                    "failed_practice": int(outcomes.get("failed practice", 0)),
                    "answers": len(study.responses()),
                }
            )
    if json_:
        print(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for problem in unreadable:
        _say(problem)
    if not rows:
        if not unreadable:
            _say(
                f"There is no study in {studies_folder()}; `python -m lexplain_core study new STORE --name NAME` makes one."
            )
        return
    table = Table(Column("name", overflow="fold"), "of", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    numbers = ("tasks", "units", "completed", "running", "abandoned", "failed_practice", "answers")
    for column in numbers:
        table.add_column(column.split("_")[0], justify="right", no_wrap=True)
    for row in rows:
        source = row["store"] or row["kind"]
        table.add_row(_plain(row["name"]), _plain(source), *(f"{row[column]:,}" for column in numbers))
    out.print(table)


@app.command()
def export(
    name: Name,
    to: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.csv", help="NAME-responses.csv when not given.")
    ] = None,
    sessions: Annotated[
        bool,
        typer.Option("--sessions", help="A row a session, with checks and comments, in place of answers."),
    ] = False,
) -> None:
    """Write the answers as CSV, while a study runs or after: IMI's columns first, then ours."""
    from .trials import StudyFile, export_responses, export_sessions, study_path

    with StudyFile.open(study_path(name)) as study:
        frame = export_sessions(study) if sessions else export_responses(study)
        path = to or Path(f"{study.name}-{'sessions' if sessions else 'responses'}.csv")
    try:
        frame.to_csv(path, index=False)
    except OSError as error:
        raise UserError(f"{path} can't be written: {error.strerror}.") from None
    _say(
        f"{path}: {_count(len(frame), 'session' if sessions else 'answer')}, {_count(len(frame.columns), 'column')}"
    )


@app.command()
def invite(
    name: Name,
    count: Annotated[int, typer.Argument(min=1, max=100_000, help="How many people.")],
    address: Annotated[
        str, typer.Option(help="Where participants find the study's server.")
    ] = "http://localhost:8501",
) -> None:
    """Print an address for each person, with a random name that nobody can guess."""
    from .trials import StudyFile, study_path

    with StudyFile.open(study_path(name)):  # a study that isn't there has no guests
        pass
    for _ in range(count):
        print(f"{address.rstrip('/')}/?pid={secrets.token_hex(6)}")


@app.command()
def verify(
    name: Name, code: Annotated[str, typer.Argument(metavar="CODE", help="The code that a person hands in.")]
) -> None:
    """Say whose completion code this is, and whether the checks were passed."""
    from .trials import StudyFile, study_path

    with StudyFile.open(study_path(name)) as study:
        found = study.verify(code)
        if found is None:
            raise UserError(f"The study {study.name!r} has given nobody the code {code!r}.")
    when = datetime.fromtimestamp(found["finished_at"]).strftime("%Y-%m-%d %H:%M")
    passed = "all checks passed" if found["passed"] else "left out by the checks"
    _say(f"{found['participant']}: task {found['task']}, {found['outcome']} {when}, {passed}")


@app.command("delete-person")
def delete_person(
    name: Name,
    pid: Annotated[str, typer.Argument(metavar="PID", help="The person's name in `?pid=`.")],
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> None:
    """Delete everything that a person has left in a study; the task is offered again."""
    from .trials import StudyFile, study_path

    with StudyFile.open(study_path(name)) as study:
        if not (study.sessions()["pid"] == pid).any():
            raise UserError(f"Nobody of the name {pid!r} has taken part in {study.name!r}.")
        if not yes:
            typer.confirm(f"Delete all answers of {pid!r} in {study.name!r}?", abort=True)
        deleted = study.delete_person(pid)
    _say(f"{_count(deleted, 'session')} of {pid} deleted, with answers, times and comment")


def _count(n: int, one: str, many: str | None = None) -> str:
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def _say(text: str) -> None:
    out.print(text, highlight=False, markup=False, soft_wrap=True)


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)
