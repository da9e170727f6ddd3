"""What may differ between two stores: renames, volatile values, and changes that are meant."""

from __future__ import annotations

# Old name -> new name. Columns by their old table, `layers.way`; facts of `meta` by their old path, `meta.config.seed`.
# In columns that hold JSON, keys are renamed below the column: `method_configs.config.concept_std`.
TABLES: dict[str, str] = {}
COLUMNS: dict[str, str] = {}
PATHS: dict[str, str] = {}

# Never compared: two builds of the same code differ here. Names are the old ones; a path stands for all below it.
VOLATILE = {
    "meta.created": "the time of the build",
    "meta.build": "seconds and images per second of the build",
    "meta.checksums": "digests of the tables, of `meta` too",
    "meta.rebuild": "the command that built it, with its paths",
    "meta.config.store": "a path",
    "meta.config.cache": "a path",
    "meta.config.memory": "no number depends on it",
}

# Not compared either: name -> why it changed. Empty, unless a step means to change something.
MEANT: dict[str, str] = {
    "meta.versions.lexplain": "0.2.0",
    "meta.config.record.memory": "`memory` holds for the whole build",
    "scores.sampled": "false in place of NULL where nothing was sampled",
}

# What makes a row the same one, for tables without a primary key, or where the key itself may be renamed.
KEYS = {
    "superclass_members": ("superclass_id", "class_id"),
    "skipped_images": ("key",),
    "activations": ("layer_id", "unit", "image_id"),
    "concept_values": ("matrix", "concept_id", "image_id"),
    "terms": ("explanation_id", "rank"),
    "method_configs": ("method",),
    "top_impacts": ("layer_id", "unit", "to_value", "beta"),
    "bucket_impacts": ("layer_id", "unit", "to_value", "bucket"),
    "pushes": ("layer_id", "unit", "bucket", "rank"),
    "maps": ("layer_id", "unit", "image_id", "kind"),
    "embeddings": ("matrix", "kind", "ids"),
}
