"""A study as its participants see it: real clicks and keys in a real browser against a real server."""

from __future__ import annotations

import re
import secrets
import time

import pytest
from playwright.sync_api import expect

from lexplain_core.config.study import Labels
from lexplain_core.studies.file.study import StudyFile
from tests.studies.conftest import make_plan

from .conftest import ROOT, STILL
from .participants import Person, Server, blue_is_upper, picture

QUICK = ["course.lock_ms=150", "course.feedback_ms=50", "course.continue_ms=150"]
SIZES = [(1280, 720), (940, 600), (1920, 1080)]


def study(folder, name="small", **options):
    path = folder / f"{name}.sqlite"
    plan = make_plan(**{"tasks": 12, "overrides": QUICK, "pictures": picture, "name": name} | options)
    StudyFile.create(path, plan).close()
    return path


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(study(tmp_path_factory.mktemp("study"))) as server:
        yield server


@pytest.fixture
def visit(chromium):
    """Opens an address in a browser of its own, and fails where a script throws."""
    contexts, thrown = [], []

    def open_page(address, size=(1280, 720), **options):
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]}, reduced_motion=STILL, **options
        )
        context.set_default_timeout(30_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: thrown.append(str(error)))
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not thrown, thrown


def answers(path, pid):
    with StudyFile.open(path) as opened:
        rows = opened.responses()
    return rows[rows.participant == pid].sort_values("answered_at")


def test_a_whole_course_with_clicks_keys_and_reloads(server, visit):
    ann = f"ann-{secrets.token_hex(3)}"  # a name begins once, also where this test is run again
    page = visit(f"{server.address}/?pid={ann}")
    person = Person(page)
    expect(page.get_by_role("heading", name="Which image matches?")).to_be_visible()
    with StudyFile.open(server.study) as opened:
        assert ann not in set(
            opened.sessions().participant
        )  # looking at the consent page leaves nothing behind
    person.agree()
    page.wait_for_url(re.compile(r"/\?t=[\w-]{20,}$"))
    page.get_by_role("button", name="Continue").click()

    expect(page.locator(".label")).to_have_text("Practice")
    person.answer("1 of 2", right=False, confidence=3)
    person.go_on()
    person.answer("2 of 2", keys=True)
    person.go_on(keys=True)
    expect(page.get_by_role("heading", name="Once more")).to_be_visible()
    page.get_by_role("button", name="Practise again").click()
    person.answer("1 of 2")
    person.go_on()
    person.answer("2 of 2", confidence=2)
    person.go_on()
    expect(page.get_by_role("heading", name="Ready")).to_be_visible()
    page.keyboard.press("Enter")

    person.answer("1 of 5", confidence=2, keys=True)
    expect(page.locator(".score")).to_have_text("Correct answers: 1")
    person.go_on(keys=True)
    person.ready("2 of 5")
    page.reload()  # before an answer: the same trial again
    stranger = visit(f"{server.address}/?pid={ann}")  # who knows her name
    expect(stranger.get_by_role("heading", name="Begun already")).to_be_visible()
    assert stranger.locator(".trial").count() == stranger.get_by_role("button").count() == 0
    person.answer("2 of 5", right=False)
    page.reload()  # after it: the answer stands, and the next trial comes
    person.answer("3 of 5", keys=True)
    person.go_on()
    person.answer("4 of 5", confidence=3)
    person.go_on()
    person.answer("5 of 5", confidence=3)
    person.go_on()
    page.locator("textarea").fill("All fine, <b>thanks</b>.")
    page.get_by_role("button", name="Finish").click()
    code = page.locator(".st-key-lx_code code")
    expect(code).to_have_text(re.compile(r"^\w{4}-\w{4}$"))

    rows = answers(server.study, ann)
    assert rows.button.tolist() == person.given
    assert rows.phase.tolist() == ["practice"] * 4 + ["main"] * 5
    assert rows["round"].tolist() == [1, 1, 2, 2] + [1] * 5
    assert rows.position.tolist() == [0, 1, 0, 1, 0, 1, 2, 3, 4]
    assert rows.correct.tolist() == [False, True, True, True, True, False, True, True, True]
    assert rows.confidence.tolist() == [b % 3 + 1 for b in person.given]
    taken = 1000 * (rows.answered_at - rows.shown_at)
    assert rows.rt_ms.between(150, taken + 5).all() and rows.load_ms.between(0, taken).all()
    assert not rows.hidden.any()
    assert rows.shown_times.tolist() == [
        1,
        1,
        1,
        1,
        1,
        2,
        1,
        1,
        1,
    ]  # the trial that was loaded again is told apart
    with StudyFile.open(server.study) as opened:
        assert opened.verify(code.inner_text())["participant"] == ann
        session = opened.sessions().set_index("participant").loc[ann]
    assert session.outcome == "completed" and session.comment == "All fine, <b>thanks</b>."
    words = code.inner_text()
    page.reload()
    expect(code).to_have_text(words)
    page.goto(f"{server.address}/?pid={ann}")
    expect(page.get_by_role("heading", name="Begun already")).to_be_visible()
    assert code.count() == 0 and words not in page.content()
    with StudyFile.open(server.study) as opened:
        [key] = opened.keys([ann])
    page.goto(f"{server.address}/?pid={ann}&key={key}")  # also for who has closed the page too early
    expect(page.get_by_role("heading", name="You have taken part")).to_be_visible()
    expect(code).to_have_text(words)


def test_killed_in_the_middle_it_goes_on_where_it_was(tmp_path, visit):
    path = study(tmp_path, practice=0, trials=4)
    with Server(path) as server:
        page = visit(f"{server.address}/?pid=bob")
        person = Person(page)
        person.agree()
        person.read()
        page.get_by_role("button", name="Start").click()
        person.answer("1 of 5", confidence=3)
        server.kill()  # the answer was acknowledged
        server.start()
        page.goto(page.url)
        person.answer("2 of 5", keys=True)
        person.go_on()
        person.ready("3 of 5")
        before = page.locator(".query.upper img").get_attribute("src")
        server.kill()
        page.keyboard.press("2")  # while nobody listens
        person.given.append(1)
        expect(page.locator(".said")).to_have_text("Waiting for the server …")
        server.start()  # the open page finds it by itself and says it again
        expect(page.locator(".said")).to_have_text(re.compile("orrect"))
        assert page.locator(".query.upper img").get_attribute("src") == before
        person.go_on()
        person.answer("4 of 5")
        person.go_on()
        person.answer("5 of 5")
        person.go_on()
        expect(page.get_by_role("heading", name="Almost done")).to_be_visible()
    rows = answers(path, "bob")
    assert rows.button.tolist() == person.given and rows.position.tolist() == [0, 1, 2, 3, 4]
    assert rows.rt_ms.notna().all()


def test_by_keyboard_alone(server, visit):
    page = visit(f"{server.address}/?pid=kim")
    agree = page.get_by_role("button", name="I agree")
    expect(agree).to_be_visible()
    for _ in range(5):
        page.keyboard.press("Tab")
        if agree.evaluate("b => b === document.activeElement"):
            break
    page.keyboard.press("Enter")
    person = Person(page)
    person.read()
    person.answer("1 of 2", keys=True)
    person.go_on(keys=True)
    person.ready("2 of 2")
    page.keyboard.press("Tab")  # the six buttons come in order, and Space or Enter press them
    focused = "() => document.activeElement.shadowRoot.activeElement.getAttribute('aria-label')"
    assert page.evaluate(focused) == "Upper image, confidence 1 of 3"
    for _ in range(4):
        page.keyboard.press("Tab")
    assert page.evaluate(focused) == "Lower image, confidence 2 of 3"
    page.keyboard.press("Enter")
    expect(page.locator(".said")).to_have_text(re.compile("orrect"))
    assert answers(server.study, "kim").button.tolist() == [person.given[0], 4]


def test_answers_count_once_and_only_after_the_lock(tmp_path, visit):
    path = study(tmp_path, overrides=[*QUICK[1:], "course.lock_ms=900"], practice=0)
    with Server(path) as server:
        page = visit(f"{server.address}/?pid=cat")
        person = Person(page)
        person.agree()
        person.read()
        page.get_by_role("button", name="Start").click()
        trial, buttons = page.locator(".trial"), page.locator(".answers button")
        expect(trial).to_have_attribute("data-state", "locked")
        expect(buttons.nth(5)).to_be_disabled()
        page.keyboard.press("6")
        buttons.nth(5).click(force=True)
        box = buttons.nth(5).bounding_box()
        page.mouse.click(box["x"] - 3, box["y"] + 5)  # beside a button
        assert trial.get_attribute("data-state") == "locked"
        other = page.context.new_page()  # the same person in a second tab
        other.goto(page.url)
        Person(other).ready("1 of 5")
        person.ready("1 of 5")
        box = buttons.nth(1).bounding_box()
        page.mouse.dblclick(box["x"] + 20, box["y"] + 20)
        page.keyboard.press("5")
        expect(page.locator(".said")).to_have_text(re.compile("orrect"))
        page.keyboard.press("4")
        buttons.nth(4).click(force=True)
        other.keyboard.press("6")  # too late: it gets the next trial
        Person(other).ready("2 of 5")
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        person.ready("2 of 5")
    rows = answers(path, "cat")
    assert rows.button.tolist() == [1] and rows.rt_ms.iloc[0] >= 900


def test_everything_fits_without_scrolling(server, visit):
    page = visit(f"{server.address}/?pid=fay", SIZES[0])
    person = Person(page)
    person.agree()
    person.read()
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        person.ready("1 of 2")
        for place in ("html", "[data-testid=stMain]"):
            assert page.locator(place).evaluate(
                "e => e.scrollHeight <= innerHeight && e.scrollWidth <= innerWidth"
            )
        boxes = page.locator(".cell, .query, .answers button, .question, .side h2, .hint").evaluate_all(
            "all => all.map(e => { const b = e.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom]; })"
        )
        assert len(boxes) == 18 + 2 + 6 + 1 + 2 + 1
        assert all(0 <= a < c <= width and 0 <= b < d <= height for a, b, c, d in boxes)
        sides = page.locator(".cell").evaluate_all("all => all.map(e => e.getBoundingClientRect().width)")
        assert min(sides) >= 90 and max(sides) - min(sides) < 1
        assert page.locator(".trial").evaluate(
            "t => [...t.querySelectorAll('*')].filter(e => e.textContent && !e.children.length && e.offsetWidth)"
            ".every(e => parseFloat(getComputedStyle(e).fontSize) >= (e.matches('kbd') ? 12 : 15))"
        )
        keys = page.locator(".answers button").evaluate_all(
            """all => all.map(b => { const k = b.querySelector('kbd'), inner = k.getBoundingClientRect(),
                 outer = b.getBoundingClientRect(), digit = document.createRange();
               digit.selectNode(b.firstChild);
               return [b.firstChild.data, k.textContent, inner.left - digit.getBoundingClientRect().right,
                       Math.min(inner.top - outer.top, outer.right - inner.right, outer.bottom - inner.bottom)]; })"""
        )
        assert [(n, key) for n, key, *_ in keys] == list(zip("123123", "123456", strict=True))
        assert all(gap >= 5 and edge >= 3 for *_, gap, edge in keys)  # the cap stands free in its button
    assert page.locator(".cell img").first.evaluate("i => getComputedStyle(i).imageRendering") == "pixelated"


def test_a_window_too_small_for_the_images_takes_no_answer(server, visit):
    page = visit(f"{server.address}/?pid=small")
    person = Person(page)
    person.agree()
    person.read()
    person.ready("1 of 2")
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.get_by_text("This window is too small")).to_be_visible()
    expect(page.locator(".query.upper img")).to_be_hidden()
    page.keyboard.press("1")
    page.set_viewport_size({"width": 1280, "height": 720})
    expect(page.get_by_text("This window is too small")).to_be_hidden()
    expect(page.locator(".query.upper img")).to_be_visible()
    expect(page.locator(".trial")).to_have_attribute("data-state", "open")
    assert answers(server.study, "small").empty
    person.answer("1 of 2")
    assert answers(server.study, "small").hidden.tolist() == [True]  # it was out of sight for a while


@pytest.mark.parametrize("first", ["overview", "common"])
def test_no_address_leads_to_anything_else(tmp_path, visit, first):
    pages = sorted(p.stem for p in (ROOT / "pages").glob("*.py") if p.stem != "__init__")
    with Server(study(tmp_path)) as server:  # one that nobody has visited yet
        page = visit(f"{server.address}/{first}?pid=dan&store=x")
        for name in [first, *([] if first == "common" else [*pages, "anything", ""])]:
            if name != first:
                page.goto(f"{server.address}/{name}?pid=dan&store=x")
            expect(page.get_by_role("button", name="I agree")).to_be_visible()
            expect(page.get_by_role("heading", name="Which image matches?")).to_be_visible()
            assert page.title() == "Which image matches?"
            for other in (".lx-brand", "[data-testid=stSidebar]", "[data-testid=stPageLink]", "[role=dialog]",
                          "[data-testid=stException]", "[data-testid=stAppDeployButton]",
                          "a:not([href='#stMain'])"):  # fmt: skip
                assert page.locator(f"{other}:visible").count() == 0, (name, other)


def test_a_preview_leaves_the_file_as_it_is(tmp_path, visit):
    path = study(tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with Server(path, "--preview") as server:
        page = visit(server.address)
        expect(page.get_by_text("Preview: nothing is recorded")).to_be_visible()
        person = Person(page)
        person.agree()
        person.read()
        expect(page.locator(".note")).to_have_text("Preview: nothing is recorded")
        person.answer("1 of 2")
        page.locator(".trial").evaluate(  # as if the page had lost the images: it asks for them
            "t => { const { data, send } = t.lexplainTrial; t.lexplainTrial.id = null; t.lexplainTrial.take(data, send); }"
        )
        expect(page.locator(".trial")).to_have_attribute("data-state", "answered")
        expect(page.locator(".said")).to_have_text("✓ Correct")
        person.go_on()
        person.ready("2 of 2")
        page.reload()
        person.answer("2 of 2")
        person.go_on()
        expect(page.get_by_role("heading", name="Ready")).to_be_visible()
    after = {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.suffix != ".log"}
    assert after == before


def test_reloading_does_not_start_the_instructions_again(tmp_path, visit):
    path = study(tmp_path, overrides=[*QUICK, "course.instructions_lock_s=6"], practice=0, trials=1, catch=0)
    with Server(path) as server:
        page = visit(f"{server.address}/?pid=gil")
        Person(page).agree()
        begun = time.monotonic()
        waiting = page.get_by_role("button", name=re.compile("Continue in"))
        for _ in range(2):
            page.wait_for_timeout(1500)
            page.reload()
            expect(waiting).to_be_disabled()
        assert int(re.search(r"\d+", waiting.inner_text()).group()) <= 3
        page.get_by_role("button", name=re.compile("^Continue(?! in)")).click()
        expect(page.get_by_role("heading", name="Ready")).to_be_visible()
        taken = time.monotonic() - begun
    with StudyFile.open(path) as opened:
        assert 5.9 <= opened.sessions().instructions_s.iloc[0] <= taken + 1


GERMAN = {
    "small": "Das Fenster ist zu klein",
    "how_it_works": "So geht es", "sketch": "Eine Skizze", "go_on": "Weiter", "again": "Noch einmal", "practise": "Üben",
    "ready": "Bereit", "start": "Los", "almost": "Fast fertig", "comment": "Ihre Worte", "finish": "Fertig",
    "thanks": "Danke", "code": "Ihr Code", "unknown": "Unbekannt", "taken_part": "Schon dabei gewesen", "begun": "Schon begonnen",
    "practice": "Übung", "count": "{number} von {of}", "score": "{right} richtig", "progress": "Fortschritt",
    "left": "Links & <b>", "right": "Rechts", "upper": "Das obere", "lower": "Das untere",
    "confidence": "{image}, Stufe {confidence}", "key": "Taste {key}", "more_confident": "sicherer", "correct": "Richtig",
    "wrong": "Falsch", "waiting": "Einen Moment …",
}  # fmt: skip


def test_all_words_can_be_others(tmp_path, visit):
    overrides = [*QUICK, *(f"texts.labels.{name}={word}" for name, word in GERMAN.items())]
    overrides += [
        f"texts.{name}=#" for name in ("title", "consent", "question", "again", "begin", "comment", "thanks")
    ]
    path = study(tmp_path, overrides=[*overrides, "texts.agree=Ja", 'texts.instructions=["#"]', "texts.begun=#"],
                 practice=1, trials=1, catch=0)  # fmt: skip
    seen = []

    def look(page, then=None):
        """All words and names on the page, but for numbers and marks, and the button to press then."""
        button = page.get_by_role("button", name=then) if then else page
        if then:
            expect(button).to_be_visible()  # headings come before buttons
        seen.append(page.evaluate(
            """() => { const all = [document.body.innerText, document.title];
                 const walk = (root) => root.querySelectorAll('*').forEach(e => {
                   all.push(e.getAttribute('alt'), e.closest('.trial') && e.getAttribute('aria-label'), e.closest('.trial') && e.title);
                   if (e.shadowRoot) { all.push(e.shadowRoot.textContent); walk(e.shadowRoot); } });
                 walk(document); return all.filter(Boolean).join('\\n'); }"""
        ))  # fmt: skip
        return button

    with Server(path) as server:
        page = visit(f"{server.address}/?pid=uli")
        page.get_by_role("button", name="Ja").click()
        expect(page.get_by_role("heading", name="So geht es")).to_be_visible()
        look(page, "Weiter").click()
        for right in (False, True):
            expect(page.locator(".trial")).to_have_attribute("data-state", "open")
            expect(page.locator(".count")).to_have_text("1 von 1")
            look(page)
            upper = blue_is_upper(page) == right
            page.get_by_role("button", name="Das obere, Stufe 3" if upper else "Das untere, Stufe 3").click()
            expect(page.locator(".said")).to_have_text("✓ Richtig" if right else "✗ Falsch")
            expect(page.locator(".go")).to_have_text("Weiter")
            look(page).locator(".go").click()
            expect(page.get_by_role("heading", name="Bereit" if right else "Noch einmal")).to_be_visible()
            look(page, "Los" if right else "Üben").click()
        expect(page.locator(".score")).to_have_text("0 richtig")
        expect(page.locator(".trial")).to_have_attribute("data-state", "open")
        page.keyboard.press("1")
        expect(page.locator(".go")).to_be_visible()
        look(page).locator(".go").click()
        expect(page.get_by_role("heading", name="Fast fertig")).to_be_visible()
        look(page, "Fertig").click()
        expect(page.get_by_role("heading", name="Danke")).to_be_visible()
        expect(page.get_by_text("Ihr Code")).to_be_visible()
        look(page).goto(f"{server.address}/?pid=uli")
        expect(page.get_by_role("heading", name="Schon begonnen")).to_be_visible()
        look(page)
    words = "\n".join(seen)
    for name, default in vars(Labels()).items():
        word = re.sub(r"\{\w+\}|[^\w ].*", "", default).strip()
        assert len(word) < 4 or word not in words, name
    for name, word in GERMAN.items():
        if name not in ("comment", "waiting", "unknown", "taken_part", "confidence", "key", "count", "score"):
            assert word in words, name
    assert "Das untere, Stufe 2" in words and "Taste 6" in words


def test_without_feedback_trials_follow_each_other(tmp_path, visit):
    more = ["course.feedback=false", "course.instructions_lock_s=1.5", "course.comment=false"]
    path = study(tmp_path, overrides=[*QUICK, *more], practice=0, trials=2, catch=0)
    with Server(path) as server:
        page = visit(f"{server.address}/?pid=eve")
        person = Person(page)
        person.agree()
        expect(page.get_by_role("button", name=re.compile("Continue in"))).to_be_disabled()
        page.get_by_role("button", name=re.compile("^Continue(?! in)")).click()
        page.get_by_role("button", name="Start").click()
        for count, key in (("1 of 2", "6"), ("2 of 2", "2")):
            person.ready(count)
            assert not page.locator(".score").inner_text()
            page.keyboard.press(key)
        expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
        assert page.get_by_text(re.compile("orrect")).count() == 0
    rows = answers(path, "eve")
    assert rows.button.tolist() == [5, 1]
    with StudyFile.open(path) as opened:
        assert opened.sessions().instructions_s.iloc[0] >= 1.5
