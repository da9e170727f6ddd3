"""What may differ between two stores: renames, volatile values, and changes that are meant."""

from __future__ import annotations

# Old name -> new name. Columns by their old table, `layers.way`; facts of `meta` by their old path, `meta.config.seed`.
# In columns that hold JSON, keys are renamed below the column: `method_configs.config.concept_std`.
TABLES: dict[str, str] = {"pushes": "output_effects"}
COLUMNS: dict[str, str] = {
    "layers.way": "intervention",
    "layers.push_reason": "output_effects_reason",
    "explanations.violation": "kkt_violation",
}
PATHS: dict[str, str] = {
    "meta.config.dead_below": "meta.config.dead_threshold",
    "meta.config.explain.concept_mean5": "meta.config.explain.min_top5_mean",
    "meta.config.explain.concept_std": "meta.config.explain.min_std",
    "method_configs.config.concept_mean5": "method_configs.config.min_top5_mean",
    "method_configs.config.concept_std": "method_configs.config.min_std",
}

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
    "meta.schema_version": "7",
    "explanations.config_hash": "options are called otherwise",
    "method_configs.config_hash": "options are called otherwise",
}

# Name -> (SQL on the old store, SQL on the new one) that give the same rows: what moved to another table. They are compared
# where the new store has the table `measures` and the old one hasn't; under the name of a table, in its place.
MOVED: dict[str, tuple[str, str]] = {
    "scores": (
        "SELECT s.* REPLACE (coalesce(sampled, false) AS sampled), e.layer_id, e.unit FROM old.scores s "
        "JOIN old.explanations e USING (explanation_id)",
        """
        SELECT explanation_id, "by" AS simulator,
               CASE measure WHEN 'ablation' THEN 'ablation-norm' ELSE replace(measure, '_', '-') END AS kind,
               split, n, value, low, high, reason, (details->>'null_units')::INTEGER AS null_units,
               (details->>'null_mean')::DOUBLE AS null_mean, chance AS null_high,
               (details->>'null_above')::INTEGER AS null_above, details->>'null_reason' AS null_reason,
               (details->>'c')::DOUBLE AS c, (details->>'d')::DOUBLE AS d, sampled, layer_id, unit
        FROM new.scores WHERE measure IN ('correlation', 'ablation', 'ablation_optim')""",
    ),
    "observer_scores": (
        "FROM old.observer_scores",
        """
        SELECT layer_id, unit, "by" AS embedding, place, n AS trials, value, (details->>'soft')::DOUBLE AS soft, reason
        FROM new.scores WHERE measure = 'observer'""",
    ),
    "explanations": (
        "FROM old.explanations",
        """
        SELECT e.* EXCLUDE (kkt_violation), e.kkt_violation AS violation, s.value AS two_faced,
               replace(s.reason, 'There is no explanation to score: ', '') AS two_faced_reason FROM new.explanations e
        LEFT JOIN new.scores s ON s.explanation_id = e.explanation_id AND s.measure = 'range_shift'""",
    ),
    "scores of impact": (
        """
        SELECT layer_id, unit, to_value, total, images, sampled, CASE WHEN total IS NULL THEN reason END AS reason,
               round(1.959963984540054 * nullif(total_error, 0), 12) AS error, total_error > 0 AS interval FROM old.impacts""",
        """
        SELECT layer_id, unit, "by" AS to_value, value AS total, n AS images, sampled, reason,
               round(high - value, 12) AS error, CASE WHEN value IS NOT NULL THEN high IS NOT NULL END AS interval
        FROM new.scores WHERE measure = 'impact' AND "by" <> ''""",
    ),
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
    "output_effects": ("layer_id", "unit", "bucket", "rank"),
    "maps": ("layer_id", "unit", "image_id", "kind"),
    "embeddings": ("matrix", "kind", "ids"),
    "scores": ("measure", "layer_id", "unit", "explanation_id", "by", "split"),
}
MOVED_KEYS = {
    "scores": ("explanation_id", "simulator", "kind"),
    "observer_scores": ("layer_id", "unit", "embedding"),
    "explanations": ("explanation_id",),
    "scores of impact": ("layer_id", "unit", "to_value"),
}
