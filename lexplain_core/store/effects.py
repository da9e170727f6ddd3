"""What units do to the network, as the store has it: impacts, output effects, activation maps, ablation scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from .catalog import Catalog
from .model import CERTAIN, FEW, TRIFLE, Impact, UnitMap
from .tables import HEADLINES, in_words, none_for_missing

# Of several kept maps of an image the first of these is shown.
MAP_KINDS = ("activation", "occlusion", "saliency", "gradcam")


# -- of all units ----------------------------------------------------------------------------


def impact_values(store: Catalog) -> list[str]:
    """See `Store.impact_values`."""
    rows = store.rows("SELECT DISTINCT to_value FROM impacts ORDER BY to_value <> 'zero', to_value")
    return [row[0] for row in rows]


def impacts(store: Catalog, to: str, layer: str | None) -> pd.DataFrame:
    """See `Store.impacts`."""
    frame = store.frame(
        """
        SELECT l.name AS layer, i.unit, u.name, u.status, i.total, i.total_error, i.accuracy,
               i.accuracy_error, i.loss, i.loss_error, i.half, i.images, i.sampled, i.reason
        FROM impacts i JOIN layers l USING (layer_id) JOIN units u USING (layer_id, unit)
        WHERE i.to_value = $to AND ($layer IS NULL OR i.layer_id = $layer)
        ORDER BY i.layer_id, i.unit
        """,
        {"to": to, "layer": None if layer is None else store.layer_id(layer)},
    )
    frame["half"] = frame["half"].astype(float)  # NaN where there is none
    few = frame["sampled"] & (frame["half"] <= FEW)
    frame["rough"] = few & (frame["total_error"] > TRIFLE * frame["total"])
    return none_for_missing(frame, "name", "reason")


def top_impacts(store: Catalog, to: str, layer: str | None) -> pd.DataFrame:
    """See `Store.top_impacts`."""
    return store.frame(
        """
        SELECT l.name AS layer, t.unit, t.beta, t.value, t.error
        FROM top_impacts t JOIN layers l USING (layer_id)
        WHERE t.to_value = $to AND ($layer IS NULL OR t.layer_id = $layer)
        ORDER BY t.layer_id, t.unit, t.beta
        """,
        {"to": to, "layer": None if layer is None else store.layer_id(layer)},
    )


def table1(store: Catalog, to: str) -> pd.DataFrame:
    """See `Store.table1`."""
    return store.frame(
        f"""
        SELECT l.name AS layer, t.beta, avg(t.value) AS mean, stddev_pop(t.value) AS std,
               count(t.value)::INT AS units, any_value(l.units) AS of, any_value(n.dead) AS dead,
               any_value(n.constant) AS constant, count(*) FILTER (i.total IS NULL)::INT AS unknown,
               count(*) FILTER (i.total = 0)::INT AS idle,
               coalesce(bool_or(i.sampled) FILTER (t.value IS NOT NULL), false) AS sampled,
               count(*) FILTER (t.value IS NOT NULL AND i.sampled AND i.half <= {FEW}
                                AND i.total_error > {TRIFLE} * i.total)::INT AS rough,
               sqrt(sum(t.error * t.error) FILTER (t.value IS NOT NULL)) / count(t.value) AS error
        FROM top_impacts t JOIN layers l USING (layer_id)
        JOIN impacts i ON i.layer_id = t.layer_id AND i.unit = t.unit AND i.to_value = t.to_value
        JOIN (
            SELECT layer_id, count(*) FILTER (status = 'dead')::INT AS dead,
                   count(*) FILTER (status = 'constant')::INT AS constant
            FROM units GROUP BY layer_id
        ) n ON n.layer_id = t.layer_id
        WHERE t.to_value = ?
        GROUP BY t.layer_id, l.name, t.beta ORDER BY t.layer_id, t.beta
        """,
        [to],
    )


def score_pairs(store: Catalog, measure: str) -> pd.DataFrame:
    """See `Store.score_pairs`."""
    frame = store.frame(
        f"""
        SELECT l.name AS layer, e.unit, u.name, e.method, r.by AS simulator, r.value AS correlation,
               a.value AS ablation, e.length, e.explanation_id, e.bias
        FROM ({HEADLINES} AND s.measure = 'correlation') r
        JOIN ({HEADLINES} AND s.measure = $measure) a ON a.explanation_id = r.explanation_id
        JOIN explanations e ON e.explanation_id = r.explanation_id
        JOIN layers l ON l.layer_id = e.layer_id
        JOIN units u ON u.layer_id = e.layer_id AND u.unit = e.unit
        WHERE r.value IS NOT NULL AND a.value IS NOT NULL
        ORDER BY e.layer_id, e.unit, e.method, e.explanation_id
        """,
        {"measure": measure},
    )
    _, frame["explanation"] = in_words(store, frame.pop("explanation_id"), frame.pop("bias"))
    return none_for_missing(frame, "name")


# -- of one unit, (layer id, number) -----------------------------------------------------------------------------


def impact(store: Catalog, unit: tuple[int, int], to: str) -> Impact | None:
    """See `Unit.impact`."""
    key = [*unit, to]
    facts = store.records(
        "SELECT to_value AS to, total, total_error, accuracy, accuracy_error, loss, loss_error, half, images, sampled, "
        "reason FROM impacts "
        "WHERE layer_id = ? AND unit = ? AND to_value = ?",
        key,
    )
    if not facts:
        return None
    top = store.frame(
        "SELECT beta, value, error FROM top_impacts "
        "WHERE layer_id = ? AND unit = ? AND to_value = ? ORDER BY beta",
        key,
    )
    buckets = store.frame(
        "SELECT bucket, images, impact, share, error FROM bucket_impacts "
        "WHERE layer_id = ? AND unit = ? AND to_value = ? ORDER BY bucket",
        key,
    )
    return Impact(**facts[0], top=top, buckets=buckets)


def output_effects(store: Catalog, unit: tuple[int, int]) -> pd.DataFrame:
    """See `Unit.output_effects`."""
    frame = store.frame(
        "SELECT bucket, output_id, change, error, rank, images FROM output_effects WHERE layer_id = ? AND unit = ? "
        "ORDER BY bucket, rank < 0, abs(rank)",
        list(unit),
    )
    names = pd.Series(store.output_names(frame["output_id"]), dtype=object)
    frame.insert(1, "output", names)
    frame.insert(5, "certain", frame["change"].abs() > CERTAIN * frame["error"])
    return frame


def maps(
    store: Catalog, unit: tuple[int, int], image_ids: Sequence[int], kind: str | None
) -> dict[int, UnitMap]:
    """See `Unit.maps`."""
    rows = store.rows(
        """
        SELECT image_id, kind, height, width, low, high, data FROM maps
        WHERE layer_id = $layer AND unit = $unit AND image_id IN $images::INT[]
              AND ($kind IS NULL OR kind = $kind)
        ORDER BY image_id, list_position($kinds, kind)
        """,
        {
            "layer": unit[0],
            "unit": unit[1],
            "images": sorted({int(image) for image in image_ids}),
            "kind": kind,
            "kinds": list(MAP_KINDS),
        },
    )
    found: dict[int, UnitMap] = {}
    for image, kept, height, width, low, high, data in rows:
        if image not in found:
            steps = np.frombuffer(data, dtype=np.uint8).reshape(height, width).astype(np.float64)
            values = low + (high - low) * (steps / 255)
            found[image] = UnitMap(kept, values.astype(np.float32))
    return found
