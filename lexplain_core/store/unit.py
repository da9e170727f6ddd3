"""One unit of a store: its activations, buckets, examples, explanations and effects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from ..base.errors import quote
from . import effects, explained, relations
from .buckets import MATCH, N_BUCKETS, Buckets, buckets_of, chosen_images, composition, example_images
from .catalog import Catalog
from .concept_values import ConceptValues
from .groups import composition_of, levels_of
from .guard import guarded
from .meta import read_cell
from .model import Explanation, Impact, Score, UnitMap
from .version import StoreError

_DRAW_BETWEEN = 0x1F  # a stream of random numbers of their own


@guarded
@dataclass(frozen=True, eq=False)
class Unit:
    """A scalar function of a layer's output, over the N images of the probing set.

    Attributes:
        layer: Name of its layer.
        index: Its number in the layer, from 0.
        units: How many units the layer has.
        name: The unit's name where its kind gives one, else None.
        status: `alive`; `dead` (largest activation below the build's threshold); `constant`; `negative` (no
            activation above 0, so no buckets).
        reason: The status in words where the unit isn't alive.
        minimum: Smallest activation over the probing set.
        maximum: Largest activation over the probing set.
        mean: Mean activation over the probing set.
        std: Standard deviation of the activation over the probing set.
        pooling: How the unit's map became one number: `mean`, `max`, `cls`, `none`.
        kind: Kind of the layer's units: `map`, `map-last`, `tokens`, `features` for channels and neurons, `computed`, or
            one that a plugin brought along.
        source: `network`, or `computed` for units that come from no network.
        truth: What a planted unit was made of, {terms: [[weight, concept]], bias, noise}, else None.
        note: Why interventions don't apply to the layer, else None.
        intervention: How the layer's units are replaced: `closed` (matrix products), `prefix` (the rest of the network is run
            again), `whole` (all of it); None where they are not.
        effect_reason: Why there is no impact and no ablation score.
        output_effects_reason: Why there are no output effects.
        map_reason: Why there are no activation maps.
    """

    store: Catalog
    layer: str
    layer_id: int
    index: int
    units: int
    name: str | None
    status: str
    reason: str | None
    minimum: float
    maximum: float
    mean: float
    std: float
    pooling: str
    kind: str
    source: str
    truth: dict | None
    note: str | None
    intervention: str | None = None
    effect_reason: str | None = None
    output_effects_reason: str | None = None
    map_reason: str | None = None

    @property
    def unit(self) -> int:
        """The unit's number in its layer."""
        return self.index

    @property
    def in_network(self) -> bool:
        """Whether the network computes it, and so can be asked about it."""
        return self.source == "network"

    @property
    def _key(self) -> tuple[int, int]:
        return self.layer_id, self.index

    @classmethod
    def read(cls, store: Catalog, layer: str, layer_id: int, unit: int) -> Unit:
        """Read a unit; `Store.unit` checks that it is there."""
        facts = store.records(
            """
            SELECT l.units, u.name, u.status, u.reason, u.minimum, u.maximum, u.mean, u.std,
                   l.pooling, l.kind, l.source, u.truth, l.note, l.intervention, l.effect_reason, l.output_effects_reason, l.map_reason
            FROM units u JOIN layers l USING (layer_id) WHERE u.layer_id = ? AND u.unit = ?
            """,
            [layer_id, unit],
        )[0]
        if facts["truth"] is not None:
            facts["truth"] = read_cell("units.truth", facts["truth"])
        return cls(store, layer, layer_id, unit, **facts)

    def __repr__(self) -> str:
        return f"Unit({self.layer!r}, {self.index}, {self.status})"

    @cached_property
    def activations(self) -> np.ndarray:
        """q: float32 (N,), by image id."""
        values = self.store.arrays(
            "SELECT value FROM activations WHERE layer_id = ? AND unit = ? ORDER BY image_id",
            [self.layer_id, self.index],
        )["value"]
        return np.asarray(values, dtype=np.float32)

    @cached_property
    def split(self) -> np.ndarray:
        """'train', 'val' or 'test' of each image, (N,)."""
        return np.asarray(self.store.splits, dtype=object)

    @cached_property
    def buckets(self) -> Buckets | None:
        """The unit's 8 buckets; None where no activation is above 0."""
        return Buckets.of(self.activations)

    # -- in words ----------------------------------------------------------------------------

    @cached_property
    def explanations(self) -> list[Explanation]:
        """Every method's explanation of the unit, with its scores.

        Scores stand in the order of their measures, and the main simulator's before those of others.
        """
        return explained.explanations(self.store, self._key, self._scores)

    @cached_property
    def _scores(self) -> dict[int | None, list[Score]]:
        return explained.scores(self.store, self._key)

    @property
    def scores(self) -> tuple[Score, ...]:
        """Scores of the unit itself, in the order of their measures; each measure's headline first."""
        return tuple(self._scores.get(None, ()))

    def score(self, measure: str, by: str | None = None) -> Score | None:
        """A score of the unit itself.

        Args:
            measure: Name of a measure of units.
            by: Who scored, the headline's without.

        Returns:
            The score, or None where there is no such score.
        """
        return next((s for s in self.scores if s.measure == measure and by in (None, s.by)), None)

    def explanation(self, method: str | None = None) -> Explanation:
        """The unit in words, by one method.

        Args:
            method: The method, the store's default without.

        Raises:
            StoreError: The unit has no explanation by this method, not even a reason why there is none.
        """
        method = method or self.store.default_method
        for explanation in self.explanations:
            if explanation.method == method:
                return explanation
        known = ", ".join(e.method for e in self.explanations) or "none"
        raise StoreError(
            f"Unit {self.index} of {quote(self.layer)} has no {quote(method)} explanation; it has {known}."
        )

    def matrices(self, explanation: Explanation) -> list[str]:
        """The concept matrices that have P of every concept of an explanation, its own first.

        Args:
            explanation: One of the unit's explanations.

        Returns:
            Names of matrices.
        """
        ids = {term.concept_id for term in explanation.terms}
        names = sorted(self.store.matrix_names, key=lambda name: name != explanation.matrix)
        return [name for name in names if self.store.kept(ConceptValues).knows(name, ids)]

    def values(self, explanation: Explanation, matrix: str | None = None) -> np.ndarray:
        """P of an explanation's concepts on every image.

        Args:
            explanation: One with T terms.
            matrix: The concept matrix, the one that the explanation was found on without.

        Returns:
            float32 (T, N), in the order of the terms; as `Store.concept_values`. Read-only.
        """
        matrix = matrix or explanation.matrix
        ids = [term.concept_id for term in explanation.terms]
        if (known := self._values.get((matrix, *ids))) is not None:
            return known
        dense = self.store.kept(ConceptValues).of(matrix, ids)
        dense.setflags(write=False)  # it is handed out again
        self._values[matrix, *ids] = dense
        return dense

    @cached_property
    def _values(self) -> dict[tuple, np.ndarray]:
        return {}

    def simulated(self, explanation: Explanation, matrix: str | None = None) -> np.ndarray:
        """The activation that an explanation predicts, Σ wᵢ·P(cᵢ|x) + bias (Oikarinen & Weng 2024, eq. 8).

        Args:
            explanation: One of the unit's explanations.
            matrix: The concept matrix that P comes from, the one that the explanation was found on without.

        Returns:
            float64 (N,), by image id.

        Raises:
            StoreError: The method found no explanation, or the matrix lacks one of its concepts.
        """
        if explanation.reason is not None:
            raise StoreError(f"There is nothing to simulate: {explanation.reason}")
        weights = np.array([term.weight for term in explanation.terms])
        return weights @ self.values(explanation, matrix).astype(np.float64) + explanation.bias

    def composition(
        self, explanation: Explanation | None, matrix: str | None = None, level: str = "concepts"
    ) -> pd.DataFrame:
        """What each bucket holds; every image counts once.

        Args:
            explanation: Whose concepts are counted; None for the levels that need none.
            matrix: The concept matrix that sees them, the explanation's own without.
            level: `concepts`, those of the explanation; `classes` or `superclasses`, the 9 with the largest mean share of
                buckets 5–8. Of several superclasses an image counts for the one with the fewest images.

        Returns:
            One row per bucket and concept, with `bucket`, `concept` (id of the concept, class or superclass), `name`,
            `count`, `share`. "other", with -1 for a concept, comes last.

        Raises:
            StoreError: The unit has no buckets, there is no such level, or the explanation is missing.
        """
        if self.buckets is None:
            why = self.reason or "none of its activations is above 0."
            raise StoreError(f"Unit {self.index} of {quote(self.layer)} has no buckets: {why}")
        if level != "concepts":
            if level not in (levels := self.store.kept(levels_of)):
                raise StoreError(
                    f"There is no level {quote(level)}; there are concepts, {', '.join(levels)}."
                )
            return composition_of(levels[level], self.buckets, self.activations)
        if explanation is None:
            raise StoreError("The level of concepts needs an explanation.")
        terms = explanation.terms
        return composition(
            self.buckets,
            self.activations,
            self.values(explanation, matrix) >= MATCH,
            [t.weight for t in terms],
            [t.concept_id for t in terms],
            [t.name for t in terms],
        )

    def residuals(
        self, explanation: Explanation, matrix: str | None = None, count: int = 8
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """What the words miss: the images with the largest residual, actual − simulated activation.

        Args:
            explanation: One of the unit's explanations.
            matrix: The concept matrix, the explanation's own without.
            count: At most so many images a side.

        Returns:
            Two frames over the whole probing set, residuals above 0 and below it, the largest miss first; columns as in
            `examples`, and `simulated` and `residual`.
        """
        simulated = self.simulated(explanation, matrix)
        residual = self.activations.astype(np.float64) - simulated
        found = []
        for miss in (residual, -residual):
            ids = self._shown(np.argsort(-miss, kind="stable"), count)
            ids = ids[miss[ids] > 0]
            found.append(self._described(ids).assign(simulated=simulated[ids], residual=residual[ids]))
        return found[0], found[1]

    # -- what it does ------------------------------------------------------------------------

    def impact(self, to: str = "zero") -> Impact | None:
        """What the network loses without the unit (Oikarinen & Weng 2024, eq. 1–4).

        Args:
            to: What the unit is set to, `zero` or `mean`.

        Returns:
            The impact, or None where the store doesn't know it; `effect_reason` may say why.
        """
        return effects.impact(self.store, self._key, to)

    def output_effects(self) -> pd.DataFrame:
        """The outputs that the unit pushes hardest up and down, on the images of each bucket.

        Returns:
            By bucket, up before down, the surest first, with the columns below. Empty where the store has none;
            `output_effects_reason` may say why.

            - `bucket`: 0 to 7, -1 below 0
            - `output`, `output_id`: the output's name and number
            - `change`: mean of the output as it is, less that with the unit at its mean, both less their mean over outputs
            - `error`: standard error of the change; 0 where exact, NaN where unknown
            - `certain`: whether the change is more than 4 errors from 0
            - `rank`: 1 is the strongest up, -1 the strongest down
            - `images`: how many were measured
        """
        return effects.output_effects(self.store, self._key)

    def maps(self, image_ids: Sequence[int], kind: str | None = None) -> dict[int, UnitMap]:
        """Where the unit fires in images.

        Args:
            image_ids: Image ids.
            kind: `activation`, `occlusion`, `saliency` or `gradcam`; without, the first of them that is kept of the image.

        Returns:
            A map by image id; images whose map isn't kept are left out.
        """
        return effects.maps(self.store, self._key, image_ids, kind)

    # -- what it is like ---------------------------------------------------------------------

    def similar(self, method: str | None = None) -> pd.DataFrame:
        """The units of the layer that are most alike, by Pearson's correlation of their activations over all images.

        Args:
            method: Whose explanations stand beside them, the default method's without.

        Returns:
            `rank` (1 to 10 the most alike, above 0; -1 to -3 the most opposed, below 0), `unit`, `correlation`,
            `explanation` (a line), `score` (its test correlation). Empty for a unit that isn't alive.
        """
        return relations.similar(self.store, self._key, method)

    def alike(self, method: str | None = None, count: int = 10) -> pd.DataFrame:
        """The units of the layer whose explanations are most alike, by the cosine of their weights over concepts.

        Args:
            method: Whose explanations, the default method's without.
            count: At most so many units.

        Returns:
            `unit`, `cosine` (above 0), `explanation` (a line), `score` (its test correlation), the most alike first.
        """
        return relations.alike(self.store, self._key, method, count)

    def class_means(self) -> pd.DataFrame:
        """The unit's mean activation on each class, over all images of the probing set.

        Returns:
            `class_id`, `label`, `n` (images), `mean`, `std` (of the images as a sample, n − 1; NaN for a single one), the
            largest mean first.
        """
        return relations.class_means(self.store, self._key)

    def superclass_means(self) -> pd.DataFrame:
        """The unit's mean activation on each superclass; an image counts for every superclass of its class.

        Returns:
            `superclass_id`, `superclass`, `n`, `mean`, `std`, as `class_means`.
        """
        return relations.superclass_means(self.store, self._key)

    # -- examples ----------------------------------------------------------------------------

    def examples(self, bucket: int, count: int = 8, seed: int = 0, top: bool = False) -> pd.DataFrame:
        """Images of one bucket, strongest first.

        Args:
            bucket: 0 to 7, or -1 for the activations below 0.
            count: At most so many images.
            seed: Which draw without replacement.
            top: The strongest images in place of a draw.

        Returns:
            `image`, `activation`, `label`, `predicted`, `key`, `split`, `caption`.

        Raises:
            StoreError: There is no such bucket.
        """
        if not -1 <= bucket < N_BUCKETS:
            raise StoreError(
                f"There is no bucket {bucket}; buckets are 0 to {N_BUCKETS - 1}, and -1 below 0."
            )
        return self._described(
            example_images(
                self.activations, self.layer_id, self.index, bucket, count, seed, top, self.store.hidden,
                where=self._bucket_of,
            )
        )  # fmt: skip

    @cached_property
    def _bucket_of(self) -> np.ndarray:
        return self.buckets.assign(self.activations) if self.buckets else buckets_of(self.activations)

    def between(
        self, low: float, high: float, count: int = 8, draw: int = 0, top: bool = False
    ) -> tuple[pd.DataFrame, int]:
        """Images whose activation lies in a range, strongest first.

        Args:
            low: The lower end, counted in.
            high: The upper end, counted in.
            count: At most so many images.
            draw: Which draw without replacement.
            top: The strongest images in place of a draw.

        Returns:
            The images, columns as in `examples`, and how many the range holds. Hidden images count, but are not among them.
        """
        inside = np.flatnonzero((self.activations >= low) & (self.activations <= high))
        stream = [_DRAW_BETWEEN, draw, self.layer_id, self.index]
        ids = chosen_images(self.activations, inside, count, stream, top, self.store.hidden)
        return self._described(ids), len(inside)

    def top(self, count: int = 9) -> pd.DataFrame:
        """The `count` images with the largest activations, strongest first; columns as in `examples`."""
        return self._described(self._shown(np.argsort(-self.activations, kind="stable"), count))

    def bottom(self, count: int = 9) -> pd.DataFrame:
        """The `count` images with the smallest activations, weakest first; columns as in `examples`."""
        return self._described(self._shown(np.argsort(self.activations, kind="stable"), count))

    def _shown(self, ids: np.ndarray, count: int) -> np.ndarray:
        """The first `count` that aren't hidden."""
        hidden = self.store.hidden
        few = ids[: count + len(hidden)]
        return few[~np.isin(few, list(hidden))][:count] if hidden else few

    def _described(self, ids: np.ndarray) -> pd.DataFrame:
        frame = self.store.image_words.take(ids)
        frame.insert(0, "activation", self.activations[ids].astype(float))
        frame.insert(0, "image", ids)
        frame.index = pd.RangeIndex(len(ids))
        return frame
