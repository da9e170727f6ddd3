"""Many people in a study at once: how long a screen and an answer take, and whether all answers are there.

    python -m benchmarks.sessions                      # 50 people in threads: as fast as they can, then at a person's pace
    python -m benchmarks.sessions --browsers 5         # real browsers in participant mode

Each run makes a study of its own with real JPEGs of 224 x 224 pixels, takes everyone through a whole course
(every answer on disk before the next screen), and compares the answers in the file with the ones given.
A person's pace is 1.5 to 4.5 s a trial; IMI locks the answers for the first 1.5 s. In browsers `answer` is the time from
the click to the verdict on the page and `screen` from Continue to the next trial's images, without locks.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from lexplain_core.config.study import load_settings
from lexplain_core.stimuli.base import JudgedUnit, Picture, Placed, StudyPlan, Task, Trial, TrialImage
from lexplain_core.studies.file.study import StudyFile
from lexplain_core.studies.session.course import begin

from .common import median, report

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = [
    "course.lock_ms=0", "course.feedback_ms=0", "course.continue_ms=0", "course.practice_obvious=0",
    "course.practice_other=0", "checks.total_seconds=[0, 2500]", "checks.instructions_seconds=0",
    "checks.catch_right=0", "checks.row_share=1",
]  # fmt: skip


def jpegs(count: int) -> list[bytes]:
    """Noise over blobs: about 20 kB each, as crops of photographs are at quality 92."""
    rng, made = np.random.default_rng(0), []
    for _ in range(count):
        blobs = Image.fromarray(rng.integers(0, 255, (14, 14, 3), dtype=np.uint8)).resize((224, 224))
        noisy = np.asarray(blobs) + rng.normal(0, 7, (224, 224, 1))
        out = io.BytesIO()
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=92)
        made.append(out.getvalue())
    return made


def plan(people: int, trials: int, catch: int = 5, units: int = 84) -> StudyPlan:
    """A task a person, drawn from a trial of each of `units` units; no practice, no lock."""
    rng, data = np.random.default_rng(0), jpegs(60)
    kinds = ["real"] * units + ["catch"] * catch

    def pictures() -> Iterator[Picture]:
        for i in range(20 * len(kinds)):
            yield Picture("natural", f"image-{i}", "image/jpeg", 224, 224, data[i % len(data)])

    def side(first: int) -> tuple[TrialImage, ...]:
        return tuple(TrialImage(first + place, place, float(place)) for place in range(10))

    def course() -> tuple[Placed, ...]:
        chosen = [*rng.choice(units, trials, replace=False), *range(units, units + catch)]
        return tuple(
            Placed(int(trial), ("min", "max")[rng.integers(2)], *(tuple(map(int, rng.permutation(9))) for _ in "lr"))
            for trial in rng.permutation(chosen)
        )  # fmt: skip

    return StudyPlan(
        "sessions",
        load_settings(None, [*SETTINGS, f"course.tasks={people}", f"course.trials={trials}"]),
        tuple(JudgedUnit("net", "layer", i, kind) for i, kind in enumerate(kinds)),
        tuple(
            Trial(i, kind, kind != "real", "natural", "easy", 0, side(20 * i), side(20 * i + 10))
            for i, kind in enumerate(kinds)
        ),
        tuple(Task(f"task-{i}", "net", "natural", "easy", (), course()) for i in range(people)),
        pictures(),
    )


def take_part(study: StudyFile, pid: str, pace: tuple[float, float], given: dict, timings: dict) -> None:
    """A whole course; notes every answer that was acknowledged, and how long each call took."""
    draw = random.Random(pid)
    course = begin(study, pid)
    while True:
        start = time.perf_counter()
        screen = course.screen()
        took = time.perf_counter() - start
        if screen.kind == "trial":
            timings["screen"].append(took)
            time.sleep(draw.uniform(*pace))
            nonce, button = screen.trial.nonce, draw.randrange(6)
            start = time.perf_counter()
            verdict = course.answer(nonce, button, 1e3 * draw.uniform(*pace))
            timings["answer"].append(time.perf_counter() - start)
            if verdict is None:
                raise AssertionError(f"{pid}: the answer to {nonce} was refused")
            given[pid, screen.trial.number - 1] = button
        elif screen.kind == "instructions":
            course.read()
        elif screen.kind == "begin":
            course.go_on()
        elif screen.kind == "comment":
            course.say("none")
        else:
            return


def verify(path: Path, given: dict, people: int, trials: int) -> None:
    """Every answer given is in the file, once, and no other; each task was one person's."""
    with StudyFile.open(path) as study:
        rows, sessions = study.responses(), study.sessions()
    found = dict(zip(zip(rows.participant, rows.position, strict=True), rows.button, strict=True))
    if not (len(rows) == len(found) == people * trials and found == given):
        raise AssertionError(f"{len(given)} answers were given and {len(rows)} are in the file")
    if not (sessions.outcome.eq("completed").all() and sessions.task_id.is_unique):
        raise AssertionError("a task was given twice, or a session didn't end")


def engine(path: Path, people: int, pace: tuple[float, float]) -> dict:
    """All through their courses in threads of one process."""
    given, errors, seconds = {}, [], time.perf_counter()
    timings: dict[str, list[float]] = {"screen": [], "answer": []}
    with StudyFile.open(path) as study:

        def person(pid: str) -> None:
            try:
                take_part(study, pid, pace, given, timings)
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=person, args=(f"p{i}",)) for i in range(people)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if errors:
        raise errors[0]
    seconds = time.perf_counter() - seconds
    verify(path, given, people, len(given) // people)
    return {"people": people, "pace": pace, **summary(timings, seconds)}


def summary(timings: dict[str, list[float]], seconds: float) -> dict:
    """Median, 95th percentile and maximum of each, in milliseconds, and answers a second."""
    found = {"answers": len(timings["answer"]), "per_second": len(timings["answer"]) / seconds}
    for name, values in timings.items():
        found[name] = {
            "median": 1e3 * median(values),
            "p95": 1e3 * float(np.quantile(values, 0.95)),
            "max": 1e3 * max(values),
        }
    return found


# Clicks an answer and waits for the verdict, or goes on and waits for the next trial; milliseconds by the page's clock.
CLICK = """(trial, button) => new Promise(done => {
  const said = trial.querySelector('.said'), start = performance.now();
  trial.querySelectorAll('.answers button')[button].click();
  const look = () => said.textContent.includes('orrect') ? done(performance.now() - start) : requestAnimationFrame(look);
  look(); })"""
GO_ON = """trial => new Promise(done => {
  const count = trial.querySelector('.count'), before = count.textContent, start = performance.now();
  trial.querySelector('.go').click();
  const look = () => !trial.isConnected ? done(null)
    : count.textContent !== before && trial.dataset.state === 'open' ? done(performance.now() - start) : requestAnimationFrame(look);
  look(); })"""


async def browse(browser, address: str, pid: str, trials: int, pace, given: dict, timings: dict) -> None:
    """A whole course in a browser of one's own."""
    context = await browser.new_context(viewport={"width": 1280, "height": 720})
    context.set_default_timeout(120_000)
    page, draw = await context.new_page(), random.Random(pid)
    await page.goto(f"{address}/?pid={pid}")
    for label in ("I agree", "Continue", "Start"):
        await page.get_by_role("button", name=re.compile(label)).click()
    for position in range(trials):
        trial = page.locator(".trial[data-state=open]")
        await trial.wait_for()
        await asyncio.sleep(draw.uniform(*pace))
        button = draw.randrange(6)
        timings["answer"].append(await trial.evaluate(CLICK, button) / 1e3)
        given[pid, position] = button
        await page.locator(".go").wait_for()
        took = await page.locator(".trial").evaluate(GO_ON)
        if took is not None:
            timings["screen"].append(took / 1e3)
    await page.get_by_role("button", name="Finish").click()
    await page.locator(".st-key-lx_code code").wait_for()
    await context.close()


async def browsers(path: Path, people: int, trials: int, pace: tuple[float, float], chromium: str) -> dict:
    """Real browsers at once against `streamlit run app.py -- --study`."""
    from playwright.async_api import async_playwright

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = path.with_suffix(".log").open("wb")
    server = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port), "--server.headless",
         "true", "--", "--study", str(path)], cwd=ROOT, stdout=log, stderr=log, env=os.environ | {"LEXPLAIN_STORES": str(path.parent)},
    )  # fmt: skip
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1).close()
                break
            except OSError:
                await asyncio.sleep(0.1)
        given, timings = {}, {"screen": [], "answer": []}
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"]
            )
            seconds = time.perf_counter()
            address = f"http://localhost:{port}"
            await asyncio.gather(
                *(browse(browser, address, f"p{i}", trials, pace, given, timings) for i in range(people))
            )
            seconds = time.perf_counter() - seconds
            await browser.close()
    finally:
        server.terminate()
        server.wait()
        log.close()
    verify(path, given, people, trials)
    return {"people": people, "pace": pace, **summary(timings, seconds)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--trials", type=int, default=40, help="real trials; there are 5 catch trials more")
    parser.add_argument("--browsers", type=int, help="real browsers in place of threads")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--folder", type=Path, help="where the studies lie: the disk that is measured")
    options = parser.parse_args()
    people, trials = options.browsers or options.people, options.trials + 5
    found = {}
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for name, pace in (("as fast as they can", (0.0, 0.0)), ("at a person's pace", (1.5, 4.5))):
            path = Path(folder) / f"study-{len(found)}.sqlite"
            StudyFile.create(path, plan(people, options.trials)).close()
            if options.browsers:
                found[name] = asyncio.run(browsers(path, people, trials, pace, options.chromium))
            else:
                found[name] = engine(path, people, pace)
    rows = [
        [name, str(f["people"]), f"{f['answers']:,}", f"{f['per_second']:.1f}"]
        + [f"{f[what][figure]:.1f}" for what in ("screen", "answer") for figure in ("median", "p95", "max")]
        for name, f in found.items()
    ]
    columns = ["", "people", "answers", "a second"]
    columns += [f"{what}, {f} ms" for what in ("screen", "answer") for f in ("median", "p95", "max")]
    kind = "browsers" if options.browsers else "threads"
    report(f"sessions-{kind}", f"{people} people in {kind}", columns, rows, {"trials": trials, "runs": found})


if __name__ == "__main__":
    main()
