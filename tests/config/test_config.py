"""Configs: what is read, what is refused and in which words."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from lexplain_core.base.errors import UserError
from lexplain_core.config import Build, LayerSpec, apply_overrides, load_config, parse_config

GOOD = """
name = "mine"
store = "out/mine.duckdb"
layers = ["layer1", { name = "layer2", pooling = "max" }]
[probe]
root = "images"
names = "words.txt"
superclasses = "groups.json"
[target]
model = "net.py:make"
weights = "net.pth"
outputs = "outputs.txt"
"""


@pytest.fixture
def config_file(tmp_path):
    def write(text: str = GOOD) -> Path:
        path = tmp_path / "sub" / "mine.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    return write


def refusal(path, overrides=()) -> str:
    with pytest.raises(UserError) as caught:
        load_config(path, list(overrides))
    text = str(caught.value)
    assert "\n" not in text.strip() and "pydantic" not in text and "LayerSpec" not in text
    return text


def test_a_good_config_is_read_and_paths_are_from_the_file(config_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = load_config(Path("sub/mine.toml") if config_file() else None)
    base = tmp_path / "sub"
    assert config.store == base / "out/mine.duckdb"
    assert config.probe.root == base / "images" and config.probe.names == base / "words.txt"
    assert config.probe.superclasses == str(base / "groups.json")
    assert config.target.model == str(base / "net.py:make")
    assert config.target.weights == str(base / "net.pth")
    assert config.target.outputs == str(base / "outputs.txt")
    assert config.layers == [LayerSpec(name="layer1"), LayerSpec(name="layer2", pooling="max")]
    assert (config.seed, config.dead_threshold, config.explain.l1, config.explain.alpha) == (
        0,
        0.01,
        0.05,
        0.99,
    )
    assert (config.explain.candidates, config.explain.epsilon, config.explain.max_terms) == (10, 0.02, 10)


def test_absolute_paths_homes_and_names_stay(config_file, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    text = 'name="a"\nstore="/abs/s.duckdb"\nlayers=["x"]\n[probe]\nroot="~/images"\nsuperclasses="wordnet"\n'
    config = load_config(
        config_file(text + '[target]\nmodel="timm/resnet18"\nweights="default"\noutputs="imagenet"\n')
    )
    assert config.store == Path("/abs/s.duckdb") and config.probe.root == tmp_path / "home/images"
    assert config.probe.superclasses == "wordnet"
    assert config.target.model == "timm/resnet18" and config.target.weights == "default"
    assert config.target.outputs == "imagenet"


def test_concept_files_are_from_the_config_file_and_built_in_sets_are_names(
    config_file, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    text = f'{GOOD}[concepts]\nsets = ["labels", "nouns", "my words.txt", "/abs/more.txt", "label"]\n'
    base = tmp_path / "sub"
    expected = ["labels", "nouns", f"{base}/my words.txt", "/abs/more.txt", f"{base}/label"]
    assert load_config(config_file(text)).concepts.sets == expected
    here = load_config(config_file(text), ['concepts.sets=["here.txt", "nouns"]'])
    assert here.concepts.sets == [str(tmp_path / "here.txt"), "nouns"]
    assert "'concepts.sets'" in refusal(config_file(f'{GOOD}[concepts]\nsets = "labels"\n'))


@pytest.mark.parametrize("content", [b"name = ", b"\xff\xfe\x00", b"just words", b"[a]\n[a]\n"])
def test_what_is_not_toml_is_said_with_the_file_and_why(tmp_path, content):
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    text = refusal(path)
    assert str(path) in text and "can't be read" in text


def test_a_missing_file_and_a_folder_are_said(tmp_path):
    assert refusal(tmp_path / "no.toml") == f"There is no config file {tmp_path / 'no.toml'}."
    assert str(tmp_path) in refusal(tmp_path)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('nme = "x"', ["'nme'", "no such option", "'name'"]),
        ("[explain]\nepsilom = 0.1", ["'explain.epsilom'", "no such option", "'epsilon'"]),
        ("[target.preprocess]\nsiz = 3\nresise = 2", ["'target.preprocess.", "no such option"]),
        ("[record]\nmemory = '2GiB'", ["'record.memory'", "it is called memory now"]),
        ("dead_below = 0.1", ["'dead_below'", "it is called dead_threshold now"]),
        ("[explain]\nconcept_std = 0.1", ["'explain.concept_std'", "it is called explain.min_std now"]),
        ("[probes]\nroot = 'x'", ["'probes'", "no such option", "'probe'"]),
        ("[explain]\nepsilon = 'much'", ["'explain.epsilon'", "valid number", "'much'"]),
        ("[explain]\nepsilon = -1", ["'explain.epsilon'", "greater than or equal to 0", "-1"]),
        ("[explain]\nl1 = 0", ["'explain.l1'", "greater than 0"]),
        ("[explain]\nmax_terms = 2.5", ["'explain.max_terms'", "integer", "2.5"]),
        ("[record]\nprecision = 'float8'", ["'record.precision'", "'float32'", "'float8'"]),
        ("[probe]\nlimit = 10", ["'probe.limit'", "50", "10"]),
        ("seed = 'x'", ["'seed'", "integer"]),
        ("probe = 3", ["'probe'", "must be a table (got 3)"]),
        ("target = { outputs = 3 }", ["'target.outputs'", "(got 3)"]),
        ("thumbnail = 5000", ["'thumbnail'", "320"]),
    ],
)
def test_a_wrong_option_names_file_key_and_reason(config_file, text, parts):
    name = "" if "nme" in text else 'name = "a"'
    path = config_file(f'store = "s.duckdb"\nlayers = ["x"]\n{name}\n{text}')
    said = refusal(path)
    assert str(path) in said
    for part in parts:
        assert part in said


@pytest.mark.parametrize(
    ("layers", "parts"),
    [
        ("[]", ["'layers'", "at least 1"]),
        ('"layer1"', ["'layers'", "list"]),
        ('["a", "b", "a"]', ["'layers'", "layer 'a' is listed twice"]),
        ('["a", { name = "a", pooling = "max" }]', ["layer 'a' is listed twice"]),
        ("[3]", ["'layers.0'", "a layer's name, or a table", "(got 3)"]),
        ('["a", { name = "b", pooling = "median" }]', ["'layers.1.pooling'", "'mean'", "'median'"]),
        ('[{ name = "b", poolin = "max" }]', ["'layers.0.poolin'", "no such option", "'pooling'"]),
        ('[{ pooling = "max" }]', ["'layers.0.name'", "needed"]),
    ],
)
def test_wrong_layers_are_said(config_file, layers, parts):
    said = refusal(config_file(f'name = "a"\nstore = "s.duckdb"\nlayers = {layers}\n'))
    for part in parts:
        assert part in said


@pytest.mark.parametrize("key", ["name", "store", "layers"])
def test_what_is_needed_and_not_there_is_said(config_file, key):
    lines = {"name": 'name = "a"', "store": 'store = "s.duckdb"', "layers": 'layers = ["x"]'}
    said = refusal(config_file("\n".join(v for k, v in lines.items() if k != key)))
    assert f"wrong {key!r}: it is needed but not there" in said


def test_overrides_are_toml_or_text_and_their_paths_are_from_here(config_file):
    overrides = [
        "explain.epsilon=0.1", "seed=7", "name=other name", "store=here.duckdb", "probe.root=pics",
        "probe.download=true", 'layers=["a", {name="b", pooling="cls"}]', "target.preprocess.crop=64",
        "memory=1GiB", "target.model=timm/a=b", 'explain.methods=["le-label"]',
    ]  # fmt: skip
    config = load_config(config_file(), overrides)
    assert (config.explain.epsilon, config.seed, config.name) == (0.1, 7, "other name")
    assert config.store == Path.cwd() / "here.duckdb" and config.probe.root == Path.cwd() / "pics"
    assert config.probe.download is True and config.target.preprocess.crop == 64
    assert config.layers == [LayerSpec(name="a"), LayerSpec(name="b", pooling="cls")]
    assert config.memory == "1GiB" and config.target.model == "timm/a=b"


@pytest.mark.parametrize(
    ("override", "parts"),
    [
        ("explain.epsilon", ["key=value", "'explain.epsilon'"]),
        ("=3", ["key=value"]),
        ("name.first=a", ["'name' is a value, not a section"]),
        ("explain.epsilom=1", ["'explain.epsilom'", "'epsilon'"]),
        ("layers=a", ["'layers'"]),
        ("explain=1", ["'explain'"]),
        ('explain.methods=["le-label", "le-label"]', ["'explain.methods'", "twice"]),
    ],
)
def test_wrong_overrides_are_said(config_file, override, parts):
    said = refusal(config_file(), [override])
    for part in parts:
        assert part in said


def test_overrides_leave_the_dict_they_are_given_alone():
    data = {"explain": {"epsilon": 1}}
    assert apply_overrides(data, ["explain.epsilon=2", "explain.l1=3"]) == {
        "explain": {"epsilon": 2, "l1": 3}
    }
    assert data == {"explain": {"epsilon": 1}}


def test_a_config_survives_its_own_json(config_file):
    import json

    config = load_config(config_file())
    assert parse_config(json.loads(config.model_dump_json()), "again") == config


def every_option(section: type[BaseModel], prefix: str = ""):
    for name, field in section.model_fields.items():
        yield f"{prefix}{name}", field
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from every_option(field.annotation, f"{prefix}{name}.")


@pytest.mark.parametrize(("name", "field"), [*every_option(Build), *every_option(LayerSpec, "layers.")])
def test_every_option_has_a_sentence_of_help(name, field):
    assert field.description and field.description.rstrip().endswith("."), name


def test_the_file_endings_of_checkpoints_are_those_that_the_target_reads(config_file):
    from lexplain_core.config.paths import CHECKPOINT_SUFFIXES as SUFFIXES

    for suffix in SUFFIXES:
        path = config_file(GOOD.replace("net.pth", f"net{suffix}"))
        assert load_config(path).target.weights == str(path.parent / f"net{suffix}")


def test_an_encoders_files_are_meant_from_the_config_file(tmp_path):
    folder = tmp_path / "clip"
    folder.mkdir()
    text = """
    name = "x"
    store = "s.duckdb"
    cache = "kept"
    layers = ["a"]
    [explainer]
    model = "clip"
    tokenizer = "words"
    [simulator]
    model = "ViT-B-32"
    pretrained = "weights.safetensors"
    """
    (tmp_path / "build.toml").write_text(text)
    config = load_config(tmp_path / "build.toml")
    assert config.cache == tmp_path / "kept"
    assert config.explainer.model == str(folder) and config.explainer.tokenizer == tmp_path / "words"
    assert config.simulator.model == "ViT-B-32"  # a name of open_clip's
    assert config.simulator.pretrained == str(tmp_path / "weights.safetensors")
    tagged = load_config(tmp_path / "build.toml", ["simulator.pretrained=webli"])
    assert tagged.simulator.pretrained == "webli"
    # an explainer that is given is used, unless it is said otherwise
    assert config.explain.methods == ["le-label", "le-siglip"]
    assert load_config(tmp_path / "build.toml", ["explain.methods=['le-label']"]).explain.methods == [
        "le-label"
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("x = " + "[" * 5000 + "]" * 5000, "nested too deeply"),
        ("x = " + "{a = " * 5000 + "1" + "}" * 5000, "nested too deeply"),
        ("x = " + "[" * 100 + "]" * 100, "nested too deeply"),
        (".".join(["a"] * 50_000) + " = 1", "too many parts"),
        ("[" + " . ".join(['"a,="'] * 9000) + "]", "too many parts"),
        ("x = {" + ".".join(["'='"] * 9000) + " = 1}", "too many parts"),
        ("seed = " + "1" * 200_000, "too many digits"),
        ("seed = " + "1" * 4000, "64 bits"),
        ("x = '" + "y" * 2_000_000 + "'", "more than 1 MB"),
        ('x = "a\\u0000b"', "not text"),
        ("x = '\0'", "zero byte"),
        ("\n".join(f"x.k{i} = 1" for i in range(50_000)), "no such option"),
        ("y" * 900_000 + " = 1", "no such option"),
        ("seed = '" + "y" * 900_000 + "'", "valid integer"),
        ("dead_threshold = [" + "1, " * 200_000 + "]", "number"),
    ],
)
def test_a_file_that_is_made_to_be_slow_or_large_is_one_short_sentence(tmp_path, line, words):
    path = tmp_path / "c.toml"
    path.write_text(line + "\n" + GOOD)
    text = refusal(path)
    assert words in text and "\n" not in text and len(text) < 700


@pytest.mark.parametrize(
    "assignment",
    [
        "seed=" + "1" * 100_000, ".".join(["a"] * 50_000) + "=1", "x=" + "[" * 9000, "x=" + "{a=" * 9000,
        "name=\udcff", "store=a\0b", "y" * 100_000, "seed=" + "y" * 100_000, "y" * 100_000 + "=1",
        "name.x=" + "y" * 100_000, "seed=\x1b[31mred\n",
    ],
)  # fmt: skip
def test_an_override_likewise(config_file, assignment):
    with pytest.raises(UserError) as caught:
        load_config(config_file(GOOD), ["explain.l1=0.5", assignment])
    assert len(str(caught.value)) < 700 and str(caught.value).isprintable()


@pytest.mark.parametrize("kind", ["/dev/zero", "nul\0", "folder", "x" * 300])
def test_a_config_that_is_no_file_is_a_sentence(tmp_path, kind):
    (tmp_path / "folder").mkdir()
    path = tmp_path / kind  # an absolute path stands for itself
    text = refusal(path)
    assert "can't be read" in text or "no config file" in text
