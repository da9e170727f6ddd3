"""The images that people are shown: centred crops of the probing set's images, as JPEG bytes."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path, PurePosixPath

from PIL import Image

from ...base.errors import UserError, quote
from ...base.extras import needed
from ...base.progress import Advance, Progress
from ...config import Build
from ...config.study import StudySettings
from ...stimuli.base import Picture
from ...store import Store
from ...trust import of_store

LoadPicture = Callable[[int], Picture]  # image id -> what is shown of it
LoadImage = Callable[[int], Image.Image]
Digest = Callable[[int], bytes]  # image id -> as `probe.digest.image_digest` makes it

# Probing sets that register themselves when their module is imported (as model/registry.py has it).
_HOMES = {"demo": "lexplain_core.demo.probing"}
_AT_ONCE = 64  # pictures in memory while they are written
_INSTEAD = "take what the store keeps of them with `--set stimuli.images=stored`"


def crop_jpeg(image: Image.Image, resize: int, side: int, quality: int) -> tuple[bytes, int, int]:
    """Return an RGB image as people see it: JPEG bytes without metadata, width and height.

    IMI's Resize(resize) of the shorter side and CenterCrop(side), as torchvision does it on PIL images,
    whatever the network is shown. An image that is smaller is not enlarged, which is the browser's job:
    the same part of it, side/resize of its shorter side, is cut out at its own resolution.
    """
    width, height = image.size
    shorter = min(width, height)
    if shorter > resize:
        width, height = resize * width // shorter, resize * height // shorter
        image = image.resize((width, height), Image.Resampling.BILINEAR)
        shorter = resize
    cut = min(shorter, max(1, round(side * shorter / resize)))
    left, top = round((width - cut) / 2), round((height - cut) / 2)
    shown = image.convert("RGB").crop((left, top, left + cut, top + cut))
    shown.info.clear()  # EXIF, colour profile and comment would be written, too
    buffer = io.BytesIO()
    shown.save(buffer, "JPEG", quality=quality, subsampling=0)
    return buffer.getvalue(), cut, cut


class Pictures:
    """A plan's pictures, each once, numbered in the order in which they were asked for.

    Going through them makes them, a few at a time (by threads); len() is known before.
    """

    def __init__(self, load: LoadPicture):
        self._load = load
        self._wanted: list[int | Picture] = []
        self._natural: dict[int, int] = {}
        self.advance: Advance | None = None  # told of each picture that was made

    def natural(self, image: int) -> int:
        """The number of the probing set's image with this id."""
        if image not in self._natural:
            self._natural[image] = len(self._wanted)
            self._wanted.append(image)
        return self._natural[image]

    def add(self, picture: Picture) -> int:
        """The number of a picture that is there already, such as a synthetic one."""
        self._wanted.append(picture)
        return len(self._wanted) - 1

    @property
    def images(self) -> list[int]:
        """The probing set's images that are wanted."""
        return list(self._natural)

    def __len__(self) -> int:
        return len(self._wanted)

    def __iter__(self) -> Iterator[Picture]:
        with ThreadPoolExecutor() as pool:
            for start in range(0, len(self._wanted), _AT_ONCE):
                for picture in pool.map(self._made, self._wanted[start : start + _AT_ONCE]):
                    yield picture
                    if self.advance is not None:
                        self.advance(1)

    def _made(self, wanted: int | Picture) -> Picture:
        return wanted if isinstance(wanted, Picture) else self._load(wanted)


def source_pictures(
    store: Store,
    settings: StudySettings,
    progress: Progress | None = None,
    root: Path | None = None,
    wanted: Sequence[int] = (),
) -> LoadPicture:
    """load(image id) of pictures cut from the probing set's own images, read where the build read them, or in `root`.

    wanted: the images that will be asked for; they are compared with what the store was built from.
    Sets of image files are not checked as a whole again: a file is opened when its picture is
    wanted. Raises `UserError` where the set isn't there, isn't the one that the store was built from, or lies in a folder
    that this machine doesn't trust; load(i) does where an image is gone, can't be read or has another size than it had.
    """
    images = store.images()
    keys = [str(key) for key in images["key"]]
    with of_store(store.meta.get("config"), store.path, root) as config:
        load, digest = _files(config, keys, store) or _whole_set(config, keys, store, progress)
        _refuse_changed(store, keys, wanted, digest)
    sizes = list(zip(images["width"].astype(int), images["height"].astype(int), strict=True))
    stimuli = settings.stimuli

    def picture(i: int) -> Picture:
        image = load(i)
        if image.size != sizes[i]:
            raise UserError(
                f"The image {keys[i]} has {image.width} × {image.height} pixels, but had {sizes[i][0]} × {sizes[i][1]} when "
                f"the store {quote(store.name)} was built: build the store again, or put the image back, or {_INSTEAD}."
            )
        data, width, height = crop_jpeg(image, stimuli.resize, stimuli.side, stimuli.quality)
        return Picture("natural", keys[i], "image/jpeg", width, height, data)

    return picture


def stored_pictures(store: Store, settings: StudySettings) -> LoadPicture:
    """load(image id) of pictures cut from the store's thumbnails.

    Not from its crops: those of images that are a unit's examples are larger and finer than the others,
    which would tell references from queries.
    """
    images = store.images()
    stimuli = settings.stimuli

    def picture(i: int) -> Picture:
        image = store.picture(i, whole=True)
        data, width, height = crop_jpeg(image, stimuli.resize, stimuli.side, stimuli.quality)
        return Picture("natural", str(images["key"].iloc[i]), "image/jpeg", width, height, data)

    return picture


def _refuse_changed(store: Store, keys: list[str], wanted: Sequence[int], digest: Digest) -> None:
    """Raise `UserError` where one of the images is another than when the store was built, as far as that is known."""
    built = store.image_digests()
    known = [i for i in wanted if built[i] is not None]
    with ThreadPoolExecutor() as pool:
        changed = [i for i, now in zip(known, pool.map(digest, known), strict=True) if now != built[i]]
    if changed:
        more = f", nor are {len(changed) - 1:,} more of the {len(known):,} wanted" if len(changed) > 1 else ""
        raise UserError(
            f"The image {keys[changed[0]]} is not the one that the store {quote(store.name)} was built from{more}: "
            f"build the store again, or put the images back, or {_INSTEAD}."
        )


def _files(config: Build, keys: list[str], store: Store) -> tuple[LoadImage, Digest] | None:
    """load(i) and digest(i) where the keys are paths of image files below the set's root; None for other sets."""
    if config.probe.root is None:
        return None
    from ...probe.folder import image_root

    try:
        root = image_root(config.probe)
    except UserError as error:
        raise UserError(
            f"The images of the store {store.name!r} can't be read again; {_INSTEAD}. {error}"
        ) from None
    if out := next((key for key in keys if _leaves(key)), None):
        raise UserError(
            f"The store {store.name!r} has an image {quote(out)}, which is no path below the folder of its images; {_INSTEAD}."
        )
    if not any((root / key).is_file() for key in keys[:: max(1, len(keys) // 20)]):
        return None
    from ...base.pictures import UnreadableImage
    from ...probe import open_rgb

    def load(i: int) -> Image.Image:
        try:
            return open_rgb(root / keys[i], config.probe.max_pixels)
        except UnreadableImage as error:
            raise gone(i, error) from None

    def digest(i: int) -> bytes:
        try:
            with (root / keys[i]).open("rb") as file:
                return hashlib.file_digest(file, "sha256").digest()
        except OSError as error:
            raise gone(i, error.strerror) from None

    def gone(i: int, why: object) -> UserError:
        return UserError(
            f"The image {root / keys[i]} can't be read any more ({why}): put it back, or {_INSTEAD}."
        )

    return load, digest


def _leaves(key: str) -> bool:
    """Whether an image's key is a path that leads out of the folder that it is meant in."""
    path = PurePosixPath(key)
    return path.is_absolute() or ".." in path.parts or "\0" in key


def _whole_set(
    config: Build, keys: list[str], store: Store, progress: Progress | None
) -> tuple[LoadImage, Digest]:
    """load(i) and digest(i) of any probing set, which is loaded as the build did it."""
    from ...probe import load_probing_set
    from ...probe.digest import image_digest

    try:
        with needed():
            if config.probe.set in _HOMES:
                import_module(_HOMES[config.probe.set])
            probing = load_probing_set(config.probe, config.seed, progress)
    except UserError as error:
        raise UserError(
            f"The images of the store {quote(store.name)} can't be read again; {_INSTEAD}. {error}"
        ) from None
    if list(probing.keys) != keys:
        at = next(
            (i for i, pair in enumerate(zip(keys, probing.keys, strict=False)) if pair[0] != pair[1]), None
        )
        what = (
            f"{len(probing):,} instead of {len(keys):,}"
            if at is None
            else f"{quote(probing.keys[at])} instead of {quote(keys[at])}"
        )
        raise UserError(
            f"The {probing.source} isn't the one that the store {quote(store.name)} was built from (it has {what}): "
            f"build the store again, or {_INSTEAD}."
        )
    return probing.load, lambda i: image_digest(probing.load, i)
