"""Nothing that reaches the browser before an answer tells which query is which, or a catch trial from a real one.

Two studies show the same pictures in the same places and differ in what is true of them: in one the
upper query is the right one where in the other it is the lower one, and catch trials are real ones.
All that the browser gets must be the same.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace

from playwright.sync_api import expect

from lexplain_core.stimuli.base import QUERY
from lexplain_core.studies.file.study import StudyFile
from tests.studies.conftest import make_plan

from .participants import Person, Server, blue_is_upper, picture
from .test_participant import QUICK, visit  # noqa: F401

OTHER = {"min": "max", "max": "min"}
IMAGE = re.compile(rb"data:image/jpeg;base64,[\w+/=]+")
# Ids of sessions, runs and messages, and tokens: random, whatever is shown.
CHANCE = re.compile(
    rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[0-9a-f]{32}\b|(?<=t=)[\w-]{24}"
)
OF_THE_STUDY = re.compile(rb"image-\d|thing\d|layer\d|catch|obvious|activation|greedy|small-?\d", re.I)
TELLING = re.compile(
    r"\b(min|max|low|high|rank|real|unit|task|pole|correct|wrong|true|false)\b|image-|thing|layer|catch", re.I
)
SCORE = r"(Correct answers: \d)?"  # of the answers before
COUNTS = ("1 of 1", "1 of 3", "2 of 3", "3 of 3")


def plan(twin: bool):
    made = make_plan(tasks=1, trials=2, catch=1, practice=1, overrides=QUICK, pictures=picture, name="study")
    if not twin:
        return made
    use = {"real": "catch", "catch": "real", "practice": "practice"}
    units = tuple(replace(unit, use=use[unit.use]) for unit in made.units)
    trials = tuple(
        replace(
            trial,
            kind=use[trial.kind],
            obvious=trial.kind != "catch",
            difficulty="easy" if trial.kind == "catch" else None,
            low=(*trial.low[:QUERY], trial.high[QUERY]),
            high=(*trial.high[:QUERY], trial.low[QUERY]),
        )
        for trial in made.trials
    )

    def turned(course):
        return tuple(replace(placed, upper=OTHER[placed.upper]) for placed in course)

    tasks = tuple(
        replace(task, practice=tuple(turned(p) for p in task.practice), main=turned(task.main))
        for task in made.tasks
    )
    return replace(made, units=units, trials=trials, tasks=tasks)


def walk(visit, folder, twin):  # noqa: F811
    """A course with right answers only: all messages to the browser, all addresses, and the page at each trial."""
    folder.mkdir()
    path = folder / "study.sqlite"
    StudyFile.create(path, plan(twin)).close()
    messages, addresses, pages = [], [], []
    with Server(path) as server:
        page = visit("about:blank")
        page.on(
            "websocket", lambda socket: socket.on("framereceived", lambda m: messages.append(as_bytes(m)))
        )
        page.on("request", lambda request: addresses.append(request.url.removeprefix(server.address)))
        page.goto(f"{server.address}/?pid=ann")
        person = Person(page)
        person.agree()
        settled(page)
        person.read()
        for count in COUNTS:
            person.ready(count)
            settled(page)
            pages.append(page.locator(".trial").evaluate("t => t.outerHTML"))
            pages.append(page.evaluate("document.title + document.body.innerText + location.href"))
            upper = blue_is_upper(page) != twin
            page.locator(".answers button").nth(0 if upper else 3).click()
            expect(page.locator(".said")).to_have_text("✓ Correct")
            settled(page)
            person.go_on()
            if count == COUNTS[0]:
                expect(page.get_by_role("button", name="Start")).to_be_visible()
                settled(page)
                page.get_by_role("button", name="Start").click()
        expect(page.get_by_role("button", name="Finish")).to_be_visible()
        settled(page)
    with StudyFile.open(path) as study:
        rows = study.responses()
    return messages, addresses, pages, rows


def settled(page):
    """Wait for the end of the script's run: one that is cut short would send other messages."""
    expect(page.locator("[data-testid=stApp]")).to_have_attribute("data-test-script-state", "notRunning")


def as_bytes(message) -> bytes:
    return message if isinstance(message, bytes) else message.encode()


def contents(messages) -> set[bytes]:
    """Messages without what is random; the shortest say only that a run of the script is over, and how."""
    return {CHANCE.sub(b"", m) for m in messages if len(m) > 50}


def trials_in(messages):
    """The data of the trial component in each message that carries images."""
    start = b'{"nonce"'
    texts = (m[m.index(start) :].decode("utf-8", "replace") for m in messages if start in m)
    found = [json.JSONDecoder().raw_decode(text)[0] for text in texts]
    return [data for data in found if "images" in data]


def test_the_browser_gets_nothing_that_tells_right_from_wrong(tmp_path, visit):  # noqa: F811
    messages, addresses, pages, rows = walk(visit, tmp_path / "one", twin=False)
    others, _, _, twins = walk(visit, tmp_path / "two", twin=True)
    assert rows.correct.all() and twins.correct.all()
    assert [OTHER[pole] for pole in rows.upper] == twins.upper.tolist()  # the two do differ, all along
    assert (rows.kind == "catch").sum() == 1 and (twins.kind == "catch").sum() == 2
    assert contents(messages) == contents(others)

    shown = trials_in(messages)
    assert shown == trials_in(others)
    assert len(shown) == len(COUNTS) and [data["count"] for data in shown] == list(COUNTS)
    for data in shown:
        assert len(data.pop("images")) == 20 and re.fullmatch(SCORE, data.pop("score"))
        assert set(data) == {
            "nonce", "attempt", "lock", "feedbackAfter", "continueAfter", "continues", "height", "question", "label",
            "count", "note", "progress", "words",
        }  # fmt: skip
        assert re.fullmatch(r"[pm]-1-[0-2]", data["nonce"])  # phase, round, place in it
    main = [{k: v for k, v in data.items() if k not in ("nonce", "count", "progress")} for data in shown[1:]]
    assert main[0] == main[1] == main[2]
    for message in messages:
        assert not OF_THE_STUDY.search(IMAGE.sub(b"", message))
    for page in pages:
        seen = IMAGE.sub(b"", page.encode()).decode().replace('aria-hidden="true"', "")
        assert not TELLING.search(re.sub(SCORE, "", seen))
    for address in addresses:
        if not address.startswith(("data:", "blob:")):  # scripts and images that came in the messages
            assert re.fullmatch(
                r"/(\?pid=ann|(static|_stcore)/[\w./?=&-]*|media/\w+\.svg|favicon[\w.]*)?", address
            ), address
