"""What a store holds, by name: layers, methods, concepts, images; read once, and used by all that asks for more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from ..base.errors import quote
from ..base.measures import DERIVED, Description, check_names
from .database import Database, shared_property
from .guard import guarded
from .overlay import NONE
from .version import StoreError

DEFAULT_METHOD = "le-label"


@guarded
class Catalog(Database):
    """The names and numbers of a store's things, and what notes add to them.

    overlay: explanations that people wrote. hidden: images that are shown nowhere. unreadable: why pictures that were
    asked for can't be read, by image.
    """

    def __init__(self, *opened: Any):
        super().__init__(*opened)
        self.overlay = NONE
        self.hidden: frozenset[int] = frozenset()
        self.unreadable: dict[int, str] = {}

    # -- measures ----------------------------------------------------------------------------

    @shared_property
    def measures(self) -> dict[str, Description]:
        """What the store's scores are called and how they are read, by name, in the order of tables and headlines."""
        try:
            found = [
                Description(**row)
                for row in self.records(
                    'SELECT measure AS name, title, short, help, "of", low, high, best, chance, judge, listed FROM measures '
                    "ORDER BY place"
                )
            ]
            check_names(one.name for one in (*found, *DERIVED))
            if "correlation" not in {one.name for one in found}:
                raise ValueError("it doesn't say what its test correlations are")
        except ValueError as error:
            raise StoreError(f"The store {quote(self.name)} can't be used: {error}.") from None
        return {one.name: one for one in (*found, *DERIVED)}

    # -- methods and concepts ----------------------------------------------------------------

    @property
    def user_methods(self) -> frozenset[str]:
        """Methods that are people's own."""
        return self.overlay.methods

    def methods(self) -> list[str]:
        """Names of the explanation methods in the store; those that people wrote come last."""
        return [*self._own_methods, *sorted(self.user_methods)]

    @property
    def default_method(self) -> str:
        """`le-label` where the store has it, else its first method."""
        methods = self._own_methods or self.methods()
        return DEFAULT_METHOD if DEFAULT_METHOD in methods or not methods else methods[0]

    @shared_property
    def _own_methods(self) -> list[str]:
        return [row[0] for row in self.rows("SELECT DISTINCT method FROM explanations ORDER BY method")]

    @shared_property
    def matrix_names(self) -> list[str]:
        """The concept matrices, labels before encoders."""
        rows = self.rows("SELECT matrix FROM concept_matrices ORDER BY kind = 'encoder', matrix")
        return [row[0] for row in rows]

    @shared_property
    def concept_labels(self) -> dict[int, tuple[str, str]]:
        """concept id -> (name that tells it apart in this store, origin)."""
        rows = self.rows("SELECT concept_id, key, name, origin FROM concepts")
        names = [row[2] for row in rows]
        repeated = _repeated(names)
        with_origin = [f"{name} ({origin})" for _, _, name, origin in rows]
        again = _repeated(with_origin)
        labels = {}
        for (concept, key, name, origin), longer in zip(rows, with_origin, strict=True):
            label = name if name not in repeated else longer if longer not in again else f"{name} ({key})"
            labels[concept] = (label, origin)
        return labels

    @shared_property
    def same_concepts(self) -> dict[str, dict[int, tuple[str, ...]]]:
        """By matrix and concept the names of those that stand under its name, since the matrix can't tell them apart."""
        found: dict[str, dict[int, tuple[str, ...]]] = {}
        for matrix, concept, same_as in self.rows(
            "SELECT matrix, concept_id, same_as FROM same_concepts ORDER BY matrix, same_as, concept_id"
        ):
            own = found.setdefault(matrix, {})
            own[same_as] = (*own.get(same_as, ()), self.concept_labels[concept][0])
        return found

    # -- layers ------------------------------------------------------------------------------

    @shared_property
    def layer_facts(self) -> dict[str, tuple[int, int]]:
        """Name -> id and units of each layer, in order."""
        rows = self.rows("SELECT name, layer_id, units FROM layers ORDER BY layer_id")
        return {name: (layer_id, units) for name, layer_id, units in rows}

    def layer_id(self, layer: str) -> int:
        """A layer's id. `StoreError` where the store has no such layer."""
        if layer not in self.layer_facts:
            raise StoreError(
                f"The store {quote(self.name)} has no layer {quote(layer)}; it has {', '.join(self.layer_facts)}."
            )
        return self.layer_facts[layer][0]

    # -- images ------------------------------------------------------------------------------

    @shared_property
    def splits(self) -> list[str]:
        """'train', 'val' or 'test' of each image."""
        return [row[0] for row in self.rows("SELECT split FROM images ORDER BY image_id")]

    @shared_property
    def image_count(self) -> int:
        """How many images the probing set has: N."""
        return self.rows("SELECT count(*) FROM images")[0][0]

    def images(self, ids: Sequence[int] | None = None) -> pd.DataFrame:
        """The images' labels, splits and sizes.

        Args:
            ids: Image ids, in the order wanted; all images without.

        Returns:
            One row per image, indexed by image id, with `key`, `label` (class name), `class_key`, `split`, `width`,
            `height`, `caption`, `predicted` (name of the network's largest output).

        Raises:
            StoreError: The store has no such image.
        """
        frame = self.image_frame
        if ids is None:
            return frame.copy()
        wanted = [int(i) for i in ids]
        if missing := [i for i in wanted if not 0 <= i < len(frame)]:
            raise StoreError(f"The store {quote(self.name)} has no image {min(missing)}.")
        return frame.iloc[wanted]

    @shared_property
    def image_words(self) -> pd.DataFrame:
        """What is said of an image beside its picture, of every image; one block of objects: a unit's page takes a few
        rows for each range, and from one block that is five times as quick as from columns of their own types."""
        return self.image_frame[["label", "predicted", "key", "split", "caption"]].astype(object)

    @shared_property
    def image_frame(self) -> pd.DataFrame:
        """`images()`, read once: a page asks for some images several times, and each question would read the table."""
        frame = self.frame(
            """
            SELECT i.image_id AS image, i.key, c.name AS label, c.key AS class_key, i.split,
                   i.width, i.height, i.caption, i.predicted
            FROM images i JOIN classes c USING (class_id) ORDER BY i.image_id
            """
        ).set_index("image")
        predicted = self.output_names(frame["predicted"])
        frame["predicted"] = pd.Series(predicted, index=frame.index, dtype=object)
        frame["caption"] = frame["caption"].astype(object).where(frame["caption"].notna(), None)
        return frame

    def skipped(self) -> pd.DataFrame:
        """Images that the build left out.

        Returns:
            One row per image, with `key` and `reason`.
        """
        return self.frame("SELECT key, reason FROM skipped_images ORDER BY key")

    def output_names(self, ids: Iterable) -> list[str | None]:
        """Names of the model's outputs.

        Args:
            ids: Numbers of outputs; missing ones give None.

        Returns:
            A name for each, such as `output 7` where outputs have none.
        """
        names = self.meta.get("outputs")
        return [None if pd.isna(i) else names[int(i)] if names else f"output {int(i)}" for i in ids]


def _repeated(names: list[str]) -> set[str]:
    return {name for name, count in Counter(names).items() if count > 1}
