"""What is wrong with what a store holds: rows that lack others, numbers out of their ranges, values that were changed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..base.errors import UserError
from . import digests, rules
from .buckets import Buckets
from .catalog import Catalog
from .database import OWN
from .meta import CELLS, read_cell
from .opening import columns
from .unit import Unit
from .version import StoreError

_SAMPLE = 40  # units and explanations whose numbers are computed again
_ROUNDING = 1e-3  # of statistics and scores of labels, relative to the unit's range and absolute
_FROM_VECTORS = 0.03  # of scores from embeddings, which are kept at two bytes a number

# What is wrong -> how many of these there are.
_COUNTS = {
    "layers have another number of units than they say":
        "SELECT count(*) FROM layers l WHERE l.units <> (SELECT count(*) FROM units u WHERE u.layer_id = l.layer_id)",
    "units don't have one activation of each of the {images:,} images": """
        SELECT count(*) FROM units u LEFT JOIN (
            SELECT layer_id, unit, count(*) AS n, min(image_id) AS first, max(image_id) AS last,
                   sum(image_id::HUGEINT) AS sum FROM activations GROUP BY layer_id, unit
        ) a USING (layer_id, unit)
        WHERE coalesce(a.n, 0) <> {images} OR a.first <> 0 OR a.last <> {last} OR a.sum <> {sum}""",
    "concepts have several values of one image": """
        SELECT count(*) FROM (
            SELECT 1 FROM concept_values WHERE image_id BETWEEN 0 AND {last} GROUP BY matrix, concept_id
            HAVING count(*) <> bit_count(bitstring_agg(image_id, 0, {last})))""",
    "explanations have another number of concepts than they say": """
        SELECT count(*) FROM explanations e
        LEFT JOIN (SELECT explanation_id, count(*) AS n FROM terms GROUP BY ALL) t USING (explanation_id)
        WHERE e.length <> coalesce(t.n, 0)""",
    "scores lie outside the range of their measure": """
        SELECT count(*) FROM scores s JOIN measures m USING (measure)
        WHERE s.value < m.low - 1e-6 OR s.value > m.high + 1e-6""",
    "scores of units name an explanation, or the other way round": """
        SELECT count(*) FROM scores s JOIN measures m USING (measure) WHERE (m."of" = 'unit') <> (s.explanation_id IS NULL)""",
}  # fmt: skip


def faults(store: Catalog) -> Iterator[str]:
    """What is wrong with a store's rows, a sentence without a full stop each; nothing where it is in order.

    The contents of pictures and the scores are not looked at: `bad_pictures`, `other_numbers`.
    """
    for part in _PARTS:
        yield from part(store)


def every_fault(store: Catalog) -> Iterator[str]:
    """All that is wrong with a store, however long it takes to find out; what can't be read is told, too."""
    store.questions.seconds = None
    told: set[str] = set()
    for part in (*_PARTS, bad_pictures, other_numbers):
        if part is other_numbers and told:
            return  # of what doesn't fit together nothing can be computed
        try:
            for fault in part(store):
                if fault not in told:
                    told.add(fault)
                    yield fault
        except UserError as error:
            if str(error) not in told:
                told.add(str(error))
                yield str(error).rstrip(".")
        except Exception as error:  # what doesn't fit together in a way that no part foresees
            told.add(part.__name__)
            yield f"it can't be looked through to the end ({type(error).__name__}: {str(error)[:200]})"


def _own(store: Catalog, query: str) -> int:
    """A number from the store's own tables, without what people added."""
    with store.cursor(OWN) as cursor:
        return cursor.execute(query).fetchall()[0][0]


def _broken(store: Catalog) -> Iterator[str]:
    for table, wanted in rules.RULES.items():
        broken = ", ".join(f"count(*) FILTER (WHERE NOT ({rule}))" for rule in wanted)
        with store.cursor(OWN) as cursor:
            found = cursor.execute(f"SELECT {broken} FROM {table}").fetchall()[0]
        for rule, count in zip(wanted, found, strict=True):
            if count:
                yield f"`{rule}` doesn't hold of {count:,} of the rows of `{table}`"


def _counts(store: Catalog) -> Iterator[str]:
    images = _own(store, "SELECT count(*) FROM images")
    for table in rules.FILLED:
        if not _own(store, f"SELECT count(*) FROM {table}"):
            yield f"`{table}` has no rows"
    for table, column, within in rules.NUMBERED:
        by = f"GROUP BY {within}" if within else ""
        wrong = f"HAVING count(*) > 0 AND (min({column}) <> 0 OR max({column}) + 1 <> count(*))"
        if count := _own(store, f"SELECT count(*) FROM (SELECT 1 FROM {table} {by} {wrong})"):
            where = f" of {count:,} `{within}`" if within else ""
            yield f"`{column}` of `{table}`{where} is not counted from 0 without gaps"
    for table, key in rules.ONCE:
        query = f"SELECT count(*) FROM (SELECT 1 FROM {rules.QUERIES.get(table, table)} GROUP BY {key} HAVING count(*) > 1)"
        if count := _own(store, query):
            yield f"{count:,} of `{table}` ({key}) stand there more than once"
    for words, query in _COUNTS.items():
        if count := _own(store, query.format(images=images, last=images - 1, sum=images * (images - 1) // 2)):
            yield f"{count:,} {words.format(images=images)}"
    outputs = store.meta.get("outputs")
    known = len(outputs) if outputs else (store.meta.get("target") or {}).get("outputs")
    if known is not None:
        for table, column in (
            ("images", "predicted"),
            ("classes", "output_id"),
            ("output_effects", "output_id"),
        ):
            if count := _own(store, f"SELECT count(*) FROM {table} WHERE {column} >= {known}"):
                yield f"`{column}` of {count:,} of the rows of `{table}` is none of the network's {known:,} outputs"


def _not_finite(store: Catalog) -> Iterator[str]:
    for table, found in columns().items():
        numbers = [name for name, kind in found.items() if kind in ("FLOAT", "DOUBLE")]
        if numbers:
            some = " OR ".join(f'NOT isfinite("{name}")' for name in numbers)
            if count := _own(store, f"SELECT count(*) FROM {table} WHERE {some}"):
                yield f"{count:,} rows of `{table}` hold numbers that are not finite"


def _orphans(store: Catalog) -> Iterator[str]:
    for table, mine, target, theirs in rules.POINTERS:
        query = f"SELECT count(*) FROM (SELECT DISTINCT {mine} FROM {rules.QUERIES.get(table, table)}) m ANTI JOIN {rules.QUERIES.get(target, target)} t ON "
        pairs = zip(mine.split(", "), theirs.split(", "), strict=True)
        if count := _own(store, query + " AND ".join(f"m.{a} = t.{b}" for a, b in pairs)):
            yield f"{count:,} of `{table}` ({mine}) point to nothing in `{target}`"
    for kind, target, key in (("image", "images", "image_id"), ("concept", "concepts", "concept_id")):
        if count := _own(
            store,
            f"SELECT count(*) FROM (SELECT DISTINCT unnest(ids) AS id FROM embeddings WHERE kind = '{kind}') e "
            f"ANTI JOIN {target} t ON e.id = t.{key}",
        ):
            yield f"{count:,} embeddings are of no {kind}"


def _no_json(store: Catalog) -> Iterator[str]:
    for place in CELLS:
        table, column = place.split(".")
        with store.cursor(OWN) as cursor:
            texts = cursor.execute(
                f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL"
            ).fetchall()
        for (text,) in texts:
            try:
                read_cell(place, text)
            except ValueError as error:
                yield str(error)
                break


def changed(store: Catalog) -> Iterator[str]:
    """Tables that are not as they were written."""
    if not isinstance(store.meta.get(digests.KEY), dict):
        yield "it has no checksums"
        return
    for table in changed_tables(store):
        yield f"the table `{table}` is not as it was written"


def changed_tables(store: Catalog) -> Iterator[str]:
    """The tables that are not as they were written; those of a store without checksums are."""
    known = store.meta.get(digests.KEY)
    if not isinstance(known, dict):
        return
    for table in columns():
        with store.cursor(OWN) as cursor:
            found = digests.of_table(cursor, table)
        if found != known.get(table):
            yield table


_PARTS = (_counts, _broken, _not_finite, _orphans, _no_json, changed)


# -- what takes longer ----------------------------------------------------------------------------


def bad_pictures(store: Catalog) -> Iterator[str]:
    """Thumbnails and crops that can't be decoded."""
    from ..base.pictures import UnreadableImage, stored_rgb

    for column in ("thumbnail", "crop"):
        lost: list[int] = []
        for start in range(0, store.image_count, 500):
            with store.cursor(OWN) as cursor:
                rows = cursor.execute(
                    f"SELECT image_id, {column} FROM images WHERE image_id >= ? AND image_id < ? AND {column} IS NOT NULL",
                    [start, start + 500],
                ).fetchall()
            for image, data in rows:
                try:
                    stored_rgb(bytes(data))
                except UnreadableImage:
                    lost.append(image)
        if lost:
            yield f"the {column} of {len(lost):,} images can't be read, the first of image {lost[0]}"


def other_numbers(store: Catalog, seed: int = 0) -> Iterator[str]:
    """Numbers that come out otherwise when they are computed again: of all units, and of a sample of explanations."""
    if wrong := _own(
        store,
        f"""
        SELECT count(*) FROM units u JOIN (
            SELECT layer_id, unit, min(value) AS low, max(value) AS high, avg(value::DOUBLE) AS mean,
                   stddev_pop(value::DOUBLE) AS std FROM activations GROUP BY layer_id, unit
        ) a USING (layer_id, unit)
        WHERE a.low <> u.minimum OR a.high <> u.maximum
              OR greatest(abs(a.mean - u.mean), abs(a.std - u.std)) > {_ROUNDING} * greatest(abs(a.low), abs(a.high), 1e-9)
        """,
    ):
        yield f"{wrong:,} units have another range, mean or deviation than their activations"
    draw = np.random.default_rng(seed)
    yield from _other_buckets(store, draw)
    yield from _other_scores(store, draw)


def _sample(store: Catalog, query: str, draw: np.random.Generator) -> list[tuple]:
    with store.cursor(OWN) as cursor:
        rows = cursor.execute(query).fetchall()
    if not rows:
        return []
    return [rows[i] for i in sorted(draw.choice(len(rows), min(_SAMPLE, len(rows)), replace=False))]


def _other_buckets(store: Catalog, draw: np.random.Generator) -> Iterator[str]:
    for layer_id, unit, to in _sample(store, "SELECT DISTINCT ON (layer_id, unit) layer_id, unit, to_value FROM bucket_impacts", draw):  # fmt: skip
        one = _unit(store, layer_id, unit)
        buckets = Buckets.of(one.activations)
        rows = store.rows(
            "SELECT bucket, images FROM bucket_impacts WHERE layer_id = ? AND unit = ? AND to_value = ?",
            [layer_id, unit, to],
        )
        counts = {} if buckets is None else {-1: buckets.negative, **dict(enumerate(buckets.counts.tolist()))}
        if buckets is not None and any(counts.get(bucket) != images for bucket, images in rows):
            yield f"unit {unit} of {one.layer!r} has other counts of images in its ranges than its activations"


def _other_scores(store: Catalog, draw: np.random.Generator) -> Iterator[str]:
    query = (
        'SELECT e.layer_id, e.unit, e.method, s."by", s.split, s.value FROM scores s '
        "JOIN explanations e USING (explanation_id) WHERE s.measure = 'correlation' AND s.value IS NOT NULL"
    )
    for layer_id, unit, method, simulator, split, value in _sample(store, query, draw):
        one = _unit(store, layer_id, unit)
        explanation = one.explanation(method)
        try:
            simulated = one.simulated(explanation, simulator)
        except StoreError:  # P of its concepts isn't kept
            continue
        where = one.split == split
        found = float(np.corrcoef(simulated[where], one.activations[where].astype(float))[0, 1])
        exact = simulator == "label"
        if not abs(found - value) <= (_ROUNDING if exact else _FROM_VECTORS):
            yield (
                f"the explanation of unit {unit} of {one.layer!r} by {method!r} scores {found:.3f} with {simulator!r}, not "
                f"{value:.3f} as it says"
            )


def _unit(store: Catalog, layer_id: int, unit: int) -> Unit:
    layer = next(name for name, (i, _) in store.layer_facts.items() if i == layer_id)
    return Unit.read(store, layer, layer_id, unit)
