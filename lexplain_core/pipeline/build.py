"""The pipeline: from a config to a store, as a list of stages."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from .. import __version__, demo  # noqa: F401  (registers the demo's probing set and network)
from ..base.errors import UserError
from ..base.files import temporary_folder
from ..base.memory import Room, limited, parse_size
from ..base.progress import Progress, Silent
from ..config import Build
from ..explain import ConfiguredMethod, methods, solvers
from ..measures import Measure, measures
from ..model.units import unit_kinds
from ..store import Store, StoreError, check_place
from ..trust import noting
from . import fingerprint
from .folder import empty, has_something, locked, working_folder
from .persist import write_store
from .stage import Made, Plan, Runner, Stage
from .stages.concepts import (
    choose_concepts,
    embed,
    gather,
    make_explainer_matrix,
    make_label_matrix,
    make_simulators,
    make_view,
)
from .stages.explaining import explain_units
from .stages.limiting import check_memory
from .stages.mapping import keep_maps
from .stages.measuring import GIVEN, run_measure
from .stages.observing import TARGET, embed_for_observer
from .stages.picturing import make_pictures
from .stages.recording import match_outputs, record_layers
from .stages.relating import relate
from .stages.replacing import Replacing, measure_impacts, measure_output_effects
from .stages.sources import load_encoders, load_images, load_network, roles_of


def build(
    config: Build,
    progress: Progress | None = None,
    rebuild: str = "python -m lexplain_core build CONFIG.toml",
    *,
    fresh: bool = False,
    keep: bool = False,
) -> Path:
    """Run every stage and write the store; returns its path.

    What stages make is kept in a working folder beside the store until the store stands, so that a build that was
    interrupted goes on where it ended, and one with other options makes only what depends on them. fresh: begin anew.
    keep: leave the working folder there afterwards.

    What it ran and read because the config names it is noted in the user's trust file, so that pages may look at the network
    again. Raises `UserError` for what the config or the data got wrong; what was at the store's path
    stays then. `rebuild` is the command that a reader names when the store's schema is outdated.
    """
    progress = progress or Silent()
    check_options(config)
    with _working(config.store, fresh, keep) as folder, _limited(config, folder), noting() as noted:
        runner = Runner(stages(config), _given(config, rebuild), folder, progress)
        runner.run()
        noted.keep(progress)
    progress.note(f"Wrote {config.store} in {runner.spent:.0f} s.")
    return config.store


@contextmanager
def _working(store: Path, fresh: bool, keep: bool) -> Iterator[Path]:
    """The working folder of a store, held for this build."""
    folder = working_folder(store)
    with locked(folder, store):
        if fresh:
            empty(folder)
        try:
            yield folder
        except BaseException:
            keep = has_something(folder)  # it is there for the next build
            raise
        finally:
            if not keep:
                shutil.rmtree(folder, ignore_errors=True)


def _limited(config: Build, folder: Path | None) -> AbstractContextManager[Room]:
    return limited(parse_size(config.memory) if config.memory else None, folder)


def plan(config: Build, progress: Progress | None = None) -> list[Plan]:
    """What `build` would do with each stage, without doing it: only images and networks are read."""
    check_options(config)
    folder = working_folder(config.store)
    with _limited(config, None):
        return Runner(stages(config), _given(config, ""), folder, progress or Silent()).plan()


def make(config: Build, *names: str, progress: Progress | None = None) -> list[Any]:
    """What stages make under these names, without a store: for benchmarks and notebooks. Nothing is kept."""
    needed = set(names)
    chosen: list[Stage] = []
    for stage in reversed(stages(config)):
        if needed & set(stage.products):
            chosen.insert(0, stage)
            needed |= set(stage.arguments.values())
    with temporary_folder() as folder, _limited(config, folder):
        runner = Runner(chosen, _given(config, ""), folder, progress or Silent())
        runner.run()
        return [runner.value(name) for name in names]


def check_options(config: Build) -> None:
    """Raise `UserError` for what can be known to be wrong before anything is computed."""
    explain = config.explain
    for name in explain.methods:
        if methods[name].matrix == "explainer" and not config.explainer.model:
            raise UserError(
                f"The method {name!r} needs an encoder to explain with: set explainer.model "
                "(docs/how-to/encoders.md), or leave the method out of explain.methods."
            )
    solvers[explain.solver]
    for spec in config.units:
        unit_kinds[spec.kind]
    for role in config.observer.embeddings:
        if role != TARGET and role not in roles_of(config):
            raise UserError(
                f"observer.embeddings names the {role}, but this build uses none: set {role}.model and a method "
                "that needs it, or leave it out."
            )
    if config.store.suffix != ".duckdb":
        raise UserError(f"The store {config.store} must be a .duckdb file, so that the dashboard finds it.")
    check_place(config.store)


def is_current(config: Build) -> bool:
    """Whether the store of a config is there, readable, and was built from this config by this version."""
    try:
        with Store.open(config.store) as store:
            wanted = json.loads(config.model_dump_json()) | {
                "memory": store.meta.get("config", {}).get("memory")
            }
            same = store.meta.get("config") == wanted  # however much memory it took
            return same and store.meta.get("versions", {}).get("lexplain") == __version__
    except StoreError:
        return False


def stages(config: Build) -> list[Stage]:
    """The stages of a build, in their order. Raises `UserError` for a measure that needs what none of them makes."""
    roles = roles_of(config)
    explainer, simulator = ("explainer" in roles, "simulator" in roles)
    views = " ".join(f"{role}=view:{role}" for role in roles)
    of_methods = [
        f"{kind}:{name}" for name in config.explain.methods for kind in ("method", "choice", "explanations")
    ]
    found = [
        Stage("probing set", load_images, "probe seed", "probing splits digests", "source"),
        Stage(
            "network",
            load_network,
            "target layers units record probing",
            "model map_reasons device unit_count",
            "source",
        ),
        # Encoders come before the network runs: what is wrong with them shows early.
        Stage(
            "encoders",
            load_encoders,
            " ".join(["device probing concepts simulate", *roles]),
            " ".join(["concept_set same_encoder", *(f"encoder:{role}" for role in roles)]),
            "source",
        ),
        Stage("memory", check_memory, "memory probing units=unit_count"),
        *(stage for role in roles for stage in _of_encoder(role, other="explainer" if explainer else "")),
        Stage("labels", make_label_matrix, "probing", "matrix:label"),
        *(
            [
                Stage(
                    "concepts",
                    make_explainer_matrix,
                    "concepts=concept_set view=view:explainer",
                    "matrix:explainer",
                )
            ]
            if explainer
            else []
        ),
        Stage(
            "simulators",
            make_simulators,
            "simulate label=matrix:label" + (" view=view:simulator" if simulator else ""),
            "simulators",
        ),
        *(_filter(name) for name in config.explain.methods),
        Stage(
            "recording",
            record_layers,
            "probing model layers units options=record keep_outputs dead_threshold",
            "run recorded",
            "pieces",
        ),
        Stage("outputs", match_outputs, "probing model run target", "outputs"),
        *(stage for name in config.explain.methods for stage in _of_method(name)),
        Stage("relations", relate, "layers=recorded device", "similar_units", "result"),
        Stage(
            "replacing",
            Replacing,
            "probing splits model run layers=recorded outputs device record replaces=keep_outputs",
            "replacing",
            "pieces",
        ),
        Stage(
            "output effects",
            measure_output_effects,
            "replacing outputs importance seed",
            "output_effects output_effects_reason",
            "pieces",
        ),
        Stage(
            "impacts",
            measure_impacts,
            "replacing outputs importance seed",
            "impacts top_impacts bucket_impacts",
            "pieces",
        ),
        Stage(
            "maps",
            keep_maps,
            "probing model map_reasons layers=recorded maps record",
            "activation_maps",
            "pieces",
        ),
        Stage(
            "observer’s embeddings",
            embed_for_observer,
            f"layers=recorded observer {views}",
            "observer_embeddings",
        ),
        *(stage for measure in measured(config) for stage in _of_measure(measure, config)),
        Stage(
            "pictures",
            make_pictures,
            "probing splits digests model run layers=recorded maps=activation_maps thumbnail",
            "pictures",
            "pieces",
        ),
        Stage(
            "vocabulary",
            gather,
            f"concepts=concept_set simulators label=matrix:label {views}"
            + (" matrix=matrix:explainer" if explainer else ""),
            "vocabulary",
        ),
        Stage(
            "store",
            write_store,
            "config rebuild probing model run layers=recorded outputs vocabulary same_encoder replacing map_reasons "
            "output_effects_reason pictures maps=activation_maps similar_units output_effects impacts top_impacts bucket_impacts "
            + " ".join(
                [*of_methods, *(name for one in measured(config) for name in _scores_of(one, config))]
            ),
        ),
    ]
    _check_needs(found, config)
    return found


def _check_needs(found: list[Stage], config: Build) -> None:
    known = {*type(config).model_fields, *_DERIVED, *(name for stage in found for name in stage.products)}
    for measure in measured(config):
        if lost := [name for name in measure.needs.split() if name not in known and name not in GIVEN]:
            plain = sorted(name for name in known if ":" not in name)
            raise UserError(
                f"The measure {measure.name!r} needs {lost[0]!r}, which no stage makes; there are {', '.join(plain)}."
            )


def _of_encoder(role: str, other: str) -> list[Stage]:
    """What an encoder sees. other: the role that comes before, whose name is taken."""
    before = f" other=view:{other}" if other and other != role else ""
    return [
        Stage(
            f"embeddings, {role}",
            embed,
            f"encoder=encoder:{role} probing digests cache",
            f"images:{role}",
            "pieces",
        ),
        Stage(
            f"calibration, {role}",
            partial(make_view, role=role),
            f"probing splits spec={role} encoder=encoder:{role} images=images:{role} device cache{before}",
            f"view:{role}",
            "pieces",
        ),
    ]


def _filter(name: str) -> Stage:
    """Which concepts a method may use."""
    by_label = methods[name].matrix == "label"
    needs = "matrix=matrix:label" if by_label else "matrix=matrix:explainer view=view:explainer"
    return Stage(
        f"concept filter, {name}", choose_concepts, f"splits method=method:{name} {needs}", f"choice:{name}"
    )


def _of_method(name: str) -> list[Stage]:
    """Explaining the units by a method."""
    return [
        Stage(
            f"explanations, {name}",
            explain_units,
            f"layers=recorded splits choice=choice:{name} method=method:{name} seed device",
            f"explanations:{name}",
            "pieces",
        ),
    ]


def measured(config: Build) -> list[Measure]:
    """The measures that a build runs; the scores of others come with theirs."""
    return [measure for measure in measures.of(config) if measure.measure is not None]


def _scores_of(measure: Measure, config: Build) -> list[str]:
    """Names of what the stages of a measure make."""
    if measure.of == "unit":
        return [f"scores:{measure.name}"]
    return [f"scores:{measure.name}:{method}" for method in config.explain.methods]


def _of_measure(measure: Measure, config: Build) -> list[Stage]:
    """The stages of a measure: one, or one a method."""
    asked = " ".join(name for name in measure.needs.split() if name not in GIVEN)
    needs = f"layers=recorded measure=measure:{measure.name} {asked}"
    if measure.of == "unit":
        return [Stage(measure.title, run_measure, needs, f"scores:{measure.name}", "pieces")]
    return [
        Stage(
            f"{measure.title}, {method}",
            run_measure,
            f"{needs} choice=choice:{method} explanations=explanations:{method}",
            name,
            "pieces",
        )
        for method, name in zip(config.explain.methods, _scores_of(measure, config), strict=True)
    ]


_DERIVED = ("config", "rebuild", "methods", "keep_outputs")  # names of options that `_given` adds


def _given(config: Build, rebuild: str) -> dict[str, Made]:
    """The options by name, as stages need them."""
    values = {name: getattr(config, name) for name in type(config).model_fields}
    values |= {
        "config": config,
        "rebuild": rebuild,
        "methods": config.explain.methods,
        "keep_outputs": config.importance.run or config.ablation.run,
    }
    given = {name: Made(value, fingerprint.of_option(value)) for name, value in values.items()}
    kinds = [fingerprint.of_code(unit_kinds[spec.kind]) for spec in config.units]
    given["units"] = Made(config.units, fingerprint.digest(given["units"].fingerprint, kinds))
    for name in config.explain.methods:
        method = ConfiguredMethod(name, config.explain)
        code = fingerprint.of_code(type(method.method))
        given[f"method:{name}"] = Made(method, fingerprint.digest(method.config, code))
    for measure in measures.of(config):
        code = fingerprint.of_code(measure.measure) if measure.measure else ""
        given[f"measure:{measure.name}"] = Made(measure, code)
    return given
