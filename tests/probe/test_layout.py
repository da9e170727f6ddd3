"""Image folders as they are in the field: clutter of systems and programs, and roots that hold no classes."""

import os
import shutil

import numpy as np
import pytest

from lexplain_core.base.errors import UserError
from lexplain_core.config import Probe
from lexplain_core.probe import load_probing_set

from .conftest import write_image

FOLDERS = [
    "@eaDir", ".thumbnails", ".AppleDouble", "__MACOSX", "#recycle", "#snapshot", "$RECYCLE.BIN", "$Recycle.Bin",
    "System Volume Information", "lost+found", ".Trash-1000", ".ipynb_checkpoints", "@Recycle", ".@__thumb",
    "@Recently-Snapshot", ".picasaoriginals", ".dtrash", ".git", "RECYCLER", "Thumbs", "thumbnails", "@tmp",
    "Network Trash Folder", "~snapshot", "__pycache__", ".Spotlight-V100", "[Originals]", "[ORIGINALS]", "Thumbnail", "thumb", "THUMBS",
    "tn", "TN", "preview", "Previews", "iPod Photo Cache", "Catalog Previews.lrdata", "catalog smart previews.LRDATA", "Network Recycle Bin",
    "trashbox", "_thumb", "#recyclebin", "small_thumbnails", "thumbs_200", "photo-cache", "Thmbnl", "CaptureOne", "FOUND.000", "_Trash",
]  # fmt: skip
FILES = ["._x.jpg", ".hidden.png", "SYNOPHOTO_THUMB_XL.jpg", "SYNOFILE_THUMB_M.png", "~$x.png"]


def test_clutter_is_no_class_and_no_image_at_any_depth(make_folder, notes):
    root = make_folder({"cat": 30, "dog": 30})
    for folder in FOLDERS:
        for at in (root, root / "cat", root / "dog" / "deep"):
            write_image(at / folder / "cat" / "000.png")
    write_image(root / "dog" / "deep" / "x.png", seed=77)
    for file in FILES:
        write_image(root / "cat" / file)
    found = load_probing_set(Probe(root=root), progress=notes)
    assert [c.key for c in found.classes] == ["cat", "dog"]
    assert np.bincount(found.labels).tolist() == [30, 31] and not found.skipped
    said = next(n for n in notes.notes if "photo software" in n)
    assert f"{3 * len(FOLDERS) + len(FILES)} images" in said and "'#recycle'" in said


def test_every_photo_once_in_a_folder_from_a_nas(make_folder, notes):
    root = make_folder({"cat": 30, "dog": 30})
    for folder in ("cat", "dog"):
        for file in sorted((root / folder).iterdir()):
            (root / folder / "@eaDir" / file.name).mkdir(parents=True)
            shutil.copy(file, root / folder / "@eaDir" / file.name / "SYNOPHOTO_THUMB_M.jpg")
    assert len(load_probing_set(Probe(root=root), progress=notes)) == 60
    assert any(n.startswith("left out 60 images that") and "'@eaDir'" in n for n in notes.notes)


def test_a_class_may_have_a_strange_name(make_folder, notes):
    root = make_folder({"#1": 20, "train": 20, "thumbs up": 20, "café": 20, "trash": 20, "original": 20})
    assert len(load_probing_set(Probe(root=root), progress=notes).classes) == 6
    assert not notes.notes


def test_what_is_left_out_is_named_where_nothing_else_is_there(make_folder, notes):
    root = make_folder({"cat": 30, "dog": 60})
    (root / "cat" / "Thumbs").mkdir()
    for file in (root / "cat").glob("*.png"):
        file.rename(root / "cat" / "Thumbs" / file.name)
    load_probing_set(Probe(root=root), progress=notes)
    assert any("30 images that the system" in n and "in or as 'Thumbs'; rename" in n for n in notes.notes)
    assert any("1 class without a usable image left out: cat" in n for n in notes.notes)
    (root / "cat").rename(root / "thumbnails")
    shutil.rmtree(root / "dog")
    with pytest.raises(
        UserError, match="empty.* 30 images that the system .* 'thumbnails'; rename a folder that is meant"
    ):
        load_probing_set(Probe(root=root))


def tree(root, *paths, count=1):
    for place, path in enumerate(paths):
        for i in range(count):
            write_image(root / path / f"{i}.png", seed=100 * place + i)


PARTS = [
    (["train/cat", "train/dog", "val/cat", "val/dog"], "'train', 'val'", "val"),
    (["Train/cat", "Test/cat", "Train/dog", "Test/dog"], "'Test', 'Train'", "Test"),
    (["training/0", "training/1", "validation/0", "validation/1", "extra/0"], "'extra', 'training', 'validation'", "validation"),
    (["train/cat", "train/dog"], "'train'", "train"),
    (["images/train/cat", "images/val/cat"], "'train', 'val'", "images/val"),
    (["Data/CLS-LOC/train/n1", "Data/CLS-LOC/train/n2", "Data/CLS-LOC/val"], "'train', 'val'", "Data/CLS-LOC/train"),
    (["train/n1/images", "train/n2/images", "val/images", "test/images"], "'test', 'train', 'val'", "train"),
    (["seg_train/seg_train/sea", "seg_test/seg_test/sea"], "'seg_test', 'seg_train'", "seg_test"),
    (["train2017", "val2017"], "'train2017', 'val2017'", "val2017"),
    (["train", "valid"], "'train', 'valid'", "valid"),
    (["train", "unlabeled"], "'train', 'unlabeled'", "train"),
    (["train/cat", "train/dog", "extra"], "'extra', 'train'", "train"),
    (["train_images", "test_images", "unlabeled_images"], "'test_images', 'train_images', 'unlabeled_images'", "test_images"),
    (["TrainImages", "TestImages"], "'TestImages', 'TrainImages'", "TestImages"),
    (["query", "gallery"], "'gallery', 'query'", "gallery"),
    (["images", "labels"], "'images', 'labels'", "images"),
    (["JPEGImages", "ground_truth"], "'JPEGImages', 'ground_truth'", "JPEGImages"),
    (["trn", "tst"], "'trn', 'tst'", "tst"),
    (["minitrain", "minival"], "'minitrain', 'minival'", "minival"),
    (["training", "testing"], "'testing', 'training'", "testing"),
    (["train_set/cat", "train_set/dog", "dev"], "'dev', 'train_set'", "train_set"),
    (["trainA", "trainB", "testA", "testB"], "'testA', 'testB', 'trainA', 'trainB'", "testA"),
    (["bounding_box_train", "bounding_box_test", "query"], "'bounding_box_test', 'bounding_box_train', 'query'", "bounding_box_test"),
    (["held-out", "TRAIN 2"], "'TRAIN 2', 'held-out'", "held-out"),
    (["cifar_train", "cifar_val", "cifar_extra"], "'cifar_extra', 'cifar_train', 'cifar_val'", "cifar_val"),
]  # fmt: skip


@pytest.mark.parametrize(("paths", "named", "best"), PARTS)
def test_parts_of_a_data_set_are_no_classes(tmp_path, paths, named, best):
    tree(tmp_path, *paths)
    with pytest.raises(
        UserError, match=f"holds {named}: parts of a data set, not classes.*probe.root"
    ) as caught:
        load_probing_set(Probe(root=tmp_path))
    assert f"such as {tmp_path / best};" in str(caught.value)


@pytest.mark.parametrize(
    "classes", [["train", "car", "bus"], ["bullet_train", "freight_train"], ["test", "control"]]
)
def test_classes_may_be_called_as_a_part_is(tmp_path, classes):
    tree(tmp_path, *classes, count=20)
    if len(classes) == 2:
        tree(tmp_path, "third", count=20)
    assert len(load_probing_set(Probe(root=tmp_path)).classes) == 3


@pytest.mark.parametrize(
    "classes",
    [
        ["test tube", "train station"],
        ["testtube", "trainstation", "test_bench", "valley"],
        ["fold1", "fold2"],
        ["train1", "train2"],
    ],
)
def test_names_that_could_be_parts_or_classes_bring_a_note_at_most(tmp_path, notes, classes):
    tree(tmp_path, *classes, count=30)
    assert len(load_probing_set(Probe(root=tmp_path), progress=notes).classes) == len(classes)
    assert sum("named as parts of a data set are" in note for note in notes.notes) == (len(classes) == 2)


def test_parts_of_which_one_holds_no_classes(tmp_path, notes):
    tree(tmp_path, *(f"{part}/{name}" for part in "ab" for name in ("cat", "dog")), "c", count=12)
    load_probing_set(Probe(root=tmp_path), progress=notes)
    assert any("class folders 'a', 'b' holds 'cat', 'dog'" in note for note in notes.notes)


def test_a_root_one_too_high(tmp_path):
    tree(tmp_path, "images/cat", "images/dog", count=30)
    with pytest.raises(
        UserError, match=f"in one folder, 'images', which holds 'cat', 'dog'.*{tmp_path}/images;"
    ):
        load_probing_set(Probe(root=tmp_path))
    assert len(load_probing_set(Probe(root=tmp_path / "images")).classes) == 2


def test_a_root_one_too_low(tmp_path):
    tree(tmp_path, "cat", "dog", count=30)
    with pytest.raises(
        UserError, match=f"in no class folder: .*probe.root to {tmp_path}, where 'cat' is a class"
    ):
        load_probing_set(Probe(root=tmp_path / "cat"))


def test_one_flat_folder_is_one_class_and_says_so(tmp_path, notes):
    tree(tmp_path, "photos", count=60)
    assert len(load_probing_set(Probe(root=tmp_path), progress=notes).classes) == 1
    assert any("one folder, 'photos': there is one class" in n for n in notes.notes)
    (tmp_path / "val_annotations.txt").write_text("val_0.JPEG\tn03444034\t0\t32\t44\t62\n")
    with pytest.raises(UserError, match="their classes stand in val_annotations.txt"):
        load_probing_set(Probe(root=tmp_path))


def test_folders_that_hold_the_same_folders(tmp_path, notes):
    tree(tmp_path, *(f"fold{i}/{name}" for i in range(3) for name in ("cat", "dog")), count=10)
    load_probing_set(Probe(root=tmp_path), progress=notes)
    assert any(
        "'fold0', 'fold1', 'fold2' holds 'cat', 'dog': if these are the classes" in n for n in notes.notes
    )


def test_class_folders_that_differ_in_case_or_accents_alone(tmp_path, notes):
    tree(tmp_path, "Cat", "cat", "caf\u00e9", "cafe\u0301", count=20)
    if len(list(tmp_path.iterdir())) < 4:
        pytest.skip("this file system takes them for one")
    assert len(load_probing_set(Probe(root=tmp_path), progress=notes).classes) == 4
    said = [n for n in notes.notes if "differ in case or accents alone" in n]
    assert len(said) == 2 and any("'Cat', 'cat'" in n for n in said)


def test_copies_are_noted(make_folder, notes):
    root = make_folder({"cat": 30, "dog": 30})
    shutil.copy(root / "cat" / "003.png", root / "dog" / "other.png")
    shutil.copy(root / "cat" / "004.png", root / "cat" / "again.png")
    load_probing_set(Probe(root=root), progress=notes)
    said = next(n for n in notes.notes if "more than once" in n)
    assert "2 images are there more than once, 1 of them in several classes," in said
    assert "cat/003.png, dog/other.png" in said


def test_links_that_go_round_are_followed_nowhere(make_folder, tmp_path):
    root = make_folder({"cat": 30, "dog": 30})
    os.symlink(root, root / "cat" / "up")
    os.symlink(tmp_path, root / "dog" / "further up")
    os.symlink(root / "cat" / "self", root / "cat" / "self")
    os.symlink(root / "nowhere", root / "broken")
    os.symlink(root / "round", root / "round")
    assert np.bincount(load_probing_set(Probe(root=root)).labels).tolist() == [30, 30]
