"""Pictures are a pure function of (seed, index), and show what the truth says."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace

import numpy as np

from lexplain_core.demo import worker
from lexplain_core.demo.kinds import KINDS
from lexplain_core.demo.many import draw_images
from lexplain_core.demo.palette import COLOURS
from lexplain_core.demo.render import draw_image, draw_scene, object_masks, scene_masks
from lexplain_core.demo.scene import DEMO_SEED, HELD_OUT_SEED, SIDE, TRAIN_SEED, make_scene

WORKER = worker.__file__


def _hash(images) -> str:
    return hashlib.sha256(np.ascontiguousarray(images).tobytes()).hexdigest()


def test_a_subset_has_the_same_pictures_as_the_whole():
    whole = np.concatenate(list(draw_images(DEMO_SEED, range(12), workers=1)))
    subset = np.concatenate(list(draw_images(DEMO_SEED, (11, 3, 7), workers=1)))
    assert whole.shape == (12, SIDE, SIDE, 3) and whole.dtype == np.uint8
    assert np.array_equal(subset, whole[[11, 3, 7]])


def test_other_worlds_have_other_pictures():
    seeds = (DEMO_SEED, TRAIN_SEED, HELD_OUT_SEED)
    assert len(set(seeds)) == 3
    looks = {
        (make_scene(seed, i).background, make_scene(seed, i).items) for seed in seeds for i in range(300)
    }
    assert len(looks) == 900


def test_processes_draw_the_same_pictures():
    here = list(draw_images(DEMO_SEED, range(270), workers=1))
    there = list(draw_images(DEMO_SEED, range(270), workers=2))
    assert [len(block) for block in there] == [64, 64, 64, 64, 14]
    assert _hash(np.concatenate(there)) == _hash(np.concatenate(here))


def test_where_no_process_can_start_pictures_are_drawn_here(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    blocks = list(draw_images(DEMO_SEED, range(256), workers=2))
    assert len(blocks) == 4 and np.array_equal(blocks[3][5], np.asarray(draw_image(DEMO_SEED, 197)))


def test_a_drawing_process_loads_no_torch(tmp_path):
    script = (
        "import io, json, runpy, sys; sys.stdin = io.StringIO(json.dumps({'seed': 0, 'blocks': [[3]]}));"
        f"runpy.run_path({str(WORKER)!r}, run_name='__main__');"
        "sys.stderr.write(' '.join(m for m in ('torch', 'pandas', 'duckdb') if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, cwd=tmp_path, timeout=60)
    assert done.returncode == 0 and done.stderr == b""
    assert done.stdout == draw_image(DEMO_SEED, 3).tobytes()


def test_every_object_is_visible_and_inside_its_box():
    for i in range(150):
        scene = make_scene(DEMO_SEED, i)
        masks = object_masks(DEMO_SEED, i)
        assert masks.shape == (len(scene.items), SIDE, SIDE) and masks.dtype == bool
        assert masks.sum(0).max() == 1, f"a pixel of picture {i} belongs to two objects"
        for item, mask in zip(scene.items, masks, strict=True):
            alone = scene_masks(replace(scene, items=(item,)))[0]
            assert mask.sum() >= 150
            assert mask.sum() >= 0.8 * alone.sum(), f"the {KINDS[item.kind].name} of picture {i} is hidden"
            rows, columns = np.nonzero(alone)
            found = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            assert np.abs(np.array(found) - item.box).max() <= 3
            assert min(found[:2]) >= 0 and max(found[2:]) <= SIDE


def _near(pixels: np.ndarray, colour: str) -> float:
    """Share of pixels that are the palette's colour, but for shade and light."""
    return float((np.abs(pixels.astype(int) - COLOURS[colour]).max(1) < 60).mean())


def test_masks_hold_the_colour_that_the_truth_names():
    shares, others = [], []
    for i in range(150):
        scene = make_scene(DEMO_SEED, i)
        image = np.asarray(draw_scene(scene))
        for item, mask in zip(scene.items, scene_masks(scene), strict=True):
            if item.texture == "plain":
                shares.append(_near(image[mask], item.colour))
                others.append(max(_near(image[mask], c) for c in COLOURS if c not in (item.colour, "white")))
    shares, others = np.array(shares), np.array(others)
    assert len(shares) > 60
    assert shares.min() > 0.1 and np.median(shares) > 0.4
    assert (shares > others).all()


def test_objects_are_what_changes_inside_the_masks():
    """The background without its objects is the same picture outside masks and shadows."""
    inside = []
    for i in range(40):
        scene = make_scene(DEMO_SEED, i)
        with_objects = np.asarray(draw_scene(scene)).astype(int)
        without = np.asarray(draw_scene(replace(scene, items=()))).astype(int)
        changed = np.abs(with_objects - without).max(2) > 60
        mask = scene_masks(scene).any(0)
        inside.append(changed[mask].mean())
        assert changed[~mask].mean() < 0.05  # shadows, steam
    assert min(inside) > 0.2  # a white castle in the snow still has its outline and windows
    assert np.mean(inside) > 0.75


def test_the_main_object_is_clearly_the_largest():
    for i in range(400):
        main, *others = make_scene(DEMO_SEED, i).items
        assert all(other.side < 0.85 * main.side for other in others)


def test_drawing_is_pure():
    assert _hash(np.asarray(draw_image(DEMO_SEED, 5))) == _hash(np.asarray(draw_image(DEMO_SEED, 5)))
    assert _hash(np.asarray(draw_image(DEMO_SEED, 5))) != _hash(np.asarray(draw_image(DEMO_SEED, 6)))
