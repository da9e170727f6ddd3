"""The one reader of stores, for pages and notebooks alike. Read-only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from types import TracebackType
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from ..base.errors import UserError, quote
from . import effects, neighbours, pictured, tables
from . import export as exporting
from .catalog import Catalog
from .checking import faults
from .concept_values import ConceptValues
from .database import shared_property
from .guard import blame, guarded
from .model import UserExplanation
from .overlay import image_ids, lay_over
from .search import query as queries
from .search import sql, starting
from .search.query import Column, SearchResult, UnitQuery
from .search.starting import Start
from .unit import Unit
from .version import StoreError


@guarded
class Store(Catalog):
    """A store of units, opened with `Store.open(path)`.

    A store is read-only, and several threads may use it. Each method reads only what it returns. Tables are pandas
    data frames, activations numpy arrays; N is the number of images of the probing set, K the number of units of a
    layer. Where the file is damaged, any method raises `StoreError` with one sentence.

    Attributes:
        hidden: Ids of images that no method shows.
        user_methods: Names of the methods that are people's own.
        overlay: People's explanations as the store shows them, and a sentence for each that it can't hold.
    """

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if isinstance(error, Exception) and not isinstance(error, UserError):
                blame(self, error)
        finally:
            self.close()

    @shared_property
    def fault(self) -> str | None:
        """The first thing that is wrong with what the store holds, as a sentence; None where nothing is.

        `StoreError` where that can't be found out. `python -m lexplain_core check STORE` looks for all of them.
        """
        return next(faults(self), None)

    # -- what people add ---------------------------------------------------------------------

    def with_notes(
        self, explanations: Iterable[UserExplanation] = (), hidden_keys: Iterable[str] = ()
    ) -> Store:
        """A store over the same file that shows people's own explanations as methods of their names, and hides images.

        It has these notes alone; neither this store nor the file changes. Counts and charts keep hidden images. An
        explanation of another build (`UserExplanation.store`) comes without scores. Closing one of the stores closes all.

        Args:
            explanations: Explanations out of the notes.
            hidden_keys: Keys of images to leave out wherever images are shown.

        Returns:
            A store whose `hidden` (image ids) and `user_methods` (names) say what it hides and adds. `overlay.problems` has a
            sentence for each explanation that the file can't hold, since its layer, unit, concepts or matrix are missing,
            or its name is a method's of the build.
        """
        explanations = tuple(explanations)
        known = self.overlay.explanations == explanations
        found = copy(self.bare)
        found._bare = self.bare
        found.hidden = image_ids(self.bare, hidden_keys)
        found.overlay = self.overlay if known else lay_over(self.bare, explanations)
        found.use = found.overlay.use
        return found

    # -- what is in it -----------------------------------------------------------------------

    def layers(self, method: str | None = None) -> pd.DataFrame:
        """The layers, with what their units come to.

        Args:
            method: Whose scores the means are of, the default method without.

        Returns:
            One row per layer, with the columns

            - `layer`, `source`, `kind`, `pooling`, `shape`, `units`, `note`
            - `alive`, `dead`, `constant`, `negative`: how many units are
            - `intervention`: how units are replaced (`closed`, `prefix`, `whole`, None)
            - `effect_reason`, `output_effects_reason`, `map_reason`: why there are no impacts and ablation scores, no output
              effects, no activation maps
            - for each measure of the store: `mean_MEASURE`, the mean of its headlines; `units_MEASURE`, over how many
              units; `mean_MEASURE_chance`, the mean of what chance gives
        """
        return tables.layers(self, method or self.default_method)

    def matrices(self) -> pd.DataFrame:
        """The concept matrices: labels and encoders.

        Returns:
            One row per matrix, with the columns

            - `matrix`: its name; `kind`: `label` or `encoder`; `roles`: `explainer`, `simulator`
            - `a`, `b`, `loss`: an encoder's calibration, and its cross-entropy against labels
            - `kept`, `dropped`: concepts by the concept filter; `filter`: `{origin: [kept, dropped]}` or None
            - `config`: a dictionary
        """
        return tables.matrices(self)

    def concepts(self) -> pd.DataFrame:
        """All concepts.

        Returns:
            One row per concept, with `concept` (its id), `name`, `origin`, `key`.
        """
        frame = self.frame("SELECT concept_id AS concept, origin, key FROM concepts ORDER BY concept_id")
        frame.insert(1, "name", [self.concept_labels[c][0] for c in frame["concept"]])
        return frame

    def unit_table(self, layer: str | None = None, method: str | None = None) -> pd.DataFrame:
        """The units, with their explanations by one method and their scores.

        Args:
            layer: Only units of this layer.
            method: Whose explanations, the default method's without.

        Returns:
            One row per unit, with the columns

            - `layer`, `unit`, `name`, `status`, `maximum`, `minimum`, `mean`
            - `reason`: why the unit is not alive, or has no explanation
            - `explanation` (a line), `terms` (names, strongest first), `length`
            - for each measure of the store (`measures`), its headline: `MEASURE`, the value, NaN where there is none;
              `MEASURE_low`, `MEASURE_high`, its 95 % interval; `MEASURE_n`; `MEASURE_chance`, what chance gives for this
              one; `MEASURE_by`, who scored; `MEASURE_sampled`; `MEASURE_reason`, why there is no value

        Raises:
            StoreError: The store has no such layer.
        """
        if layer is not None:
            self.layer_id(layer)
        return tables.unit_table(self, layer, method or self.default_method)

    # -- finding units -----------------------------------------------------------------------

    @shared_property
    def columns(self) -> dict[str, Column]:
        """What units can be sorted by, and asked for ranges of: facts of units, and the store's measures."""
        return queries.columns(self.measures)

    def read_query(self, texts: Mapping[str, str]) -> tuple[UnitQuery, list[str]]:
        """The query that the fields of an Overview address ask for.

        Args:
            texts: The fields by name, such as `{"q": "dog", "where": "correlation:0.5..,length:..4", "sort": "-impact"}`.

        Returns:
            The query, and a sentence for each field that can't be used.
        """
        return UnitQuery.read(texts, self.columns)

    def sentence(self, query: UnitQuery, found: SearchResult | None = None) -> str:
        """The filters and the order of a query as one plain sentence; with counts where units were `found`."""
        return queries.sentence(query, self.columns, found)

    def find(
        self, wanted: UnitQuery, limit: int | None = 100, offset: int = 0, human: pd.DataFrame | None = None
    ) -> SearchResult:
        """The units that a query asks for, in its order.

        Args:
            wanted: The query; `read_query` makes one of the fields of an Overview address.
            limit: At most so many units, all without.
            offset: So many units are passed over.
            human: What people scored, one row per unit that they were asked about, with `layer`, `unit` and `human`;
                nobody was without.

        Raises:
            StoreError: The store has no such layer or method.
        """
        return sql.find(self, wanted, limit, offset, human)

    def surprise(self, wanted: UnitQuery, human: pd.DataFrame | None = None) -> tuple[str, int] | None:
        """Any living unit among those that a query asks for.

        Args:
            wanted: The query.
            human: As in `find`.

        Returns:
            (layer, unit), or None where there is none.
        """
        return sql.any_alive(self, wanted, human)

    def spans(
        self, method: str | None = None, human: pd.DataFrame | None = None
    ) -> dict[str, tuple[float, float]]:
        """The smallest and the largest value, over all units, of each number that units are sorted by.

        Args:
            method: Whose scores, the default method's without.
            human: As in `find`.

        Returns:
            (smallest, largest) by name, without the numbers that no unit has.
        """
        return sql.spans(self, method or self.default_method, human)

    def score_column(self, method: str | None = None) -> pd.DataFrame:
        """The test correlations of all units, quickly, for charts.

        Args:
            method: Whose scores, the default method's without.

        Returns:
            One row per unit, with `layer` and `score`, the test correlation.
        """
        return sql.score_column(self, method or self.default_method)

    def starting_points(self, human: pd.DataFrame | None = None, method: str | None = None) -> list[Start]:
        """Units that stand out, each with the query that finds others like them.

        Args:
            human: As in `find`.
            method: Whose explanations, the default method's without.
        """
        return starting.starting_points(self, method or "", human)

    def export(
        self, wanted: UnitQuery, human: pd.DataFrame | None = None, methods: list[str] | None = None
    ) -> pd.DataFrame:
        """Explanations and scores of the units that a query asks for, in its order.

        Args:
            wanted: The query.
            human: As in `find`.
            methods: Only these methods, without the units that only others explain.

        Returns:
            One row per unit and method, and one for a unit without any explanation. `export_columns` describes the
            columns; `as_bytes` makes a file of the frame.

        Raises:
            StoreError: The store has no such method or layer.
        """
        return exporting.export(self, wanted, human, methods)

    def concept_values(self, matrix: str, concept_ids: Sequence[int]) -> np.ndarray:
        """P of concepts on every image, by a concept matrix.

        Concepts that explanations use are stored. Others are computed from the encoder's embeddings, sigmoid(a·(cos + b)),
        within 0.001 (0.003 for vectors of 64 numbers) of what the encoder itself would give.

        Args:
            matrix: Name of the concept matrix.
            concept_ids: T concepts.

        Returns:
            float32 (T, N), each between 0 and 1.

        Raises:
            StoreError: The matrix has neither.
        """
        return self.kept(ConceptValues).of(matrix, concept_ids)

    def sayable(self, matrix: str) -> pd.DataFrame:
        """The concepts that a concept matrix has P of.

        Args:
            matrix: Name of the concept matrix.

        Returns:
            One row per concept, by name, with `concept`, `name`, `origin` and `same` (names of concepts that the matrix
            can't tell from it, which stand under its name; '' without).
        """
        return self.kept(ConceptValues).sayable(matrix)

    # -- what units do -----------------------------------------------------------------------

    def impact_values(self) -> list[str]:
        """What units were set to: of `zero` and `mean` those that the store has impacts of."""
        return effects.impact_values(self)

    def impacts(self, to: str = "zero", layer: str | None = None) -> pd.DataFrame:
        """The impacts of all units (Oikarinen & Weng 2024, eq. 1–3).

        Args:
            to: What units are set to, `zero` or `mean`.
            layer: Only units of this layer.

        Returns:
            One row per unit whose impact is known, with `layer`, `unit`, `name`, `status` and the fields of `Impact`
            (`total`, `total_error`, `accuracy`, `accuracy_error`, `loss`, `loss_error`, `half`, `images`, `sampled`,
            `reason`, `rough`).
        """
        return effects.impacts(self, to, layer)

    def top_impacts(self, to: str = "zero", layer: str | None = None) -> pd.DataFrame:
        """Top Impacts (Oikarinen & Weng 2024, eq. 4).

        Args:
            to: What units are set to, `zero` or `mean`.
            layer: Only units of this layer.

        Returns:
            One row per unit and beta, with `layer`, `unit`, `beta`, `value`, `error` (standard error).
        """
        return effects.top_impacts(self, to, layer)

    def table1(self, to: str = "zero") -> pd.DataFrame:
        """Top Impacts by layer (Oikarinen & Weng 2024, Table 1).

        Args:
            to: What units are set to, `zero` or `mean`.

        Returns:
            One row per layer and beta, with the columns

            - `layer`, `beta`, `mean`, `std`: over the units that have a Top Impact
            - `units`, `of`: how many have one, of how many in the layer; `dead`, `constant`, `unknown`, `idle` (no
              impact): how many of the others
            - `sampled`: whether any is an estimate; `rough`: how many are estimates whose half lies on few images
            - `error`: the standard error of the mean that comes from sampling, as of independent estimates
        """
        return effects.table1(self, to)

    def score_pairs(self, measure: str = "ablation") -> pd.DataFrame:
        """Explanations that have both a correlation and another score, by their method's main simulator.

        Args:
            measure: The other score's measure.

        Returns:
            One row per explanation, with `layer`, `unit`, `name`, `method`, `simulator`, `correlation`, `ablation` (the
            other score), `length`, `explanation` (a line).
        """
        return effects.score_pairs(self, measure)

    # -- units -------------------------------------------------------------------------------

    def unit(self, layer: str, unit: int) -> Unit:
        """One unit.

        Args:
            layer: Name of its layer.
            unit: Its number in the layer, from 0.

        Raises:
            StoreError: The store has no such layer or unit.
        """
        layer_id = self.layer_id(layer)
        count = self.layer_facts[layer][1]
        if not 0 <= int(unit) < count:
            raise StoreError(f"Layer {quote(layer)} has no unit {unit}; its units are 0 to {count - 1}.")
        return Unit.read(self, layer, layer_id, int(unit))

    # -- images ------------------------------------------------------------------------------

    def thumbnails(self, ids: Sequence[int], hidden: bool = False) -> dict[int, bytes]:
        """Small pictures of images.

        An image that is hidden has a grey square. One whose picture can't be read has a square with a note, and
        `unreadable` has the reason by image id.

        Args:
            ids: Image ids.
            hidden: Give the pictures of hidden images, too.

        Returns:
            JPEG bytes by image id.
        """
        return self._blobs("thumbnail", ids, hidden)

    def crops(self, ids: Sequence[int]) -> dict[int, bytes]:
        """What the network saw of images; the thumbnail where no crop is kept, a grey square for hidden images.

        Args:
            ids: Image ids.

        Returns:
            JPEG bytes by image id.
        """
        return self._blobs("coalesce(crop, thumbnail)", ids)

    def image_digests(self) -> list[bytes | None]:
        """SHA-256 of each image when the store was built.

        Returns:
            By image id the digest of the file, or of the pixels where there is no file; None where the build kept none.
        """
        return [
            None if digest is None else bytes(digest)
            for (digest,) in self.rows("SELECT digest FROM images ORDER BY image_id")
        ]

    def _blobs(self, column: str, ids: Sequence[int], hidden: bool = False) -> dict[int, bytes]:
        return pictured.blobs(self, column, ids, hidden)

    def picture(self, image: int, whole: bool = False) -> Image.Image:
        """One image as the network saw it, as RGB; its thumbnail where that is not kept, a grey square for a hidden one.

        Args:
            image: The image's id.
            whole: Always the thumbnail, which shows the whole image.

        Raises:
            StoreError: The store has no such image, or its picture can't be opened.
        """
        return pictured.picture(self, image, whole)

    def nearest(self, descriptor: bytes, count: int = 12) -> pd.DataFrame:
        """The images whose colours are most like those of another image.

        Args:
            descriptor: What `lexplain_core.store.describe(image)` gives.
            count: At most so many images.

        Returns:
            `image` and `distance` (root mean square difference, in levels of a colour channel, 0 to 255), nearest first.
        """
        return neighbours.nearest(self, descriptor, count)

    def ranks(self, layer: str, values: np.ndarray) -> pd.DataFrame:
        """Where one image's activations stand among those of the probing set.

        Args:
            layer: Name of the layer.
            values: The image's pooled activations, (K,).

        Returns:
            One row per unit, with `unit`, `below` (share of images with a smaller activation; ties count half),
            `maximum` (largest activation over the probing set).
        """
        return neighbours.ranks(self, layer, values)

    def layer_neighbours(self, layer: str, values: np.ndarray, count: int = 12) -> pd.DataFrame:
        """The images that a layer sees as most alike to one.

        Args:
            layer: Name of the layer.
            values: The image's pooled activations, (K,).
            count: At most so many images.

        Returns:
            `image` and `similarity` (cosine of the activations of the layer's living units, each standardised over the
            probing set), the most alike first. Empty where nothing can be compared.
        """
        return neighbours.layer_neighbours(self, layer, values, count)

    def info(self) -> dict[str, Any]:
        """What the store holds, as plain JSON-ready values (docs/reference/info-json.md describes them)."""
        from .info import describe

        return describe(self)
