"""Plans of studies: who is asked about what, and what is where."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexplain_core.base.errors import UserError
from lexplain_core.config.study import load_settings
from lexplain_core.stimuli.base import Picture
from lexplain_core.stimuli.drawing import generator, least_used, place, sampled_units, uppers
from lexplain_core.store import Store
from lexplain_core.studies.plan.planning import plan_study

from .written import write_store

SMALL = ["stimuli.units=20", "course.trials=10", "course.tasks=6"]
SIZES = {"early": 30, "late": 100, "made": 12}
CONSTANT, RECTIFIED = ("early", 3), ("late", 5)  # the latter is 0 on nine of ten images


def picture_of(i: int) -> Picture:
    return Picture("natural", f"image {i}", "image/jpeg", 1, 1, b"%d" % i)


def make(n: int, folder) -> tuple[dict[str, np.ndarray], Store]:
    """A store of n images, and its activations."""
    rng = np.random.default_rng(5)
    made = {name: rng.normal(size=(k, n)).astype(np.float32) for name, k in SIZES.items()}
    made["early"][3] = 0.5
    made["late"][5] = (made["late"][5] * (rng.random(n) < 0.1)).clip(0)
    observer = {name: rng.uniform(0.5, 1.4, k).clip(max=1) for name, k in SIZES.items()}  # half of them: 1
    observer["early"][0] = np.nan  # unknown
    return made, Store.open(write_store(folder / f"{n}.duckdb", made, ["made"], observer))


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    activations, opened = make(3000, tmp_path_factory.mktemp("some"))
    with opened:
        yield activations, opened


@pytest.fixture(scope="module")
def activations(both):
    return both[0]


@pytest.fixture(scope="module")
def store(both):
    return both[1]


def plan(store, *overrides, **more):
    return plan_study(store, load_settings(None, list(overrides)), "x", picture_of, **more)


@pytest.fixture(scope="module")
def imi(store):
    """IMI's counts: 84 units, 63 tasks of 40 real and 5 catch trials."""
    return plan(store)


def keys_of(plan, placed):
    """(layer, unit) of each placed trial."""
    units = (plan.units[plan.trials[p.trial].unit] for p in placed)
    return [(unit.layer, unit.unit) for unit in units]


def real_of(plan, task):
    return [p for p in task.main if plan.trials[p.trial].kind == "real"]


def check(plan, activations):
    """What holds of any plan."""
    course, stimuli = plan.settings.course, plan.settings.stimuli
    used, turns = Counter(), defaultdict(Counter)
    for task in plan.tasks:
        real = real_of(plan, task)
        assert len(real) == course.trials and len(task.main) == course.trials + course.catch
        assert len(set(keys_of(plan, real))) == course.trials
        caught = [p for p in task.main if plan.trials[p.trial].kind == "catch"]
        assert len({plan.trials[p.trial].unit for p in caught}) == course.catch
        assert len(task.practice) == course.practice_rounds
        for turn in task.practice:
            kinds = [(plan.trials[p.trial].kind, plan.trials[p.trial].obvious) for p in turn]
            assert Counter(kinds) == Counter(
                {("practice", True): course.practice_obvious, ("practice", False): course.practice_other}
            )
        for p in real:
            trial = plan.trials[p.trial]
            used[trial.unit] += 1
            turns[trial.unit][trial.difficulty, trial.batch] += 1
        for p in (*task.main, *(p for turn in task.practice for p in turn)):
            assert p.upper in ("min", "max")
            for cells in (p.left, p.right):
                assert cells[0] == 8 and sorted(cells) == list(range(9))
    judged = [i for i, unit in enumerate(plan.units) if unit.use == "real"]
    assert set(used) <= set(judged)
    shares = [used[i] for i in judged]
    assert max(shares) - min(shares) <= 1
    assert sum(shares) == course.tasks * course.trials
    batches = min(stimuli.batches, plan.facts["batch"])
    for unit in judged:
        all_turns = [turns[unit][d, b] for d in stimuli.difficulty for b in range(batches)]
        assert sum(all_turns) == used[unit] and max(all_turns) - min(all_turns) <= 1
        by_difficulty = Counter()
        for (difficulty, _), count in turns[unit].items():
            by_difficulty[difficulty] += count
        counts = [by_difficulty[d] for d in stimuli.difficulty]
        assert max(counts) - min(counts) <= 1
    check_images(plan, activations)


def check_images(plan, activations):
    pictures = list(plan.pictures)
    assert len(pictures) == len(plan.pictures) == len({p.key for p in pictures})
    references, queries = defaultdict(set), defaultdict(set)
    size, n = plan.facts["batch"], plan.facts["images"]
    ranked = {(u.layer, u.unit): np.sort(activations[u.layer][u.unit]) for u in plan.units}
    shown_at_all = set()
    for trial in plan.trials:
        unit = plan.units[trial.unit]
        values = activations[unit.layer][unit.unit]
        ordered = ranked[unit.layer, unit.unit]
        for pole, side in (("min", trial.low), ("max", trial.high)):
            assert len(side) == 10
            shown_at_all |= {shown.picture for shown in side}
            for shown in side:
                image = int(pictures[shown.picture].data)
                assert shown.activation == values[image] == ordered[shown.rank]
            extreme = [shown.rank if pole == "min" else n - 1 - shown.rank for shown in side]
            first = [(8 - j) * size for j in range(9)]
            if trial.obvious:
                first = [f + size for f in first] + [0]
            else:
                share = {"easy": None, "medium": 1, "hard": 5, "very hard": 15}[trial.difficulty]
                first += [9 * size if share is None else share * n // 100]
            assert all(f <= rank < f + size for f, rank in zip(first, extreme, strict=True))
            references[trial.unit, trial.kind] |= {shown.picture for shown in side[:9]}
            queries[trial.unit, trial.kind] |= {side[9].picture}
    assert not any(references[unit] & queries[unit] for unit in references)
    assert shown_at_all == set(range(len(pictures)))  # nothing is drawn in vain


def test_a_study_of_imi_s_size(tmp_path):
    """With enough images for its 20 batches, of which 11 are used."""
    activations, opened = make(20_400, tmp_path)
    with opened:
        imi = plan(opened)
    check(imi, activations)
    assert Counter(unit.use for unit in imi.units) == {"real": 84, "catch": 15, "practice": 5}
    assert imi.facts["batch"] == 20 and imi.facts["images"] == 20_400 and imi.facts["notes"] == []
    responses = Counter(imi.trials[p.trial].unit for task in imi.tasks for p in real_of(imi, task))
    assert set(responses.values()) == {30}  # 63 * 40 / 84
    assert {t.batch for t in imi.trials if t.kind == "real"} == set(range(11))
    assert len({task.name for task in imi.tasks}) == 63
    assert {(task.mode, task.difficulty, task.model) for task in imi.tasks} == {("natural", "easy", "NoNet")}


SOME = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 10**6),
        "stimuli.units": st.integers(8, 60),
        "stimuli.batches": st.integers(1, 25),
        "course.tasks": st.integers(1, 12),
        "course.trials": st.integers(1, 8),
        "course.catch": st.integers(0, 4),
        "course.practice_obvious": st.integers(0, 3),
        "course.practice_other": st.integers(0, 2),
    }
)


@settings(max_examples=8)
@given(
    numbers=SOME,
    difficulty=st.lists(
        st.sampled_from(["easy", "medium", "hard", "very hard"]), min_size=1, max_size=3, unique=True
    ),
)
def test_any_study(store, activations, numbers, difficulty):
    overrides = [f"{key}={value}" for key, value in numbers.items()]
    made = plan(store, *overrides, f"stimuli.difficulty={str(difficulty)}".replace("'", '"'))
    check(made, activations)


def test_rows_are_balanced_and_places_vary(imi):
    placed = [p for task in imi.tasks for p in task.main]
    count = sum(p.upper == "max" for p in placed)
    assert abs(count - len(placed) / 2) < 4 * np.sqrt(len(placed)) / 2  # 2,835 coins
    by_position = np.mean([[p.upper == "max" for p in task.main] for task in imi.tasks], axis=0)
    assert 0.2 < by_position.min() and by_position.max() < 0.8  # 63 coins each
    per_task = {sum(p.upper == "max" for p in task.main) for task in imi.tasks}
    assert per_task == {22, 23}  # whoever answers all right chooses neither row nearly always
    for side in ("left", "right"):
        cells = np.array([getattr(p, side) for p in placed])[:, 1:]
        for column in cells.T:  # each of the other eight references is anywhere
            assert np.abs(np.bincount(column, minlength=8) - len(placed) / 8).max() < 6 * np.sqrt(
                len(placed) / 8
            )
    catch = [i for task in imi.tasks for i, p in enumerate(task.main) if imi.trials[p.trial].kind == "catch"]
    assert abs(np.mean(catch) - 22) < 4 * 13 / np.sqrt(len(catch))  # mixed among the others


def test_practice_has_a_new_order_and_new_places_each_round(imi):
    rounds = [turn for task in imi.tasks for turn in task.practice]
    assert len(rounds) == 63 * 3
    assert len({tuple(p.trial for p in turn) for turn in rounds}) > 60  # of 120 orders
    assert len({tuple((p.upper, p.left, p.right) for p in turn) for turn in rounds}) == len(rounds)
    assert len({p.trial for turn in rounds for p in turn}) == 5


def test_catch_trials_are_of_the_most_obvious_units_and_vary(imi, store):
    taken = {(u.layer, u.unit) for u in imi.units if u.use == "real"}
    table = store.unit_table().set_index(["layer", "unit"])["observer"].fillna(0)
    free = [key for key in table.sort_values(ascending=False, kind="stable").index if key not in taken]
    free = [key for key in free if key != CONSTANT]
    of = {use: [(u.layer, u.unit) for u in imi.units if u.use == use] for use in ("catch", "practice")}
    assert of["catch"] == free[:15]
    assert of["practice"][:4] == free[15:19]
    assert not set(of["catch"]) & set(of["practice"])
    caught = [
        [imi.trials[p.trial].unit for p in task.main if imi.trials[p.trial].kind == "catch"]
        for task in imi.tasks
    ]
    assert len({frozenset(units) for units in caught}) > 55
    counts = Counter(unit for units in caught for unit in units)
    assert set(counts.values()) == {21}  # 63 * 5 / 15
    assert all(t.obvious and t.difficulty is None for t in imi.trials if t.kind == "catch")


# -- notes about checks


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ([], []),
        (["course.trials=5", "course.catch=1"], ["checks.total_seconds=[30, 2500]"]),
        (["course.trials=15", "course.catch=1"], ["checks.total_seconds=[55, 2500]", "checks.row_share=1"]),
        (["course.trials=15"], ["checks.total_seconds=[70, 2500]"]),
        (["course.practice_other=2"], ["checks.total_seconds=[140, 2500]"]),
        (["course.trials=5", "checks.total_seconds=[20, 900]", "checks.row_share=0.95"], []),
        (["course.trials=60"], []),
    ],
)
def test_checks_of_a_course_that_is_not_imi_s(store, overrides, said):
    notes = plan(store, "course.tasks=2", *overrides).facts["notes"]
    assert len(notes) == len(said)
    for note, words in zip(notes, said, strict=True):
        assert f"--set {words}`" in note or f"--set '{words}'`" in note


def test_the_same_seed_makes_the_same_plan(store):
    made, again, other = plan(store, *SMALL), plan(store, *SMALL), plan(store, *SMALL, "seed=1")
    for name in ("units", "trials", "tasks", "facts"):
        assert getattr(again, name) == getattr(made, name)
    assert list(again.pictures) == list(made.pictures)
    real = [{(u.layer, u.unit) for u in p.units if u.use == "real"} for p in (made, other)]
    assert real[0] != real[1]
    assert made.tasks != other.tasks
    more = plan(store, *SMALL, "course.tasks=9")  # a study of more tasks begins with the same ones
    assert [keys_of(more, t.main) for t in more.tasks[:6]] == [keys_of(made, t.main) for t in made.tasks]
    assert [[p.upper for p in t.main] for t in more.tasks[:6]] == [
        [p.upper for p in t.main] for t in made.tasks
    ]


def test_pictures_are_made_when_they_are_wanted(store):
    made = []

    def load(i):
        made.append(i)
        return picture_of(i)

    settings = load_settings(None, ["stimuli.units=5", "course.trials=5", "course.tasks=2"])
    drawn = plan_study(store, settings, "x", load)
    assert made == []
    first = next(iter(drawn.pictures))
    assert int(first.data) in made and len(made) <= 64
    made.clear()
    assert len(list(drawn.pictures)) == len(drawn.pictures) == len(made) == len(set(made))


def test_units_whose_sides_can_t_be_told_apart_are_left_out(store):
    everything = ["stimuli.units=200", "course.tasks=2"]
    easy = plan(store, *everything)
    assert [entry[:2] for entry in easy.facts["left_out"]] == [list(CONSTANT)]
    assert "told apart" in easy.facts["left_out"][0][2]
    hard = plan(store, *everything, 'stimuli.difficulty=["very hard"]')
    assert sorted(entry[:2] for entry in hard.facts["left_out"]) == sorted([list(CONSTANT), list(RECTIFIED)])
    assert sum(u.use == "real" for u in easy.units) == 141
    assert easy.facts["notes"][0] == (
        "200 units were wanted, but the store has only 141 whose two sides can be told apart; all of them are judged."
    )


def test_parts_are_shared_where_units_are_few(store, activations):
    made = plan(store, "stimuli.units=200", "course.tasks=40", "course.trials=20")
    check(made, activations)
    assert sum("have another part in the study" in note for note in made.facts["notes"]) == 3
    assert {u.observer for u in made.units if u.use == "catch"} == {1.0}  # still the good ones
    for task in made.tasks:  # even then, nobody sees a unit twice in the main trials
        assert len(set(keys_of(made, task.main))) == 25
    real = {(u.layer, u.unit) for u in made.units if u.use == "real"}
    assert {(u.layer, u.unit) for u in made.units if u.use == "catch"} <= real


def test_units_of_some_layers_only(store):
    made = plan(store, 'stimuli.layers=["late"]', *SMALL)
    assert {u.layer for u in made.units if u.use == "real"} == {"late"}
    assert made.facts["layers"] == ["late"]
    with pytest.raises(
        UserError, match="stimuli.layers names 'lat'.* early, late, made. Did you mean 'late'"
    ):
        plan(store, 'stimuli.layers=["lat"]')


def test_what_can_t_be_planned(store, tmp_path):
    with pytest.raises(
        UserError, match="only 10 units.*raise stimuli.units to 40, or lower course.trials to 10"
    ):
        plan(store, "stimuli.units=10")
    with pytest.raises(UserError, match="the chosen layers have only 12 units.*lower course.trials to 12"):
        plan(store, 'stimuli.layers=["made"]')
    with pytest.raises(UserError, match="needs 150 units for catch trials.*lower course.catch to 141"):
        plan(store, "course.catch=150")
    with pytest.raises(UserError, match="40 real and 110 catch trials are each about another unit"):
        plan(store, "course.catch=110")
    few = {"only": np.random.default_rng(0).normal(size=(50, 200)).astype(np.float32)}
    with Store.open(write_store(tmp_path / "few.duckdb", few)) as small:
        with pytest.raises(UserError, match="'medium' can't be had of 200 images"):
            plan(small, 'stimuli.difficulty=["easy", "medium"]')
        made = plan(small, "course.tasks=2", 'stimuli.difficulty=["hard", "easy"]')
        check(made, few)
        assert made.facts["batch"] == 1
        assert {task.difficulty for task in made.tasks} == {None}
        assert {unit.depth for unit in made.units} == {0.0}


def test_difficulties_are_mixed_evenly(store):
    made = plan(store, 'stimuli.difficulty=["hard", "easy", "medium"]')
    shown = Counter(made.trials[p.trial].difficulty for t in made.tasks for p in real_of(made, t))
    assert shown == {"easy": 840, "medium": 840, "hard": 840}
    for task in made.tasks:
        own = Counter(made.trials[p.trial].difficulty for p in real_of(made, task))
        assert min(own.values()) >= 4  # nobody gets hard ones only
    assert {t.difficulty for t in made.trials if t.kind == "practice"} == {None, "easy"}


def test_synthetic_references(store, activations):
    natural = plan(store, *SMALL)
    real = [(u.layer, u.unit) for u in natural.units if u.use == "real"]
    keys = real[:10]

    def pictures(key, pole):
        return [Picture("synthetic", f"{key}/{pole}_{i}.png", "image/png", 2, 2, b"-1") for i in range(9)]

    synthetic = {key: (pictures(key, "min"), pictures(key, "max")) for key in keys}
    made = plan(store, *SMALL, synthetic=synthetic)
    shown = list(made.pictures)
    assert len(made.trials) == len(natural.trials) and made.units == natural.units
    modes = Counter()
    for trial, other in zip(made.trials, natural.trials, strict=True):
        unit = made.units[trial.unit]
        key = (unit.layer, unit.unit)
        modes[trial.mode] += 1
        assert (trial.mode == "synthetic") == (trial.kind == "real" and key in synthetic)
        for pole, side, plain in (("min", trial.low, other.low), ("max", trial.high, other.high)):
            assert (side[9].rank, side[9].activation) == (plain[9].rank, plain[9].activation)
            assert shown[side[9].picture].source == "natural"
            if trial.mode == "natural":
                continue
            assert [shown[s.picture].key for s in side[:9]] == [f"{key}/{pole}_{i}.png" for i in range(9)]
            assert {(s.rank, s.activation) for s in side[:9]} == {(None, None)}
    assert modes["synthetic"] >= 10 and modes["natural"] >= 10
    assert {task.mode for task in made.tasks} == {"mixed"}
    with pytest.raises(ValueError, match="9 synthetic references"):
        plan(store, *SMALL, synthetic={keys[0]: (pictures(keys[0], "min")[:8], pictures(keys[0], "max"))})
    everything = {key: (pictures(key, "min"), pictures(key, "max")) for key in real}
    assert {t.mode for t in plan(store, *SMALL, synthetic=everything).tasks} == {"synthetic"}


def test_what_is_known_of_units(demo_store):
    """The demo has explanations and scores, two layers of a network and one that is computed."""
    with Store.open(demo_store) as store:
        made = plan_study(store, load_settings(None, ["course.tasks=4"]), "demo", picture_of)
        table = store.unit_table().set_index(["layer", "unit"])
        values = {name: {} for name in ("block4", "block7", "planted")}
        for unit in made.units:
            values[unit.layer][unit.unit] = store.unit(unit.layer, unit.unit).activations
        check(made, values)
        assert made.facts["batch"] == 2 and made.facts["store"]["id"] == store.id
        assert {unit.model for unit in made.units} == {"DemoNet"}
        assert {(u.layer, u.depth) for u in made.units} == {
            ("block4", 0.0),
            ("block7", 1.0),
            ("planted", None),
        }
        worded = 0
        for unit in made.units:
            row = table.loc[(unit.layer, unit.unit)]
            assert unit.name == row["name"]
            assert (unit.explanation or "") == row["explanation"]
            for name, column in (
                ("correlation", "correlation"),
                ("ablation", "ablation"),
                ("observer", "observer"),
            ):
                value = getattr(unit, name)
                assert np.isnan(row[column]) if value is None else value == row[column]
            worded += unit.method == "le-label" and unit.explanation is not None
        assert worded > 90
        catch = [u.correlation + (u.observer or 0) for u in made.units if u.use == "catch"]
        other = [(u.correlation or 0) + (u.observer or 0) for u in made.units if u.use == "real"]
        assert min(catch) > np.median(other)


# -- chance ------------------------------------------------------------------------------------


def test_units_are_drawn_layer_first():
    sizes = {"small": 2, "middle": 20, "large": 400, "empty": 0}
    drawn = list(sampled_units(sizes, 0))
    assert sorted(drawn) == sorted((layer, u) for layer, k in sizes.items() for u in range(k))
    first = Counter(next(sampled_units(sizes, seed)) for seed in range(3000))
    by_layer = Counter()
    for (layer, _), count in first.items():
        by_layer[layer] += count
    assert set(by_layer) == {"small", "middle", "large"}
    assert all(abs(count - 1000) < 5 * np.sqrt(3000 * 2 / 9) for count in by_layer.values())
    assert all(abs(first["small", u] - 500) < 5 * np.sqrt(3000 * 5 / 36) for u in range(2))
    assert all(abs(first["middle", u] - 50) < 6 * np.sqrt(50) for u in range(20))
    assert {layer for layer, _ in drawn[-300:]} == {"large"}  # the others are exhausted by then


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32), n=st.integers(1, 40), share=st.floats(0, 1), turns=st.integers(1, 20))
def test_choices_stay_balanced(seed, n, share, turns):
    rng, counts = np.random.default_rng(seed), np.zeros(n, dtype=np.int64)
    wanted = int(share * n)
    for _ in range(turns):
        chosen = least_used(counts, wanted, rng)
        assert len(set(chosen.tolist())) == wanted
        counts[chosen] += 1
        assert np.ptp(counts) <= 1
    avoid = rng.random(n) < 0.5
    chosen = least_used(counts, wanted, rng, avoid=avoid)
    assert avoid[chosen].sum() == max(0, wanted - (~avoid).sum())


def test_purposes_have_streams_of_their_own():
    streams = [
        generator(0, "a"),
        generator(0, "b"),
        generator(1, "a"),
        generator(0, "a", 1),
        generator(0, "a"),
    ]
    first = [stream.integers(2**60) for stream in streams]
    assert len(set(first)) == 4 and first[0] == first[4]
    assert (
        place(7, "max", generator(0, "a"))
        == place(7, "max", generator(0, "a"))
        != place(7, "max", generator(0, "b"))
    )


@pytest.mark.parametrize("trials", [0, 1, 4, 5, 45])
def test_the_right_answers_of_a_task_lie_in_both_rows(trials):
    drawn = [uppers(trials, generator(0, "rows", i)) for i in range(40)]
    counts = {poles.count("max") for poles in drawn}
    assert counts == {trials // 2, trials - trials // 2} and all(len(poles) == trials for poles in drawn)
    assert trials < 2 or len({tuple(poles) for poles in drawn}) > 1
