"""What a build says and stores when concepts or encoders can't be used; before any network runs."""

from __future__ import annotations

import json

import pytest

from lexplain_core.base.errors import UserError
from lexplain_core.base.progress import Silent
from lexplain_core.concepts import encoder_folders
from lexplain_core.config import apply_overrides, parse_config
from lexplain_core.demo.config import DEMO_CONFIG
from lexplain_core.explain import ConfiguredMethod
from lexplain_core.pipeline.build import build, make
from lexplain_core.pipeline.persist import method_options
from lexplain_core.store.rows import config_hash


class Notes(Silent):
    def __init__(self):
        self.said = []

    def note(self, text: str) -> None:
        self.said.append(text)


def config(tmp_path, *overrides):
    own = [f"store={tmp_path / 'x.duckdb'}", f"cache={tmp_path / 'cache'}", "probe.limit=112", *overrides]
    return parse_config(apply_overrides(DEMO_CONFIG, own), "of the test")


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (
            ["explain.min_top5_mean=1.5", "explain.methods=['le-siglip']"],
            "No concept of “demo/explainer” passes",
        ),
        (["simulator.model=demo/explainer"], "same"),
        (["concepts.sets=['labels', '/nowhere/words.txt']"], "words.txt"),
        (["explainer.model=demo/explaner"], "demo/expla"),
    ],
)
def test_what_is_wrong_with_encoders_and_concepts_ends_the_build_before_the_network_runs(
    tmp_path, overrides, said
):
    notes = Notes()
    with pytest.raises(UserError, match=said):
        build(config(tmp_path, *overrides), notes)
    assert not any("images per second" in note for note in notes.said)
    assert not (tmp_path / "x.duckdb").exists()


def test_the_hash_of_a_methods_options_has_all_that_changes_its_explanations(tmp_path):
    """The encoder's a and b and the concepts' texts, too."""
    configs = []
    (tmp_path / "more.txt").write_text("a red boat\n")
    for overrides in (
        [],
        ["explainer.a=30", "explainer.b=-0.1"],
        [f"concepts.sets=['labels', '{tmp_path / 'more.txt'}']"],
        ["explain.solver=glm-saga"],
        ["explain.solver=glm-saga", "seed=1"],
    ):
        options = config(tmp_path, *overrides)
        matrix, vocabulary = make(options, "matrix:explainer", "vocabulary")
        method = ConfiguredMethod("le-siglip", options.explain)
        configs.append(method_options(method, matrix, vocabulary, options.seed))
    assert len({config_hash(c) for c in configs}) == 5
    json.dumps(configs)


def test_the_demos_encoders_have_names():
    assert {"demo/explainer", "demo/simulator"} <= set(encoder_folders)


def test_without_a_simulator_it_is_said(tmp_path):
    notes = Notes()
    build(config(tmp_path, "simulator.model=''", "layers=['block7']"), notes)
    assert any("There is no simulator.model" in note for note in notes.said)
