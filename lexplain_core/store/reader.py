"""The one reader of stores, for pages and notebooks alike. Read-only."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from PIL import Image

from ..base.errors import UserError, quote
from . import effects, groups, neighbours, overlay, pictured, tables
from . import export as exporting
from .checking import faults
from .concept_values import ConceptValues
from .groups import Groups
from .guard import blame, guarded
from .made import Made
from .opening import attach
from .questions import Questions
from .search import sql, starting, table
from .search.query import Found, Wanted
from .search.starting import Start
from .unit import Unit
from .version import StoreError

DEFAULT_METHOD = "le-label"


@guarded
class Store:
    """A store of units, opened with `Store.open(path)`.

    Every method reads only what it returns, and may be called from several threads. Tables come
    as pandas data frames, activations as numpy arrays.
    """

    def __init__(self, path: Path, connection: duckdb.DuckDBPyConnection, meta: dict[str, Any]):
        self.path = path
        self.meta = meta  # facts about the store: id, name, config, versions, …
        self._questions = Questions(path, connection)
        # What `take_in` brought: images that are nowhere shown, and methods that are people's own.
        self.hidden: frozenset[int] = frozenset()
        self.by_hand: frozenset[str] = frozenset()
        self._use = overlay.OWN
        self._made: tuple[Made, ...] = ()
        self._problems: list[str] = []
        self._taking = threading.RLock()
        self._generations, self._made_ids = overlay.numbers(), overlay.numbers()
        self._laid: list[int] = []
        self.unreadable: dict[int, str] = {}  # images whose picture was asked for in vain, with the reason
        self._values = ConceptValues(self)
        self._finding = table.Tables()
        self._compared = neighbours.Compared()

    @classmethod
    def open(cls, path: str | Path) -> Store:
        """Open a store for reading.

        Raises `StoreError`, in one sentence, for a path that doesn't exist, a file that isn't a
        store, and a store of another schema version (with the command that rebuilds it).
        """
        path = Path(path)
        return cls(path, *attach(path))

    def close(self) -> None:
        """Close the file. The store can't be used afterwards."""
        self._questions.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        try:
            if isinstance(error, Exception) and not isinstance(error, UserError):
                blame(self, error)
        finally:
            self.close()

    def __repr__(self) -> str:
        return f"Store({str(self.path)!r}, name={quote(self.name)})"

    # -- queries -----------------------------------------------------------------------------

    @contextmanager
    def _asked(self, use: str | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor for one question, of which one fetches all inside. use: what it sees, without it all that there is."""
        with self._questions.cursor(use or self._use) as cursor:
            yield cursor

    def _frame(self, query: str, parameters: Sequence | dict = ()) -> pd.DataFrame:
        with self._asked() as cursor:
            return cursor.execute(query, parameters).df()

    def _all(self, query: str, parameters: Sequence | dict = ()) -> list[tuple]:
        with self._asked() as cursor:
            return cursor.execute(query, parameters).fetchall()

    def _arrays(self, query: str, parameters: Sequence | dict = ()) -> dict[str, np.ndarray]:
        with self._asked() as cursor:
            return cursor.execute(query, parameters).fetchnumpy()

    @cached_property
    def fault(self) -> str | None:
        """The first thing that is wrong with what the store holds, as a sentence; None where nothing is.

        `StoreError` where that can't be found out. `python -m lexplain_core check STORE` looks for all of them.
        """
        return next(faults(self), None)

    @property
    def id(self) -> str:
        """The same for every build of the same images, weights and options; permalinks carry it."""
        return self.meta["id"]

    @property
    def name(self) -> str:
        return self.meta.get("name") or self.path.stem

    # -- what people add ---------------------------------------------------------------------

    def take_in(self, made: Sequence[Made], hidden_keys: Iterable[str]) -> list[str]:
        """Show explanations made by hand beside the store's own, as methods of their names, and leave out the
        images with these keys wherever images are shown; counts and charts keep them. The file stays as it is.

        What was taken in before is replaced. Returns a sentence for each explanation that this store can't
        hold: its layer, unit, concepts or matrix are missing, or its name is a method's of the build. What was made on
        another build (`Made.store`) comes without scores.
        `hidden` (image ids) and `by_hand` (names of methods) say what was taken in.
        """
        return overlay.take_in(self, made, hidden_keys)

    # -- what is in it -----------------------------------------------------------------------

    def layers(self, method: str | None = None) -> pd.DataFrame:
        """One row per layer: layer, source, kind, pooling, shape, units, how many of them are
        alive, dead, constant and negative throughout, note, mean_score (mean test correlation of a
        method, the default one without, over the units that have one), the means
        over units of what chance gives: mean_null and mean_null_high (95th percentile); way (how units
        are replaced: closed, prefix, whole, or None), effect_reason (why there are no impacts and ablation scores),
        push_reason (why there are no output effects), map_reason (why units have no maps), mean_ablation (of the method's `ablation-norm` scores), and
        mean_observer (of the main machine observer's); scored, ablated and observed: of how many units these means are."""
        return tables.layers(self, method or self.default_method)

    def methods(self) -> list[str]:
        """Names of the explanation methods in the store; those that people made by hand come last."""
        names = [row[0] for row in self._all("SELECT DISTINCT method FROM explanations ORDER BY method")]
        return sorted(names, key=lambda name: name in self.by_hand)

    @cached_property
    def default_method(self) -> str:
        """`le-label` where the store has it, else its first method."""
        methods = self.methods()
        own = [name for name in methods if name not in self.by_hand] or methods
        return DEFAULT_METHOD if DEFAULT_METHOD in own or not own else own[0]

    def matrices(self) -> pd.DataFrame:
        """One row per concept matrix: matrix (name), kind (label, encoder), roles (explainer,
        simulator), an encoder's a, b and loss (cross-entropy against labels), kept and dropped (concepts by the
        concept filter), filter ({origin: [kept, dropped]} or None), config (a dictionary)."""
        return tables.matrices(self)

    @cached_property
    def _concept_labels(self) -> dict[int, tuple[str, str]]:
        """concept id -> (name that tells it apart in this store, origin)."""
        rows = self._all("SELECT concept_id, key, name, origin FROM concepts")
        names = [row[2] for row in rows]
        repeated = _repeated(names)
        with_origin = [f"{name} ({origin})" for _, _, name, origin in rows]
        again = _repeated(with_origin)
        labels = {}
        for (concept, key, name, origin), longer in zip(rows, with_origin, strict=True):
            label = name if name not in repeated else longer if longer not in again else f"{name} ({key})"
            labels[concept] = (label, origin)
        return labels

    @cached_property
    def same_concepts(self) -> dict[str, dict[int, tuple[str, ...]]]:
        """By matrix and concept the names of those that stand under its name, since the matrix can't tell them apart."""
        return tables.same_concepts(self)

    def concepts(self) -> pd.DataFrame:
        """All concepts: concept, name, origin, key."""
        frame = self._frame("SELECT concept_id AS concept, origin, key FROM concepts ORDER BY concept_id")
        frame.insert(1, "name", [self._concept_labels[c][0] for c in frame["concept"]])
        return frame

    def unit_table(self, layer: str | None = None, method: str | None = None) -> pd.DataFrame:
        """One row per unit: layer, unit, name, status, reason, maximum, minimum, mean,
        explanation (a line), terms (names, strongest first), length, score (test correlation by
        the method's main simulator), low, high, score_n, score_reason, simulator, and the score's
        null: null_units, null_mean, null_high, null_above. `reason` is why a unit is not alive or
        has no explanation. ablation (the `ablation-norm` score by the main simulator, NaN with
        ablation_reason), impact (total, the unit set to 0; NaN where unknown), impact_sampled and impact_error (its standard error); observer (the
        main machine observer's score, NaN where there is none), observer_embedding, observer_trials and
        observer_reason."""
        if layer is not None:
            self._layer_id(layer)
        return tables.unit_table(self, layer, method or self.default_method)

    # -- finding units -----------------------------------------------------------------------

    def find(
        self, wanted: Wanted, limit: int | None = 100, offset: int = 0, human: pd.DataFrame | None = None
    ) -> Found:
        """The units that are wanted, in the wanted order: `limit` of them (None for all) from the `offset`-th on.

        human: what people scored, a row per unit that they were asked about, with layer, unit and human (as
        `trials.human_scores` has it); without it nobody was. `StoreError` for a layer or method that the store doesn't have.
        """
        return sql.find(self, wanted, limit, offset, human)

    def surprise(self, wanted: Wanted, human: pd.DataFrame | None = None) -> tuple[str, int] | None:
        """(layer, unit) of any living unit among those that are wanted; None where there is none."""
        return sql.any_alive(self, wanted, human)

    def spans(
        self, method: str | None = None, human: pd.DataFrame | None = None
    ) -> dict[str, tuple[float, float]]:
        """The smallest and the largest value of each number that units are sorted by, over all units;
        without those that no unit has."""
        return sql.spans(self, method or self.default_method, human)

    def score_column(self, method: str | None = None) -> pd.DataFrame:
        """One row per unit: layer, score (as in `unit_table`). Quick, for charts of all units."""
        return sql.score_column(self, method or self.default_method)

    def starting_points(self, human: pd.DataFrame | None = None, method: str | None = None) -> list[Start]:
        """Where to begin: units that stand out, and what finds the others like them."""
        return starting.starting_points(self, method or "", human)

    def export(
        self, wanted: Wanted, human: pd.DataFrame | None = None, methods: list[str] | None = None
    ) -> pd.DataFrame:
        """Explanations and scores of the units that are wanted, in their order: one row per unit and method, and one for
        a unit without any explanation; `EXPORTED` says what its columns hold. `as_bytes` makes a file of it.

        human: as in `find`. methods: only these, without the units that only others explain. `StoreError` for a method or layer that the store doesn't have.
        """
        return exporting.export(self, wanted, human, methods)

    def concept_values(self, matrix: str, concept_ids: Sequence[int]) -> np.ndarray:
        """P of concepts on every image by a concept matrix: float32 (T, N).

        As the store keeps it of concepts that explanations use, else from the encoder's embeddings,
        sigmoid(a·(cos + b)), within 0.001 (0.003 for vectors of 64 numbers) of what the encoder itself would give. `StoreError` where
        the matrix has neither.
        """
        return self._values.of(matrix, concept_ids)

    def sayable(self, matrix: str) -> pd.DataFrame:
        """The concepts that a concept matrix has P of, by name: concept, name, origin, and same (names of those that it
        can't tell from it, which stand under its name; '' without)."""
        return self._values.sayable(matrix)

    # -- what units do -----------------------------------------------------------------------

    def impact_values(self) -> list[str]:
        """What units were set to, of 'zero' and 'mean' those that the store has impacts of."""
        return effects.impact_values(self)

    def impacts(self, to: str = "zero", layer: str | None = None) -> pd.DataFrame:
        """One row per unit whose impact is known: layer, unit, name, status, total, total_error, accuracy,
        accuracy_error, loss, loss_error, half, images, sampled, reason; as in `Unit.impact`; and rough (an estimate
        whose half lies on few images)."""
        return effects.impacts(self, to, layer)

    def top_impacts(self, to: str = "zero", layer: str | None = None) -> pd.DataFrame:
        """Top Impacts (eq. 4), one row per unit and beta: layer, unit, beta, value, error."""
        return effects.top_impacts(self, to, layer)

    def table1(self, to: str = "zero") -> pd.DataFrame:
        """Top Impacts by layer (the paper's Table 1), one row per layer and beta: layer, beta, mean and
        std over the units that have one, units (how many), of (all units of the layer), dead, constant, unknown and idle (how many of
        the others are, have an impact that is unknown, or none), sampled (whether any is an estimate), rough (how many are estimates whose half lies on few images), error
        (the mean's standard error that comes from sampling, as of independent estimates)."""
        return effects.table1(self, to)

    def score_pairs(self, kind: str = "ablation-norm") -> pd.DataFrame:
        """Explanations that have both a correlation and a score of `kind`, by their method's main
        simulator: layer, unit, name, method, simulator, correlation, ablation (that score), length,
        explanation (a line)."""
        return effects.score_pairs(self, kind)

    # -- units -------------------------------------------------------------------------------

    def unit(self, layer: str, unit: int) -> Unit:
        """One unit. `StoreError` where the store has no such layer or unit."""
        layer_id = self._layer_id(layer)
        count = self._layer_facts[layer][1]
        if not 0 <= int(unit) < count:
            raise StoreError(f"Layer {quote(layer)} has no unit {unit}; its units are 0 to {count - 1}.")
        return Unit._read(self, layer, layer_id, int(unit))

    @cached_property
    def _layer_facts(self) -> dict[str, tuple[int, int]]:
        """Name -> id and units of each layer, in order."""
        rows = self._all("SELECT name, layer_id, units FROM layers ORDER BY layer_id")
        return {name: (layer_id, units) for name, layer_id, units in rows}

    def _layer_id(self, layer: str) -> int:
        if layer not in self._layer_facts:
            raise StoreError(
                f"The store {quote(self.name)} has no layer {quote(layer)}; it has {', '.join(self._layer_facts)}."
            )
        return self._layer_facts[layer][0]

    @cached_property
    def _matrix_names(self) -> list[str]:
        """The concept matrices, labels before encoders."""
        rows = self._all("SELECT matrix FROM concept_matrices ORDER BY kind = 'encoder', matrix")
        return [row[0] for row in rows]

    # -- images ------------------------------------------------------------------------------

    @cached_property
    def _splits(self) -> list[str]:
        return [row[0] for row in self._all("SELECT split FROM images ORDER BY image_id")]

    @cached_property
    def _image_count(self) -> int:
        return self._all("SELECT count(*) FROM images")[0][0]

    @cached_property
    def _levels(self) -> dict[str, Groups]:
        return {"classes": groups.classes(self), "superclasses": groups.superclasses(self)}

    def images(self, ids: Sequence[int] | None = None) -> pd.DataFrame:
        """Images by id (all without `ids`, else in their order), indexed by image id:
        key, label (class name), class_key, split, width, height, caption, predicted (output name)."""
        frame = self._image_frame
        if ids is None:
            return frame.copy()
        wanted = [int(i) for i in ids]
        if missing := [i for i in wanted if not 0 <= i < len(frame)]:
            raise StoreError(f"The store {quote(self.name)} has no image {min(missing)}.")
        return frame.iloc[wanted]

    @cached_property
    def _image_words(self) -> pd.DataFrame:
        """What is said of an image beside its picture, of every image; one block of objects: a unit's page takes a few
        rows for each range, and from one block that is five times as quick as from columns of their own types."""
        return self._image_frame[["label", "predicted", "key", "split", "caption"]].astype(object)

    @cached_property
    def _image_frame(self) -> pd.DataFrame:
        """`images()`, read once: a page asks for some images several times, and each question would read the table."""
        frame = self._frame(
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

    def output_names(self, ids: Iterable) -> list[str | None]:
        """Names of the model's outputs by id, `output 7` where they have none; None for missing ids."""
        names = self.meta.get("outputs")
        return [None if pd.isna(i) else names[int(i)] if names else f"output {int(i)}" for i in ids]

    def thumbnails(self, ids: Sequence[int], hidden: bool = False) -> dict[int, bytes]:
        """JPEG thumbnails by image id; a grey square for images that are hidden, unless `hidden` is wanted, and one with
        a note for pictures that can't be read (`unreadable` says why, by image id)."""
        return self._blobs("thumbnail", ids, hidden)

    def crops(self, ids: Sequence[int]) -> dict[int, bytes]:
        """JPEGs of what the network saw, by image id; the thumbnail where no crop is kept, a grey square for
        images that are hidden."""
        return self._blobs("coalesce(crop, thumbnail)", ids)

    def image_digests(self) -> list[bytes | None]:
        """SHA-256 of each image's file, or of its pixels where it has none, in the order of their ids; None where
        the build kept none (`probe.digest.image_digest`)."""
        return [
            None if digest is None else bytes(digest)
            for (digest,) in self._all("SELECT digest FROM images ORDER BY image_id")
        ]

    def _blobs(self, column: str, ids: Sequence[int], hidden: bool = False) -> dict[int, bytes]:
        return pictured.blobs(self, column, ids, hidden)

    def picture(self, image: int, whole: bool = False) -> Image.Image:
        """What the network saw of an image, where that is kept, else its thumbnail (with `whole` always that), as RGB.

        `StoreError` where the store has no such image, or its picture can't be opened; a grey square for a hidden one.
        """
        return pictured.picture(self, image, whole)

    def nearest(self, descriptor: bytes, count: int = 12) -> pd.DataFrame:
        """The images whose colours lie most alike to those of a descriptor (`store.describe(image)`): image,
        distance (root mean square difference, in levels of a colour channel, 0 to 255)."""
        return neighbours.nearest(self, descriptor, count)

    @cached_property
    def _descriptors(self) -> np.ndarray:
        return neighbours.read_descriptors(self)

    def ranks(self, layer: str, values: np.ndarray) -> pd.DataFrame:
        """Where activations of one image, (K,), stand among those of the probing set: unit, below (share
        of images with a smaller activation, ties count half), maximum (of the probing set)."""
        return neighbours.ranks(self, layer, values)

    def layer_neighbours(self, layer: str, values: np.ndarray, count: int = 12) -> pd.DataFrame:
        """The images that a layer sees as most alike to one with the activations `values`, (K,): image,
        similarity (cosine of the activations of its living units, each standardised over the probing
        set), the most alike first. Empty where nothing can be compared."""
        return neighbours.layer_neighbours(self, layer, values, count)

    def skipped(self) -> pd.DataFrame:
        """Images that the build left out: key, reason."""
        return self._frame("SELECT key, reason FROM skipped_images ORDER BY key")

    def info(self) -> dict[str, Any]:
        """What the store holds, as plain JSON-ready values (docs/reference.md describes them)."""
        from .info import describe

        return describe(self)


def _repeated(names: list[str]) -> set[str]:
    seen: set[str] = set()
    return {name for name in names if name in seen or seen.add(name)}
