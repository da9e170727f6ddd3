"""What a store holds, as the command line prints it."""

from __future__ import annotations

from rich import box
from rich.table import Column, Table

from ..base.terminal import Console

out = Console()


def print_info(facts: dict) -> None:
    """Print what `Store.info` says, for people."""
    _print_head(facts)
    _print_layers(facts)
    for matrix in facts["matrices"]:
        if same := [f"{name} = {' = '.join(others)}" for name, others in matrix["same"].items()]:
            more = ", …" if len(same) > 5 else ""
            out.print(f"On the same images in “{matrix['matrix']}”: {', '.join(same[:5])}{more}", style="dim")
    for line in [*_means_left_out(facts), *_missing_effects(facts)]:
        out.print(line, style="dim")


def _print_head(facts: dict) -> None:
    """The store's name, its images and its target model."""
    splits, target = facts["splits"], facts["target"]
    out.print(facts["name"], style="bold", end="")
    out.print(f"  (id {facts['id']}, schema {facts['schema_version']})")
    out.print(
        f"{facts['images']:,} images of {facts['probing_set']['name']} "
        f"(train {splits['train']:,}, val {splits['val']:,}, test {splits['test']:,}; {len(facts['skipped'])} skipped), "
        f"{facts['classes']} classes, {facts['superclasses']} superclasses, {facts['concepts']} concepts",
        highlight=False,
    )
    unknown = target.get("accuracy_reason") or "Its target.outputs can say which output is which class."
    accuracy = (
        f"unknown accuracy. {unknown}"
        if target["accuracy"] is None
        else f"{target['accuracy']:.1%} right on {target['accuracy_images']:,} images{_among(target)}{_top5(target)}"
    )
    out.print(f"target model {target['name']}: {accuracy}", highlight=False)
    if facts["unsteady"]:
        out.print(facts["unsteady"])
    for note in target.get("notes", []):
        out.print(f"  {note}", style="dim")


def _print_layers(facts: dict) -> None:
    """The table of layers and methods."""
    longest = max(len(layer["name"]) for layer in facts["layers"])
    judges = [one for one in facts["measures"] if one["judge"]]
    names = ("units", "method", "explained", "concepts", *(one["short"] for one in judges), "top 2%")
    columns = [Column("layer", min_width=longest), *(Column(name, min_width=len(name)) for name in names)]
    table = Table(*columns, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in table.columns:
        column.no_wrap = True
    means = {
        (row["measure"], row["layer"], row["method"]): row["mean"] for row in facts["scores"] if row["main"]
    }
    for layer in facts["layers"]:
        for i, row in enumerate(_rows_of(facts, layer)):
            units = str(layer["units"]) + (f", {layer['dead']} dead" if layer["dead"] else "")
            scores = [
                _cell(
                    means.get(
                        (
                            one["name"],
                            layer["name"],
                            row["method"] if row and one["of"] == "explanation" else None,
                        )
                    ),
                    "z.3f",
                    i > 0 and one["of"] == "unit",
                )
                for one in judges
            ]
            top = _cell(layer["mean_top_impact"] if i == 0 else None, ".1%", i > 0)
            table.add_row(
                *((layer["name"], units) if i == 0 else ("", "")), *_method_cells(row), *scores, top
            )
    out.print(table)
    out.print(
        f"concepts: mean per explanation; {', '.join(one['short'] for one in judges)}: means over the units that have one "
        "(`info --json` says how each is read); top 2%: mean share of a unit's impact that lies on the 2% of images that "
        "excite it most.",
        style="dim",
    )


def _rows_of(facts: dict, layer: dict) -> list[dict | None]:
    """A layer's rows, one a method; one without a method where it has no explanation."""
    return [e for e in facts["explanations"] if e["layer"] == layer["name"]] or [None]


def _means_left_out(facts: dict) -> list[str]:
    """Over how many units the means of the table are, where that is not all."""
    return [
        line
        for layer in facts["layers"]
        for i, row in enumerate(_rows_of(facts, layer))
        for line in _left_out(facts, layer, row, i == 0)
    ]


def _missing_effects(facts: dict) -> list[str]:
    """Why layers have no effects."""
    found = []
    for what, key in (
        ("No ablation and impact", "effect_reason"),
        ("No output effects", "output_effects_reason"),
    ):
        reasons: dict[str, list[str]] = {}
        for layer in facts["layers"]:
            if layer[key]:
                reasons.setdefault(layer[key], []).append(layer["name"])
        found += [f"{what} of {', '.join(names)}: {reason}" for reason, names in reasons.items()]
    return found


def _among(target: dict) -> str:
    return "" if target["outputs"] is None else f", among {target['outputs']:,} outputs"


def _top5(target: dict) -> str:
    """Top-5 accuracy beside top-1, where there is one."""
    top5 = target.get("top5")
    return "" if top5 is None else f"; for {top5:.1%} the class is among the 5 largest"


def _left_out(facts: dict, layer: dict, row: dict | None, first: bool) -> list[str]:
    """Lines that say over how many units the means of a row of the table are, where that is not all."""
    judges = {one["name"]: one for one in facts["measures"] if one["judge"]}
    means = [
        (" ".join(filter(None, (judges[one["measure"]]["short"], one["method"]))), one["mean"], one["mean_over"])
        for one in facts["scores"]
        if one["measure"] in judges and one["main"] and one["layer"] == layer["name"]
        and (one["method"] == row["method"] if row and one["method"] else first and not one["method"])
    ]  # fmt: skip
    if first:
        means += [
            ("top 2%", i["mean_top_impact"], i["mean_top_impact_over"] + _estimated(i))
            for i in facts["impacts"]
            if i["to"] == "zero" and i["layer"] == layer["name"]
        ]
    return [
        f"{layer['name']}, {what}: mean of {over}"
        for what, mean, over in means
        if mean is not None and (not over.startswith("all ") or ";" in over)
    ]


def _estimated(impact: dict) -> str:
    """How far the mean of estimates may be off."""
    error = impact["mean_top_impact_error"]
    return f"; an estimate, standard error {error:.1%}" if impact["sampled"] and error else ""


def _cell(value: float | None, form: str, empty: bool = False) -> str:
    return "" if empty else "–" if value is None else format(value, form)


def _method_cells(row: dict | None) -> tuple[str, ...]:
    if row is None:
        return ("–",) * 3
    length = "–" if row["mean_length"] is None else f"{row['mean_length']:.2f}"
    return row["method"], str(row["explained"]), length
