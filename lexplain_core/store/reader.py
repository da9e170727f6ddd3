"""The one reader of stores, for pages and notebooks alike. Read-only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from ..base.errors import UserError, quote
from . import effects, neighbours, overlay, pictured, tables
from . import export as exporting
from .catalog import Catalog
from .checking import faults
from .concept_values import ConceptValues
from .guard import blame, guarded
from .made import Made
from .search import sql, starting
from .search.query import Found, Wanted
from .search.starting import Start
from .unit import Unit
from .version import StoreError


@guarded
class Store(Catalog):
    """A store of units, opened with `Store.open(path)`.

    Every method reads only what it returns, and may be called from several threads. Tables come
    as pandas data frames, activations as numpy arrays.
    """

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        try:
            if isinstance(error, Exception) and not isinstance(error, UserError):
                blame(self, error)
        finally:
            self.close()

    @cached_property
    def fault(self) -> str | None:
        """The first thing that is wrong with what the store holds, as a sentence; None where nothing is.

        `StoreError` where that can't be found out. `python -m lexplain_core check STORE` looks for all of them.
        """
        return next(faults(self), None)

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

    def matrices(self) -> pd.DataFrame:
        """One row per concept matrix: matrix (name), kind (label, encoder), roles (explainer,
        simulator), an encoder's a, b and loss (cross-entropy against labels), kept and dropped (concepts by the
        concept filter), filter ({origin: [kept, dropped]} or None), config (a dictionary)."""
        return tables.matrices(self)

    def concepts(self) -> pd.DataFrame:
        """All concepts: concept, name, origin, key."""
        frame = self.frame("SELECT concept_id AS concept, origin, key FROM concepts ORDER BY concept_id")
        frame.insert(1, "name", [self.concept_labels[c][0] for c in frame["concept"]])
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
            self.layer_id(layer)
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
        return self.kept(ConceptValues).of(matrix, concept_ids)

    def sayable(self, matrix: str) -> pd.DataFrame:
        """The concepts that a concept matrix has P of, by name: concept, name, origin, and same (names of those that it
        can't tell from it, which stand under its name; '' without)."""
        return self.kept(ConceptValues).sayable(matrix)

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
        layer_id = self.layer_id(layer)
        count = self.layer_facts[layer][1]
        if not 0 <= int(unit) < count:
            raise StoreError(f"Layer {quote(layer)} has no unit {unit}; its units are 0 to {count - 1}.")
        return Unit.read(self, layer, layer_id, int(unit))

    # -- images ------------------------------------------------------------------------------

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
            for (digest,) in self.rows("SELECT digest FROM images ORDER BY image_id")
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

    def ranks(self, layer: str, values: np.ndarray) -> pd.DataFrame:
        """Where activations of one image, (K,), stand among those of the probing set: unit, below (share
        of images with a smaller activation, ties count half), maximum (of the probing set)."""
        return neighbours.ranks(self, layer, values)

    def layer_neighbours(self, layer: str, values: np.ndarray, count: int = 12) -> pd.DataFrame:
        """The images that a layer sees as most alike to one with the activations `values`, (K,): image,
        similarity (cosine of the activations of its living units, each standardised over the probing
        set), the most alike first. Empty where nothing can be compared."""
        return neighbours.layer_neighbours(self, layer, values, count)

    def info(self) -> dict[str, Any]:
        """What the store holds, as plain JSON-ready values (docs/reference.md describes them)."""
        from .info import describe

        return describe(self)
