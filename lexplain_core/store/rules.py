"""What the rows of a store are like: rules of each table, what stands there once, what is counted, what points where."""

from __future__ import annotations

from .buckets import N_BUCKETS
from .descriptors import LENGTH

OWN_KINDS = ("map", "map-last", "tokens", "features")  # units along an axis of a module's output

_SHARE = "BETWEEN -1e-6 AND 1 + 1e-6"
_ESTIMATE = f"{_SHARE} + 10 * coalesce(error, 0)"
_RANGE = f"bucket BETWEEN -1 AND {N_BUCKETS - 1}"
_SPLIT = "split IN ('train', 'val', 'test')"
_TO = "to_value IN ('zero', 'mean')"

# Table -> what holds of every row, in SQL. NULL is no breach. Free text (names, captions, reasons) has no rule.
RULES = {
    "classes": ["class_id >= 0", "key <> ''", "output_id >= 0"],
    "superclasses": ["superclass_id >= 0", "key <> ''"],
    "images": [
        "image_id >= 0", "key <> ''", _SPLIT, "width > 0 AND height > 0", "predicted >= 0",
        f"octet_length(descriptor) = {LENGTH}", "octet_length(thumbnail) > 0 AND octet_length(crop) > 0",
        "octet_length(digest) = 32",
    ],
    "layers": [
        "layer_id >= 0", "trim(name) <> ''", "source IN ('network', 'computed')",
        "trim(kind) <> ''",  # plugins bring kinds along
        "(source = 'computed') = (kind = 'computed')", "pooling IN ('mean', 'max', 'none', 'cls')",
        "len(shape) > 0 AND list_min(shape) > 0 AND list_count(shape) = len(shape)",
        "units >= 1", "units = CASE WHEN kind = 'map' THEN shape[1] "
        f"WHEN kind IN {(*OWN_KINDS, 'computed')} THEN shape[-1] ELSE units END",
        "intervention IN ('closed', 'prefix', 'whole')",
    ],
    "units": [
        "unit >= 0", "minimum <= maximum AND std >= 0", "status IN ('alive', 'dead', 'constant', 'negative')",
        "(status = 'alive') = (reason IS NULL)",
    ],
    "concepts": ["concept_id >= 0", "trim(key) <> ''", "trim(name) <> ''"],
    "concept_matrices": [
        "trim(matrix) <> ''", "kind IN ('label', 'encoder')", "list_has_all(['explainer', 'simulator'], roles)",
        "(kind = 'encoder') = (a IS NOT NULL) AND (a IS NULL) = (b IS NULL)", "loss >= 0",
        "kept >= 0 AND dropped >= 0", "(kept IS NULL) = (dropped IS NULL) AND (kept IS NULL) = (filter IS NULL)",
    ],
    "same_concepts": ["same_as <> concept_id"],
    "concept_values": [f"value {_SHARE}"],
    "explanations": [
        "explanation_id >= 0", "trim(method) <> ''", "(reason IS NULL) = (bias IS NOT NULL)", "length >= 0",
        "val_correlation BETWEEN -1 - 1e-6 AND 1 + 1e-6", "kkt_violation >= -1e-6",
    ],
    "terms": ["rank >= 0"],
    "method_configs": ["trim(config_hash) <> ''", "trim(method) <> ''"],
    "measures": [
        "regexp_full_match(measure, '[a-z][a-z0-9_]{0,39}')", "place >= 0", "trim(title) <> '' AND trim(short) <> ''",
        "\"of\" IN ('unit', 'explanation')", "best IN ('high', 'low', '')", "low <= high",
    ],
    "scores": [
        "split IN ('train', 'val', 'test', 'all')", "n >= 0 AND place >= 0",
        "value IS NOT NULL OR reason IS NOT NULL",
        "low <= high", "measure <> 'correlation' OR (low <= value + 1e-6 AND value <= high + 1e-6)",
    ],
    "impacts": [
        _TO, "total >= 0", "total IS NOT NULL OR reason IS NOT NULL", "accuracy <= 1 + 1e-6 + 10 * accuracy_error",
        "total_error >= 0 AND accuracy_error >= 0 AND loss_error >= 0", "half >= 1", "images >= 0",
    ],
    "top_impacts": [_TO, "beta > 0 AND beta <= 1", f"value {_ESTIMATE}", "error >= 0"],
    "bucket_impacts": [_TO, _RANGE, "images >= 0", f"share {_ESTIMATE}", "error >= 0"],
    "output_effects": [_RANGE, "output_id >= 0", "abs(rank) BETWEEN 1 AND 5", "images >= 1", "error >= 0"],
    "maps": [
        "kind IN ('activation', 'occlusion', 'saliency', 'gradcam')", "low <= high",
        "height > 0 AND width > 0 AND octet_length(data) = height::BIGINT * width",
    ],
    "similar_units": ["rank <> 0", "unit <> other", "correlation BETWEEN -1 - 1e-5 AND 1 + 1e-5"],
    "embeddings": [
        "kind IN ('image', 'concept')", "ids = list_sort(list_distinct(ids))",
        "width > 0 AND octet_length(data) = 2 * width::BIGINT * len(ids)",
    ],
}  # fmt: skip

# A table in place of which a query stands.
QUERIES = {
    "matrices": "(SELECT matrix FROM concept_matrices UNION SELECT 'label')",  # labels score without a matrix, too
    "vectors": "(SELECT matrix, kind, unnest(ids) AS id FROM embeddings)",
    "explained": "(SELECT explanation_id, layer_id, unit FROM scores WHERE explanation_id IS NOT NULL)",
    "simulated": '(SELECT DISTINCT "by" AS simulator FROM scores WHERE "by" <> \'\' '
    "AND measure IN ('correlation', 'ablation', 'ablation_optim'))",
    "encoders": "(SELECT matrix FROM concept_matrices WHERE kind = 'encoder')",
}

# (table, the columns of which the same stands there once); primary keys are DuckDB's business.
ONCE = [
    ("classes", "key"),
    ("superclasses", "key"),
    ("images", "key"),
    ("superclass_members", "superclass_id, class_id"),
    ("terms", "explanation_id, concept_id"),
    ("terms", "explanation_id, rank"),
    ("method_configs", "method"),
    ("top_impacts", "layer_id, unit, to_value, beta"),
    ("bucket_impacts", "layer_id, unit, to_value, bucket"),
    ("output_effects", "layer_id, unit, bucket, output_id"),
    ("output_effects", "layer_id, unit, bucket, rank"),
    ("maps", "layer_id, unit, image_id, kind"),
    ("measures", "place"),
    ("scores", 'measure, layer_id, unit, explanation_id, "by", split'),
    ("scores", "measure, layer_id, unit, explanation_id, place"),
    ("similar_units", "layer_id, unit, rank"),
    ("vectors", "matrix, kind, id"),
]

# Tables that no store is without rows of.
FILLED = ["classes", "images", "layers", "units"]

# (table, what is counted from 0 without a gap, within what). Imports that replace others leave gaps among concepts and
# explanations.
NUMBERED = [
    ("classes", "class_id", ""),
    ("superclasses", "superclass_id", ""),
    ("images", "image_id", ""),
    ("layers", "layer_id", ""),
    ("units", "unit", "layer_id"),
    ("terms", "rank", "explanation_id"),
]

# (table, columns) that point to (table, columns).
POINTERS = [
    ("images", "class_id", "classes", "class_id"),
    ("superclass_members", "class_id", "classes", "class_id"),
    ("superclass_members", "superclass_id", "superclasses", "superclass_id"),
    ("units", "layer_id", "layers", "layer_id"),
    *((table, "layer_id, unit", "units", "layer_id, unit") for table in (
        "activations", "explanations", "impacts", "top_impacts", "bucket_impacts", "output_effects", "maps", "scores", "similar_units",
    )),
    *((table, "layer_id, unit, to_value", "impacts", "layer_id, unit, to_value") for table in ("top_impacts", "bucket_impacts")),
    ("similar_units", "layer_id, other", "units", "layer_id, unit"),
    ("activations", "image_id", "images", "image_id"),
    ("concept_values", "image_id", "images", "image_id"),
    ("maps", "image_id", "images", "image_id"),
    ("concept_values", "matrix", "concept_matrices", "matrix"),
    ("concept_values", "concept_id", "concepts", "concept_id"),
    ("embeddings", "matrix", "encoders", "matrix"),
    ("explanations", "config_hash, method", "method_configs", "config_hash, method"),
    ("explanations", "matrix", "matrices", "matrix"),
    ("method_configs", "simulator", "matrices", "matrix"),
    ("scores", "measure", "measures", "measure"),
    ("simulated", "simulator", "matrices", "matrix"),
    *(("same_concepts", mine, "concepts", "concept_id") for mine in ("concept_id", "same_as")),
    ("same_concepts", "matrix", "concept_matrices", "matrix"),
    ("terms", "explanation_id", "explanations", "explanation_id"),
    ("terms", "concept_id", "concepts", "concept_id"),
    ("explained", "explanation_id, layer_id, unit", "explanations", "explanation_id, layer_id, unit"),
]  # fmt: skip
