"""One unit of a store: its activations, buckets, examples, explanations and effects."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from . import effects
from .buckets import MATCH, N_BUCKETS, Buckets, composition, example_images
from .model import Explanation, Impact, ObserverScore, Score, Term, UnitMap
from .version import StoreError

if TYPE_CHECKING:
    from .reader import Store


@dataclass(frozen=True, eq=False)
class Unit:
    """A scalar function of a layer's output, over the N images of the probing set.

    status: 'alive'; 'dead' (largest activation below the build's threshold); 'constant';
    'negative' (no activation above 0, so no buckets). `reason` says it in words.
    truth: what a computed unit was made of, {terms: [[weight, concept]], bias, noise}, else None.
    note: why interventions don't apply to the layer, else None.
    way: how the layer's units are replaced: 'closed' (matrix products), 'prefix' (the rest of the
    network is run again), 'whole' (all of it); None where they are not. effect_reason: why there is no impact and no ablation score.
    """

    store: Store
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
    way: str | None = None
    effect_reason: str | None = None

    @property
    def unit(self) -> int:
        """The unit's number in its layer."""
        return self.index

    @classmethod
    def _read(cls, store: Store, layer: str, layer_id: int, unit: int) -> Unit:
        row = store._all(
            """
            SELECT l.units, u.name, u.status, u.reason, u.minimum, u.maximum, u.mean, u.std,
                   l.pooling, l.kind, l.source, u.truth, l.note, l.way, l.effect_reason
            FROM units u JOIN layers l USING (layer_id) WHERE u.layer_id = ? AND u.unit = ?
            """,
            [layer_id, unit],
        )[0]
        *facts, truth, note, way, why = row
        made_of = json.loads(truth) if truth else None
        return cls(store, layer, layer_id, unit, *facts, made_of, note, way, why)

    def __repr__(self) -> str:
        return f"Unit({self.layer!r}, {self.index}, {self.status})"

    @cached_property
    def activations(self) -> np.ndarray:
        """q: float32 (N,), by image id."""
        values = self.store._arrays(
            "SELECT value FROM activations WHERE layer_id = ? AND unit = ? ORDER BY image_id",
            [self.layer_id, self.index],
        )["value"]
        return np.asarray(values, dtype=np.float32)

    @cached_property
    def split(self) -> np.ndarray:
        """'train', 'val' or 'test' of each image, (N,)."""
        return np.asarray(self.store._splits, dtype=object)

    @cached_property
    def buckets(self) -> Buckets | None:
        """The unit's 8 buckets; None where no activation is above 0."""
        return Buckets.of(self.activations)

    # -- in words ----------------------------------------------------------------------------

    @cached_property
    def explanations(self) -> list[Explanation]:
        """Every method's explanation of the unit, with its scores: correlations first, the main
        simulator's before others."""
        store = self.store
        rows = store._all(
            """
            SELECT e.explanation_id, e.method, e.matrix, e.bias, e.val_correlation, e.reason, e.violation,
                   c.config, c.simulator, c.source
            FROM explanations e JOIN method_configs c USING (config_hash)
            WHERE e.layer_id = ? AND e.unit = ? ORDER BY e.method, e.explanation_id
            """,
            [self.layer_id, self.index],
        )
        found = []
        for identity, method, matrix, bias, correlation, reason, violation, config, simulator, source in rows:
            terms = store._all(
                "SELECT weight, concept_id FROM terms WHERE explanation_id = ? ORDER BY rank", [identity]
            )
            scores = store._all(
                "SELECT simulator, kind, split, n, value, low, high, reason, null_units, null_mean, null_high, "
                "null_above, null_reason, c, d, coalesce(sampled, false) FROM scores WHERE explanation_id = ? "
                "ORDER BY kind <> 'correlation', kind, simulator <> ?, simulator",
                [identity, simulator],
            )
            labels = store._concept_labels
            found.append(
                Explanation(
                    id=identity,
                    method=method,
                    matrix=matrix,
                    terms=tuple(Term(weight, concept, *labels[concept]) for weight, concept in terms),
                    bias=bias,
                    val_correlation=correlation,
                    reason=reason,
                    config=json.loads(config),
                    scores=tuple(Score(*score) for score in scores),
                    simulator=simulator,
                    violation=violation,
                    source=source,
                )
            )
        return found

    def explanation(self, method: str | None = None) -> Explanation:
        """The explanation by a method (the store's default without one)."""
        method = method or self.store.default_method
        for explanation in self.explanations:
            if explanation.method == method:
                return explanation
        known = ", ".join(e.method for e in self.explanations) or "none"
        raise StoreError(
            f"Unit {self.index} of {self.layer!r} has no {method!r} explanation; it has {known}."
        )

    def matrices(self, explanation: Explanation) -> list[str]:
        """The concept matrices that hold every concept of an explanation, its own first."""
        ids = sorted({term.concept_id for term in explanation.terms})
        rows = self.store._all(
            """
            SELECT m.matrix FROM concept_matrices m
            WHERE (SELECT count(DISTINCT v.concept_id) FROM concept_values v
                   WHERE v.matrix = m.matrix AND v.concept_id IN (SELECT unnest(?::INT[]))) = ?
            ORDER BY m.matrix <> ?, m.kind = 'encoder', m.matrix
            """,
            [ids, len(ids), explanation.matrix],
        )
        return [row[0] for row in rows]

    def values(self, explanation: Explanation, matrix: str | None = None) -> np.ndarray:
        """P of the explanation's concepts on every image by a concept matrix, the one that it was
        found on without: float32 (T, N), in the order of its terms. `StoreError` where the store
        has no values of one of them."""
        matrix = matrix or explanation.matrix
        ids = [term.concept_id for term in explanation.terms]
        if (known := self._values.get((matrix, *ids))) is not None:
            return known
        dense = np.zeros((len(ids), len(self.activations)), dtype=np.float32)
        found = self.store._arrays(
            "SELECT concept_id, image_id, value FROM concept_values "
            "WHERE matrix = ? AND concept_id IN (SELECT unnest(?::INT[]))",
            [matrix, ids],
        )
        position = {concept: row for row, concept in enumerate(ids)}
        rows = np.array([position[int(c)] for c in found["concept_id"]], dtype=np.int64)
        if missing := set(range(len(ids))).difference(np.unique(rows).tolist()):
            name = explanation.terms[min(missing)].name
            raise StoreError(f"The concept matrix {matrix!r} of this store has no values of {name!r}.")
        dense[rows, found["image_id"]] = found["value"]
        dense.setflags(write=False)  # it is handed out again
        self._values[matrix, *ids] = dense
        return dense

    @cached_property
    def _values(self) -> dict[tuple, np.ndarray]:
        return {}

    def simulated(self, explanation: Explanation, matrix: str | None = None) -> np.ndarray:
        """The activation that an explanation predicts, float64 (N,): Σ wᵢ·P(cᵢ|x) + bias (eq. 8),
        with P by a concept matrix, the one that it was found on without."""
        if explanation.reason is not None:
            raise StoreError(f"There is nothing to simulate: {explanation.reason}")
        weights = np.array([term.weight for term in explanation.terms])
        return weights @ self.values(explanation, matrix).astype(np.float64) + explanation.bias

    def composition(self, explanation: Explanation, matrix: str | None = None) -> pd.DataFrame:
        """What each bucket holds in the explanation's concepts, as a concept matrix (its own
        without) sees them: columns bucket, concept, name, count, share; every image counts once,
        "other" (concept -1) comes last."""
        if self.buckets is None:
            raise StoreError(f"Unit {self.index} of {self.layer!r} has no buckets: {self.reason}")
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
        """What the words miss: the images with the largest residual, actual − simulated activation,
        above 0 (more than the words say), and those with the smallest below 0 (less than they say).

        Two frames of at most `count` images from the whole probing set, the largest miss first;
        columns as `examples`, then simulated and residual.
        """
        simulated = self.simulated(explanation, matrix)
        residual = self.activations.astype(np.float64) - simulated
        found = []
        for miss in (residual, -residual):
            ids = np.argsort(-miss, kind="stable")[:count]
            ids = ids[miss[ids] > 0]
            found.append(self._described(ids).assign(simulated=simulated[ids], residual=residual[ids]))
        return found[0], found[1]

    # -- what it does ------------------------------------------------------------------------

    def impact(self, to: str = "zero") -> Impact | None:
        """What the network loses when the unit is set to 'zero' or its 'mean'; None where the store
        doesn't know, and `effect_reason` may say why."""
        return effects.impact(self, to)

    def pushes(self) -> pd.DataFrame:
        """The outputs that the unit pushes hardest up and down, on the images of each bucket.

        Columns bucket (-1 below 0), output (its name), output_id, change (mean of the output as it is
        less that with the unit at its mean, both less their mean over outputs), rank (1 is the
        strongest up, -1 the strongest down) and images (measured); by bucket, up before down, the
        strongest first. Empty where the store has none.
        """
        return effects.pushes(self)

    def maps(self, image_ids: Sequence[int], kind: str | None = None) -> dict[int, UnitMap]:
        """Where the unit fires in images, by image id; images whose map isn't kept are left out.

        kind: one of 'activation', 'occlusion', 'saliency', 'gradcam'; without, the first of them that
        is kept of the image.
        """
        return effects.maps(self, image_ids, kind)

    @cached_property
    def observer(self) -> list[ObserverScore]:
        """What machine observers scored on 2AFC trials about the unit, the main one first; empty where
        the build had none."""
        rows = self.store._all(
            "SELECT embedding, trials, value, soft, reason FROM observer_scores "
            "WHERE layer_id = ? AND unit = ? ORDER BY place",
            [self.layer_id, self.index],
        )
        return [ObserverScore(*row) for row in rows]

    # -- examples ----------------------------------------------------------------------------

    def examples(self, bucket: int, count: int = 8, seed: int = 0, top: bool = False) -> pd.DataFrame:
        """Images of a bucket (0–7, or -1 for the band below 0), strongest first.

        A draw without replacement by `seed`, or the strongest ones with `top`. Columns image,
        activation, label, predicted, key, split, caption.
        """
        if not -1 <= bucket < N_BUCKETS:
            raise StoreError(
                f"There is no bucket {bucket}; buckets are 0 to {N_BUCKETS - 1}, and -1 below 0."
            )
        return self._described(
            example_images(self.activations, self.layer_id, self.index, bucket, count, seed, top)
        )

    def top(self, count: int = 9) -> pd.DataFrame:
        """The images with the largest activations, strongest first; columns as `examples`."""
        return self._described(np.argsort(-self.activations, kind="stable")[:count])

    def bottom(self, count: int = 9) -> pd.DataFrame:
        """The images with the smallest activations, weakest first; columns as `examples`."""
        return self._described(np.argsort(self.activations, kind="stable")[:count])

    def _described(self, ids: np.ndarray) -> pd.DataFrame:
        frame = self.store.images(ids)
        frame.insert(0, "activation", self.activations[ids].astype(float))
        return frame.reset_index()[["image", "activation", "label", "predicted", "key", "split", "caption"]]
