"""Studies are made: the crops that people see, where they come from, and the file."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from lexplain_core.base.errors import UserError
from lexplain_core.config.study import load_settings
from lexplain_core.notes import Notes
from lexplain_core.store import Store
from lexplain_core.studies.file.study import StudyFile
from lexplain_core.studies.plan.making import new_study
from lexplain_core.studies.plan.pictures import crop_jpeg, source_pictures, stored_pictures
from lexplain_core.trust import Entry
from lexplain_core.trust import file as trust_file

from .written import jpeg_of, write_store

ROOT = Path(__file__).resolve().parents[2]
N = 60
SHORT = [
    "stimuli.units=6", "course.trials=4", "course.catch=2", "course.tasks=3", "course.practice_obvious=2",
    "stimuli.resize=64", "stimuli.side=56",
]  # fmt: skip


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    """Blobs of colour; JPEG keeps them well."""
    small = np.random.default_rng(seed).integers(0, 255, (5, 5, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


# -- crops ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(500, 375), (375, 500), (256, 256), (300, 257), (1000, 259), (333, 777)])
def test_crops_are_torchvision_s(size):
    """IMI's transform: Resize(256), CenterCrop(224)."""
    from torchvision import transforms

    image = noise(*size)
    expected = transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224)])(image)
    buffer = io.BytesIO()
    expected.save(buffer, "JPEG", quality=92, subsampling=0)
    assert crop_jpeg(image, 256, 224, 92) == (buffer.getvalue(), 224, 224)


@pytest.mark.parametrize(("size", "side"), [((96, 96), 84), ((200, 100), 88), ((128, 255), 112), ((8, 9), 7)])
def test_small_images_are_not_enlarged(size, side):
    """The centred 224/256 of the shorter side, pixel by pixel."""
    image = Image.new("RGB", size, (0, 0, 255))
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    image.paste((255, 0, 0), (left, top, left + side, top + side))
    data, width, height = crop_jpeg(image, 256, 224, 95)
    assert width == height == side
    shown = np.asarray(Image.open(io.BytesIO(data)))
    assert shown.shape == (side, side, 3)
    blue = (shown[..., 2] > 100).mean()  # at most half a pixel off at odd differences
    assert blue <= 2 / side
    assert (shown[1:-1, 1:-1, 2] < 100).all()


def test_crops_are_of_full_colour_and_tell_nothing_else():
    image = noise(300, 300)
    exif = Image.Exif()
    exif[0x010E] = "the maximum of unit 7"
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", exif=exif, comment=b"the maximum", icc_profile=b"profile of the maximum")
    for loaded in (Image.open(buffer), Image.open(buffer).convert("RGB")):
        data = crop_jpeg(loaded, 256, 224, 92)[0]
        with Image.open(io.BytesIO(data)) as shown:
            assert shown.layer == [(1, 1, 1, 0), (2, 1, 1, 1), (3, 1, 1, 1)]  # 4:4:4
            assert not {"exif", "comment", "icc_profile", "xmp"} & set(shown.info)
            assert not shown.getexif()
        assert b"maximum" not in data and b"Exif" not in data


# -- where pictures come from --------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """60 images of several sizes; number 7 is turned by its EXIF data, as the build saw it."""
    root = tmp_path_factory.mktemp("images")
    (root / "c").mkdir()
    for i in range(N):
        image = noise(90 + i, 70 + 2 * i, i)
        exif = Image.Exif()
        if i == 7:
            exif[0x0112] = 6
        image.save(root / "c" / f"{i}.jpg", quality=95, exif=exif)
    return root


def allow(*folders: Path) -> None:
    """What a build notes of the folders of its images."""
    trust_file.add(Entry("images", str(folder), {}) for folder in folders)


@pytest.fixture(scope="module")
def store_path(folder, tmp_path_factory):
    allow(folder)
    images = [ImageOps.exif_transpose(Image.open(folder / "c" / f"{i}.jpg")) for i in range(N)]
    thumbnails = []
    for image in images:
        small = image.copy()
        small.thumbnail((48, 48))
        thumbnails.append(jpeg_of(small))
    rng = np.random.default_rng(0)
    layers = {"one": rng.normal(size=(8, N)).astype(np.float32), "two": rng.normal(size=(9, N))}
    return write_store(
        tmp_path_factory.mktemp("made") / "made.duckdb",
        layers,
        keys=[f"c/{i}.jpg" for i in range(N)],
        sizes=[image.size for image in images],
        thumbnails=thumbnails,
        probe={"set": "folder", "root": str(folder)},
    )


def test_pictures_from_the_probing_set(folder, store_path):
    with Store.open(store_path) as store:
        load = source_pictures(store, load_settings(None, SHORT))
        for i in range(N):
            with Image.open(folder / "c" / f"{i}.jpg") as image:
                upright = ImageOps.exif_transpose(image).convert("RGB")
            picture = load(i)
            assert (picture.source, picture.key, picture.type) == ("natural", f"c/{i}.jpg", "image/jpeg")
            assert (picture.data, picture.width, picture.height) == crop_jpeg(upright, 64, 56, 92)
        assert load(59).width == 56


def test_pictures_from_the_store(store_path):
    with Store.open(store_path) as store:
        load = stored_pictures(store, load_settings(None, SHORT))
        for i in (0, 7, 59):
            picture = load(i)
            with Image.open(io.BytesIO(store.thumbnails([i])[i])) as thumbnail:
                side = round(min(thumbnail.size) * 56 / 64)
                assert picture.data == crop_jpeg(thumbnail, 64, 56, 92)[0]
            assert (picture.key, picture.width, picture.height) == (f"c/{i}.jpg", side, side)


def test_images_that_were_exchanged_under_their_names_are_shown_to_nobody(folder, tmp_path):
    """The activations are of the images of then: people would judge others."""
    root = tmp_path / "images"
    (root / "c").mkdir(parents=True)
    for i in range(N):
        noise(80, 80, i).save(root / "c" / f"{i}.png")
    allow(root)
    files = [root / "c" / f"{i}.png" for i in range(N)]
    rng = np.random.default_rng(0)
    store = write_store(
        tmp_path / "made.duckdb",
        {"one": rng.normal(size=(8, N)).astype(np.float32), "two": rng.normal(size=(9, N))},
        keys=[f"c/{file.name}" for file in files],
        sizes=[(80, 80)] * N,
        thumbnails=[jpeg_of(noise(48, 48, i)) for i in range(N)],
        probe={"set": "folder", "root": str(root)},
        digests=[sha256(file.read_bytes()).digest() for file in files],
    )
    settings = load_settings(None, SHORT)
    new_study(store, "before", settings, tmp_path / "studies")
    data = [file.read_bytes() for file in files]
    for i, file in enumerate(files):  # same names, same sizes: each is the next one now
        file.write_bytes(data[(i + 1) % N])
    with pytest.raises(UserError) as refused:
        new_study(store, "after", settings, tmp_path / "studies")
    said = str(refused.value)
    assert re.search(
        r"The image c/\d+\.png is not the one that the store .* was built from, nor are \d+ more of the \d+",
        said,
    )
    assert "stimuli.images=stored" in said and "\n" not in said
    assert [p.name for p in (tmp_path / "studies").iterdir()] == ["before.sqlite"]
    stored = load_settings(None, [*SHORT, "stimuli.images=stored"])
    new_study(store, "after", stored, tmp_path / "studies")
    for i, file in enumerate(files):  # put back
        file.write_bytes(data[i])
    new_study(store, "again", settings, tmp_path / "studies")
    with Store.open(store) as opened:
        files[5].write_bytes(data[6])
        with pytest.raises(
            UserError, match="The image c/5.png is not the one .* built from: build the store again"
        ):
            source_pictures(opened, settings, wanted=[4, 5, 6])
        assert source_pictures(opened, settings, wanted=[4, 6])(4).key == "c/4.png"


def test_images_that_are_gone_or_others(folder, store_path, tmp_path):
    other = tmp_path / "images"
    shutil.copytree(folder, other)
    (other / "c" / "3.jpg").unlink()
    (other / "c" / "4.jpg").write_bytes(b"no image")
    Image.new("RGB", (50, 50)).save(other / "c" / "5.jpg")
    allow(other, tmp_path / "nowhere")
    with Store.open(store_path) as store:
        config = store.meta["config"]
        config["probe"]["root"] = str(other)
        load = source_pictures(store, load_settings(None, SHORT))
        assert load(0).width == 56
        instead = "stimuli.images=stored"
        with pytest.raises(UserError, match=f"3.jpg can't be read any more .*put it back, or .*{instead}"):
            load(3)
        with pytest.raises(UserError, match=f"4.jpg can't be read any more .*{instead}"):
            load(4)
        with pytest.raises(UserError, match=f"c/5.jpg has 50 × 50 pixels, but had 95 × 80 when .*{instead}"):
            load(5)
        config["probe"]["root"] = str(tmp_path / "nowhere")
        with pytest.raises(UserError, match=f"can't be read again; .*{instead}.*nowhere doesn't exist"):
            source_pictures(store, load_settings(None, SHORT))
        shutil.move(other / "c", other / "renamed")
        for i in (3, 4, 5):
            (other / "renamed" / f"{i}.jpg").unlink(missing_ok=True)
        config["probe"]["root"] = str(other)
        with pytest.raises(UserError, match=f"isn't the one that the store 'by hand' .*'renamed/.*{instead}"):
            source_pictures(store, load_settings(None, SHORT))


DEMO = """
import io, sys
import numpy as np
from PIL import Image
from lexplain_core.store import Store
from lexplain_core.studies.plan.pictures import crop_jpeg, source_pictures
from lexplain_core.config.study import load_settings

assert not {"torch", "lexplain_core.demo"} & set(sys.modules)
with Store.open(sys.argv[1]) as store:
    picture = source_pictures(store, load_settings())(7)
from lexplain_core.demo.render import draw_image
from lexplain_core.demo.scene import DEMO_SEED
assert picture.key == "demo/00007.png" and picture.width == 84
assert picture.data == crop_jpeg(draw_image(DEMO_SEED, 7), 256, 224, 92)[0]
"""


def test_the_demo_s_pictures_need_no_import_before(tmp_path):
    """Sets that aren't files are loaded as the build did it, even by who knows nothing of the demo."""
    q = {"planted": np.random.default_rng(0).normal(size=(4, 50)).astype(np.float32)}
    keys = [f"demo/{i:05}.png" for i in range(50)]
    probe = {"set": "demo", "limit": 50}
    path = write_store(tmp_path / "demo.duckdb", q, keys=keys, sizes=[(96, 96)] * 50, probe=probe)
    subprocess.run([sys.executable, "-c", DEMO, str(path)], cwd=ROOT, check=True, timeout=120)
    keys[9] = "demo/other.png"
    path = write_store(tmp_path / "other.duckdb", q, keys=keys, sizes=[(96, 96)] * 50, probe=probe)
    with (
        Store.open(path) as store,
        pytest.raises(UserError, match="'demo/00009.png' instead of 'demo/other.png'"),
    ):
        source_pictures(store, load_settings())


# -- files -----------------------------------------------------------------------------------------


class Watched:
    """Progress that keeps what it is told."""

    def __init__(self):
        self.tasks, self.notes = {}, []

    def task(self, label, total):
        from contextlib import contextmanager

        @contextmanager
        def run():
            self.tasks[label] = [0, total]

            def advance(n=1):
                self.tasks[label][0] += n

            yield advance

        return run()

    def note(self, text):
        self.notes.append(text)


@pytest.mark.parametrize("images", ["source", "stored"])
def test_a_study_in_its_file(store_path, tmp_path, images):
    settings = load_settings(None, [*SHORT, f"stimuli.images={images}"])
    progress = Watched()
    path = new_study(store_path, "first-study_1", settings, tmp_path, progress)
    assert path == tmp_path / "first-study_1.sqlite"
    with StudyFile.open(path) as study, Store.open(store_path) as store:
        assert study.name == "first-study_1" and study.settings == settings
        assert study.facts["store"] == {"id": store.id, "name": "by hand", "path": str(store_path)}
        assert len(study.tasks()) == 3
        trials = study.trials()
        made = source_pictures if images == "source" else stored_pictures
        load = made(store, settings)
        numbers = {key: i for i, key in enumerate(store.images()["key"])}
        units = study.units().set_index("unit_id")
        count = set()
        for trial in trials.itertuples():
            unit = units.loc[trial.unit_id]
            values = store.unit(unit["layer"], int(unit["unit"])).activations
            shown = study.trial_images(trial.trial_id)
            assert len(shown) == 20
            pictures = study.pictures([int(i) for i in shown["picture_id"]])
            for row in shown.itertuples():
                picture = pictures[row.picture_id]
                assert picture == load(numbers[picture.key])
                assert row.activation == pytest.approx(float(values[numbers[picture.key]]))
                count.add(row.picture_id)
    assert progress.tasks["drawing units"] == [6, 6]
    assert progress.tasks["drawing pictures"] == [len(count), len(count)]
    assert "3 tasks" in progress.notes[-1]


def test_hidden_images_are_in_no_study(store_path, tmp_path):
    path = tmp_path / store_path.name
    shutil.copy(store_path, path)
    with Store.open(path) as store:
        keys = store.images()["key"]
        settings = load_settings(None, [*SHORT, "stimuli.images=stored"])
        with StudyFile.open(new_study(path, "before", settings, tmp_path)) as study:
            used = sorted({*study.trial_images()["key"]})
        hidden = used[::6]
        assert len(hidden) > 3 and {*hidden} <= {*keys}
        Notes.of(store).hide(*hidden)
    with StudyFile.open(new_study(path, "after", settings, tmp_path)) as study:
        after = {*study.trial_images()["key"]}
        assert after and not after & {*hidden}
        assert study.facts["images"] == len(keys) - len(hidden)


def test_studies_that_can_t_be_made(store_path, tmp_path):
    settings = load_settings(None, SHORT)
    for name in ("", "a b", "../x", "a/b", "ä", "a.b", "x" * 81, "a\n"):
        with pytest.raises(UserError, match="can't be named"):
            new_study(store_path, name, settings, tmp_path)
    with pytest.raises(UserError, match="There is no store"):
        new_study(tmp_path / "no.duckdb", "x", settings, tmp_path)
    with pytest.raises(UserError, match="only 17 units"):
        new_study(store_path, "x", load_settings(None, ["stimuli.units=40"]), tmp_path)
    assert list(tmp_path.iterdir()) == []
    path = new_study(store_path, "x", settings, tmp_path)
    before = path.read_bytes()
    with pytest.raises(UserError, match="There is a study 'x' already"):
        new_study(store_path, "x", load_settings(None, [*SHORT, "seed=1"]), tmp_path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["x.sqlite"]


def test_a_study_of_the_demo(demo_store, demo_pictures, tmp_path):
    """All of IMI's counts on the real thing, from what the store keeps."""
    settings = load_settings(None, ['stimuli.images="stored"'])
    with StudyFile.open(new_study(demo_store, "demo", settings, tmp_path)) as study:
        assert len(study.tasks()) == 63 and (study.units()["use"] == "real").sum() == 84
        shown = study.trial_images(0)
        for picture in study.pictures([int(i) for i in shown["picture_id"]]).values():
            own = demo_pictures(int(picture.key[5:10]))
            expected = np.asarray(Image.open(io.BytesIO(crop_jpeg(own, 256, 224, 92)[0])), dtype=float)
            kept = np.asarray(Image.open(io.BytesIO(picture.data)), dtype=float)
            assert kept.shape == expected.shape == (84, 84, 3)
            assert np.abs(kept - expected).mean() < 12  # the store's thumbnails are of lesser quality
