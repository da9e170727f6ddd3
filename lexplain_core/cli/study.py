"""The command line of studies, `python -m lexplain_core study …`."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import parse_qsl, urlencode, urlsplit

import typer
from rich import box
from rich.table import Table

from ..base.errors import UserError, quote, repeated
from ..base.files import read_text
from ..base.terminal import Console, print_json, printable
from ..base.text import lines

if TYPE_CHECKING:
    from ..config.study import StudySettings
    from ..studies.file.study import StudyFile

app = typer.Typer(
    name="study",
    help="Put units to people: two-alternative forced-choice studies in the browser (docs/how-to/studies.md).",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
out = Console()

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="A study in data/studies (or $LEXPLAIN_STUDIES), or the path of a .sqlite file.",
    ),
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
        Path | None, typer.Option(metavar="FILE.toml", help="Settings (docs/reference/study-settings.md).")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a setting; may be repeated."),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Where the store's images are on this machine, if not where it was built."
        ),
    ] = None,
) -> None:
    """Make a study of a store's units: the tasks, every image with its place, and the texts."""
    from ..base.progress import Terminal
    from ..config.study import load_settings
    from ..studies.plan.making import new_study

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
    progress = Terminal(
        Console(stderr=True, soft_wrap=True)
    )  # notes name options: they are there to be copied
    path = new_study(store, name, settings, progress=progress, root=images)
    _say_made(path, name, settings)


def _say_made(path: Path, name: str, settings: StudySettings) -> None:
    """What a new study holds, and what comes next."""
    from ..studies.file.study import StudyFile

    course = settings.course
    practice = course.practice_obvious + course.practice_other
    with StudyFile.open(path) as study:
        real = study.units().query("use == 'real'")
        _say(
            f"{path}: {_count(len(study.tasks()), 'task')} for {_count(course.people, 'person', 'people')} each, "
            f"{_count(course.trials + course.catch + practice, 'trial')} each ({course.trials:,} real, {course.catch:,} catch, "
            f"{practice:,} practice) about {_count(len(real), 'unit')} "
            f"of {_count(real['layer'].nunique(), 'layer')}, {', '.join(settings.stimuli.difficulty)}"
        )
        if left := study.facts.get("left_out"):
            _say(
                f"  {_count(len(left), 'unit')} left out; the first is unit {left[0][1]} of {left[0][0]}: {left[0][2]}"
            )
    _say(f"walk through it:  python -m lexplain_core serve --study {name} --preview")
    _say(f"serve it:         python -m lexplain_core serve --study {name}")
    count = course.tasks * course.people
    _say(f"invite people:    python -m lexplain_core study invite {name} {count}")
    if course.pid != "invited":
        _say(
            "                  (others are let in, too, unless the study is made with --set course.pid=invited)"
        )


@app.command("list")
def list_(
    json_: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """List the studies in data/studies, and how far they are."""
    from ..studies.file.study import StudyFile, find_studies, studies_folder

    rows, unreadable = [], []
    for entry in find_studies():
        if entry.error is not None:
            unreadable.append(entry.error)
            continue
        try:
            with StudyFile.open(entry.path) as study:
                rows.append(_row(study))
        except UserError as error:
            unreadable.append(str(error))
    if json_:
        print_json(rows)
        return
    for problem in unreadable:
        _say(problem)
    if not rows:
        if not unreadable:
            _say(
                f"There is no study in {studies_folder()}; `python -m lexplain_core study new STORE --name NAME` makes one."
            )
        return
    cells = [(row["name"], row["store"] or row["kind"], *(f"{row[c]:,}" for c in HEADINGS)) for row in rows]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for i, heading in enumerate(("name", "of", *HEADINGS.values())):
        table.add_column(heading, justify="right" if i > 1 else "left", no_wrap=True)
    for line in cells:
        table.add_row(*line)
    needed = Console(width=10_000).measure(table).maximum  # names are there to be copied: none is cut
    Console(width=max(out.width, needed)).print(table)
    _say(
        "done: completed the course, whatever the checks say; left: not seen for so long that the task was offered again; "
        "failed: ended after the practice"
    )


HEADINGS = {
    "tasks": "tasks",
    "completed": "done",
    "running": "running",
    "abandoned": "left",
    "failed_practice": "failed",
    "units": "units",
    "answers": "answers",
}


def _row(study: StudyFile) -> dict:
    """How far a study is. name: of its file, by which commands know it."""
    outcomes = study.sessions()["outcome"].value_counts()
    store = (study.facts.get("store") or {}).get("name")
    return {
        "name": printable(study.path.stem),
        "kind": printable(study.kind),
        "path": str(study.path),
        "store": None if store is None else printable(str(store)),
        "tasks": len(study.tasks()),
        "units": int((study.units()["use"] == "real").sum()),
        "completed": int(outcomes.get("completed", 0)),
        "running": int(outcomes.get("running", 0)),
        "abandoned": int(outcomes.get("abandoned", 0)),
        "failed_practice": int(outcomes.get("failed practice", 0)),
        "answers": len(study.responses()),
    }


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
    without_damaged: Annotated[
        bool,
        typer.Option(
            "--without-damaged", help="Leave out sessions that are not what was written, and say which."
        ),
    ] = False,
) -> None:
    """Write the answers as CSV, while a study runs or after: IMI's columns first, then ours."""
    from ..studies.file.finding import find_study
    from ..studies.file.study import StudyFile
    from ..studies.results.export import export_csv

    with StudyFile.open(find_study(name), check=not without_damaged) as study:
        if without_damaged:
            study.leave_out_damaged = True
            left = study.damaged()
            _say(f"{_count(len(left), 'session')} left out as damaged{': ' if left else ''}{', '.join(left)}")
        path = to or Path(f"{study.path.stem}-{'sessions' if sessions else 'responses'}.csv")
        rows, columns = export_csv(study, path, sessions)
    _say(f"{path}: {_count(rows, 'session' if sessions else 'answer')}, {_count(columns, 'column')}")


@app.command()
def backup(
    name: Name,
    to: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="NAME, the time and .sqlite when not given.")
    ] = None,
) -> None:
    """Copy a study with all its answers, also while people take part; a file that is there is never replaced."""
    from ..studies.file.backup import backup_study
    from ..studies.file.finding import find_study
    from ..studies.file.study import StudyFile

    path = backup_study(find_study(name), to)
    with StudyFile.open(path) as study:
        answers, sessions = len(study.responses()), len(study.sessions())
    _say(f"{path}: {_count(answers, 'answer')} of {_count(sessions, 'session')}, read again and found whole")


Address = Annotated[str, typer.Option(metavar="URL", help="Where participants find the study's server.")]
LOCAL = "http://localhost:8501"


@app.command()
def invite(
    name: Name,
    count: Annotated[
        int | None, typer.Argument(min=1, max=100_000, help="How many people, with random names.")
    ] = None,
    names: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Names of one's own in place of COUNT, one a line.")
    ] = None,
    address: Address = LOCAL,
) -> None:
    """Write down whom you invite, and print a link for each of them, which leads back to where they are at any time.

    Only a study made with `--set course.pid=invited` turns others away. In any other each name in an
    address begins a session, also one that somebody makes up, once.
    """
    from ..studies.file.finding import find_study
    from ..studies.file.study import StudyFile

    if (count is None) == (names is None):
        raise UserError("Whom to invite? Say either how many people, or `--names FILE`.")
    link = _links(address)
    people = [secrets.token_hex(6) for _ in range(count or 0)] if names is None else _names(names)
    with StudyFile.open(find_study(name)) as study:
        if study.kind != "study":
            raise UserError(f"{study.path} was imported: people can't take part in it.")
        study.invite(people)
        keys = study.keys(people)
    for pid, key in zip(people, keys, strict=True):
        print(link(pid, key))


@app.command()
def resume(
    name: Name,
    pid: Annotated[str, typer.Argument(metavar="PID", help="The person's name in `?pid=`.")],
    address: Address = LOCAL,
) -> None:
    """Print a link for a person who has begun and lost their address: it leads back to where they are."""
    from ..studies.file.finding import find_study
    from ..studies.file.study import StudyFile

    link = _links(address)
    with StudyFile.open(find_study(name)) as study:
        if not study.has_begun(pid):
            raise UserError(f"Nobody of the name {quote(pid)} has begun in {quote(study.path.stem)}.")
        [key] = study.keys([pid])
    print(link(pid, key))


def _links(address: str) -> Callable[[str, str], str]:
    """link(name, key): a person's address. Raises `UserError` where `address` is none."""
    try:
        parts = urlsplit(address)
        fine = parts.scheme in ("http", "https") and bool(parts.netloc)
    except ValueError:  # half a bracket
        fine = False
    if not fine:
        raise UserError(
            f"{quote(address)} is no address: it begins with http:// or https://, and a host follows."
        )
    given = parse_qsl(parts.query, keep_blank_values=True)
    rest = [(key, value) for key, value in given if key not in ("pid", "key", "t")]
    path = parts.path.rstrip("/") + "/"

    def link(pid: str, key: str) -> str:
        query = urlencode([*rest, ("pid", pid), ("key", key)])
        return parts._replace(path=path, query=query, fragment="").geturl()

    return link


def _names(file: Path) -> list[str]:
    """The names in a file, one a line; empty lines are skipped."""
    found = [line for line in lines(read_text(file, "The file of names")) if line]
    if not found:
        raise UserError(f"{file} holds no names; it wants one a line.")
    if (twice := repeated(found)) is not None:
        raise UserError(f"{file} holds the name {quote(twice)} twice; each person needs one of their own.")
    return found


@app.command()
def verify(
    name: Name, code: Annotated[str, typer.Argument(metavar="CODE", help="The code that a person hands in.")]
) -> None:
    """Say whose completion code this is, and whether the checks were passed."""
    from ..studies.file.finding import find_study
    from ..studies.file.study import StudyFile

    with StudyFile.open(find_study(name)) as study:
        found = study.verify(code)
        if found is None:
            raise UserError(f"The study {quote(study.path.stem)} has given nobody the code {quote(code)}.")
    when = datetime.fromtimestamp(found["finished_at"]).strftime("%Y-%m-%d %H:%M")
    passed = "all checks passed" if found["passed"] else "left out by the checks"
    _say(f"{found['participant']}: task {found['task']}, {found['outcome']} {when}, {passed}")


@app.command("delete-person")
def delete_person(
    name: Name,
    pid: Annotated[str | None, typer.Argument(metavar="PID", help="The person's name in `?pid=`.")] = None,
    code: Annotated[
        str | None, typer.Option(metavar="CODE", help="In place of PID: the person's completion code.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> None:
    """Delete everything that a person has left in a study, the invitation too; the task is offered again."""
    from ..studies.file.finding import find_study
    from ..studies.file.study import StudyFile

    if (pid is None) == (code is None):
        raise UserError("Whose answers? Say either the person's name (PID), or `--code CODE`.")
    with StudyFile.open(find_study(name)) as study:
        called = study.path.stem
        who = f"the person with the code {code}" if pid is None else quote(pid)
        if code is not None and study.verify(code) is None:
            raise UserError(f"The study {quote(called)} has given nobody the code {quote(code)}.")
        if pid is not None and not study.knows(pid):
            raise UserError(f"Nobody of the name {who} has taken part in {quote(called)}, or is invited.")
        if not yes:
            typer.confirm(printable(f"Delete all answers of {who} in {quote(called)}?"), abort=True)
        deleted = study.delete_person(pid, code=code)
    _say(f"{_count(deleted, 'session')} of {who} deleted, with answers, times and comment")


def _count(n: int, one: str, many: str | None = None) -> str:
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def _say(text: str) -> None:
    out.print(printable(text), highlight=False, markup=False, soft_wrap=True)
