"""A store is data: what it names is opened, run or written to only where this machine's user has said so."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from typer.testing import CliRunner

from lexplain_core import trust
from lexplain_core.base.errors import UserError
from lexplain_core.cli import main
from lexplain_core.concepts import load_encoder
from lexplain_core.config import Target, parse_config
from lexplain_core.config.study import load_settings
from lexplain_core.demo.config import DEMO_CONFIG
from lexplain_core.live import Looker
from lexplain_core.model import load_target
from lexplain_core.pipeline.build import build
from lexplain_core.pipeline.import_explanations import import_explanations
from lexplain_core.probe import load_probing_set
from lexplain_core.store import Store
from lexplain_core.studies.plan.making import new_study
from lexplain_core.trust import Entry, of_store
from lexplain_core.trust import file as trust_file

from ..explanations import write_explanations
from ..small_folder import config_dict, make_world
from ..strangers import UNTRUSTED, Notes, asking, built_with, claim, code, noted, refused, stranger
from ..studies.written import write_store

pytestmark = pytest.mark.usefixtures("mine")


@pytest.fixture
def no_network(monkeypatch):
    """Fails the test when anything so much as looks up an address, whatever is made of the error then."""
    tried = []

    def refuse(*args, **kwargs):
        tried.append(args)
        raise OSError("the test has no network")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    for name in ("getaddrinfo", "gethostbyname", "create_connection"):
        monkeypatch.setattr(socket, name, refuse)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    yield
    assert not tried


def command(*words: object, answer: str = "", code_: int = 0) -> str:
    result = CliRunner().invoke(main.app, ["trust", *map(str, words)], input=answer)
    if isinstance(result.exception, UserError):
        raise result.exception
    assert result.exit_code == code_, result.output
    return " ".join(result.output.split())


# -- weights, encoders, images ---------------------------------------------------------------------


def test_weights_are_read_where_a_build_did_and_as_they_were(tmp_path):
    network = load_target(Target(model="demo"))
    file = tmp_path / "w.safetensors"
    save_file(network.module.state_dict(), file)
    config = asking(model="demo", weights=str(file))
    assert f"names the weights file {file}, {UNTRUSTED}" in refused(config)
    with noted():
        load_target(Target(model="demo", weights=str(file)))
    Looker.open(config, device="cpu")
    facts = file.stat()
    save_file({key: value + 1 for key, value in network.module.state_dict().items()}, file)
    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert file.stat().st_size == facts.st_size
    refused(config, r"the weights file .* \(w.safetensors\)")


@pytest.mark.parametrize(
    "target",
    [
        {"model": "resnet18", "weights": "{0}"},
        {"model": "timm/test_resnet", "weights": "{0}"},
        {"model": "open_clip/ViT-S-32-alt", "weights": "{0}"},
        {"model": "le/resnet18-places365", "weights": "{0}"},
        {"model": "demo", "weights": "../../{0}"},
        {"model": "demo", "weights": "~/{0}"},
        {"model": "demo", "weights": "no-suffix"},
        {"model": "demo", "weights": "a\0b.pth"},
        {"model": "{0}.py:make", "weights": "default"},
        {"model": "a\0b.py:make", "weights": "default"},
        {"model": "~nobody-of-that-name/x.py:make"},
    ],
)
def test_no_file_is_opened_because_a_store_names_it(tmp_path, monkeypatch, target):
    (tmp_path / "w.pth").write_bytes(b"secret")
    monkeypatch.chdir(tmp_path)
    target = {key: value.format(tmp_path / "w.pth") for key, value in target.items()}
    opened = []
    before = open
    monkeypatch.setattr(
        "builtins.open", lambda file, *a, **k: opened.append(str(file)) or before(file, *a, **k)
    )
    refused(asking(**target))
    assert not [name for name in opened if "w.pth" in name]


def test_names_with_a_source_are_no_names(no_network, tmp_path):
    for model in ("timm/hf-hub:x", "hf-hub:timm/resnet18", "local-dir:/tmp", "open_clip/hf-hub:x", "open_clip/local-dir:x",
                  "timm/local-dir:x", "http://x/y", "timm/resnet18.local-dir:x", "file:///etc/passwd"):  # fmt: skip
        refused(asking(model=model, weights="random"), "There is no target model")
    for model in ("hf-hub:timm/ViT-B-16-SigLIP", "local-dir:/tmp", "http://x/y", str(tmp_path)):
        encoder_refused(model=model)
    encoder_refused(model="ViT-B-32", pretrained="hf-hub:x/y")
    encoder_refused(model="ViT-B-32", pretrained="http://x/y.pt")
    assert "openai" not in encoder_refused(model="demo/explainer", pretrained=str(tmp_path))
    encoder_refused(model="demo/explainer", tokenizer=str(tmp_path))


def encoder_refused(**encoder: object) -> str:
    with (
        pytest.raises(UserError, match=UNTRUSTED) as error,
        of_store(DEMO_CONFIG | {"explainer": encoder}) as build,
    ):
        load_encoder(build.explainer, "cpu")
    return str(error.value)


def test_encoders_of_the_demo_need_no_trust_and_others_are_read_as_they_were(tmp_path):
    import shutil

    from lexplain_core.concepts import encoder_folders

    with of_store(DEMO_CONFIG) as build:
        assert load_encoder(build.explainer, "cpu").name
    folder = Path(shutil.copytree(encoder_folders["demo/explainer"], tmp_path / "own"))
    config = DEMO_CONFIG | {"explainer": {"model": str(folder)}}
    encoder_refused(model=str(folder))
    with noted():
        load_encoder(parse_config(config, "of the test").explainer, "cpu")
    with of_store(config) as build:
        load_encoder(build.explainer, "cpu")
    (folder / "tokenizer.json").write_text("{}")  # a new one would be taken in place of that which was
    with pytest.raises(UserError, match=r"\(.*tokenizer.json\)"), of_store(config) as build:
        load_encoder(build.explainer, "cpu")


def test_a_file_that_is_swapped_while_it_is_read_is_noticed(tmp_path):
    file = tmp_path / "w.safetensors"
    save_file({"a": torch.ones(3)}, file)
    trust_file.add([Entry("weights", str(file), trust.digests.files_of("weights", file))])
    with pytest.raises(UserError, match="was changed while it was read"), of_store(DEMO_CONFIG):
        trust.opening("weights", file)
        save_file({"a": torch.zeros(3)}, tmp_path / "other")
        os.replace(tmp_path / "other", file)


def test_a_store_says_nothing_of_the_machine(tmp_path):
    told = {
        "cache": str(tmp_path / "theirs"),
        "record": {"device": "cuda:7", "batch_size": 10**9},
        "probe": {"set": "folder", "root": str(tmp_path), "download": True, "names": "/etc/passwd", "superclasses": "/x"},
        "target": {"model": "demo", "outputs": "/etc/hostname.txt"},
        "explainer": {"model": "demo/explainer", "batch_size": 10**9},
        "concepts": {"sets": ["/etc/passwd"]},
    }  # fmt: skip
    with of_store(DEMO_CONFIG | told) as build:
        assert build.cache == parse_config(DEMO_CONFIG, "").cache and build.record.device == "auto"
        assert not build.probe.download and build.probe.names is None and build.probe.superclasses is None
        assert build.explainer.batch_size == 64 and build.concepts.sets == ["labels"]
        with pytest.raises(UserError, match=f"names the image folder {tmp_path}, {UNTRUSTED}"):
            load_probing_set(build.probe)
    Looker.open(DEMO_CONFIG | {"target": told["target"]}, device="cpu")  # opens no outputs
    refused(asking(model="demo", preprocess={"resize": 100_000}), "100000 pixels a side")
    for broken in (None, [], "x", {"name": 3}):
        with pytest.raises(UserError), of_store(broken):
            pass


# -- downloads -------------------------------------------------------------------------------------


def test_a_store_downloads_nothing(no_network, tmp_path, monkeypatch):
    """What lies in the libraries' caches is found there, and all else is told as missing, without a look at any address."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    missing = "can't be had from the library's cache on this machine, and nothing is downloaded because a store names it"
    for model, weights in (
        ("resnet18", "default"), ("le/resnet50-imagenet", "default"), ("timm/test_resnet", "default"),
        ("imi/convnext_b", "default"), ("open_clip/RN50", "openai"), ("open_clip/ViT-B-32", "laion2b_s34b_b79k"),
    ):  # fmt: skip
        if model != "imi/convnext_b":  # large
            assert missing in refused(
                asking(model=model, weights=weights), "can't be had from the library's cache"
            )
    for encoder in (
        {"model": "ViT-B-32", "pretrained": "laion2b_s34b_b79k"},
        {"model": "RN50", "pretrained": "openai"},
    ):
        with pytest.raises(UserError, match=missing), of_store(DEMO_CONFIG | {"explainer": encoder}) as build:
            load_encoder(build.explainer, "cpu")


def test_what_lies_in_a_librarys_cache_needs_no_trust(no_network, tmp_path, monkeypatch):
    import timm
    import torchvision

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    checkpoints = tmp_path / "torch" / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    url = torchvision.models.SqueezeNet1_1_Weights.DEFAULT.url
    torch.save(torchvision.models.squeezenet1_1().state_dict(), checkpoints / url.rpartition("/")[2])
    assert "features.12" in Looker.open(asking(model="squeezenet1_1", weights="default"), device="cpu").layers

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    repository = timm.get_pretrained_cfg("test_resnet.r160_in1k").hf_hub_id
    folder = tmp_path / "hub" / f"models--{repository.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("0" * 40)
    (folder / "snapshots" / ("0" * 40)).mkdir(parents=True)
    saved = timm.create_model("test_resnet").state_dict()
    save_file(saved, folder / "snapshots" / ("0" * 40) / "model.safetensors")
    found = Looker.open(asking(model="timm/test_resnet", weights="default"), device="cpu")
    assert torch.equal(found.model.module.fc.weight, saved["fc.weight"])


def test_trusted_code_downloads_nothing_for_a_page(no_network, tmp_path):
    file = tmp_path / "net.py"
    file.write_text(
        "import torch, urllib.request, socket\ndef make():\n"
        "    for fetch in (lambda: urllib.request.urlopen('http://127.0.0.1:9'), lambda: socket.socket().connect(('127.0.0.1', 9))):\n"
        "        try:\n            fetch()\n        except OSError as error:\n            assert 'a store names' in str(error)\n"
        "    return torch.nn.Conv2d(3, 4, 1)\n"
    )
    trust_file.add([Entry("code", str(file), trust.digests.files_of("code", file), ("make",))])
    Looker.open(asking(model=f"{file}:make"), device="cpu")


# -- the trust file --------------------------------------------------------------------------------


def test_the_trust_file_is_in_the_users_hands_alone(tmp_path, mine):
    file, _ = code(tmp_path / "mine")
    config = built_with(file)
    assert stat.S_IMODE(mine.stat().st_mode) == 0o600 and stat.S_IMODE(mine.parent.stat().st_mode) == 0o700
    Looker.open(config, device="cpu")
    mine.chmod(0o620)
    assert "can be written by others" in refused(config, r"trust \(the trust file .*\); `python -m")
    mine.chmod(0o400)
    Looker.open(config, device="cpu")  # as one that is handed out for reading
    mine.chmod(0o600)
    for text in ("", "{", "[]", '{"lexplain_trust": 2, "entries": []}', '{"lexplain_trust": 1, "entries": [3]}', "\0\xff",
                 mine.read_text().replace('"code"', '"magic"'), mine.read_text().replace('"files"', '"file"')):  # fmt: skip
        mine.write_bytes(text.encode("latin-1"))
        assert "is damaged, or no trust file" in refused(config, "has not been told to trust")
        watched = Notes()
        with trust.noting() as scope:
            load_target(parse_config(config, "").target)
        scope.keep(watched)
        assert "can't be noted" in watched.notes[0] and mine.read_bytes() == text.encode("latin-1")
    mine.unlink()
    os.mkfifo(mine)
    assert "is no file" in refused(config, "has not been told to trust")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_trust_file_of_another_user_counts_for_nothing(tmp_path, mine):
    config = built_with(code(tmp_path / "mine")[0])
    os.chown(mine, 12345, 12345)
    assert "belongs to another user" in refused(config, "has not been told to trust")


def test_a_build_goes_on_where_nothing_can_be_noted(tmp_path, monkeypatch):
    (tmp_path / "a file").touch()
    monkeypatch.setenv("LEXPLAIN_TRUST", str(tmp_path / "a file" / "trust.json"))
    watched = Notes()
    with trust.noting() as scope:
        load_target(Target(model=f"{code(tmp_path)[0]}:make"))
    scope.keep(watched)
    assert (
        len(watched.notes) == 1 and "will ask for `python -m lexplain_core trust STORE`" in watched.notes[0]
    )
    with trust.noting() as scope:
        load_target(Target(model="demo"))
    scope.keep(watched)
    assert len(watched.notes) == 1  # of what comes with lexplain there is nothing to note


def test_where_the_trust_file_lies(monkeypatch, tmp_path):
    monkeypatch.delenv("LEXPLAIN_TRUST")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert trust_file.place() == tmp_path / "config" / "lexplain" / "trust.json"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(
        "XDG_CONFIG_HOME", "here"
    )  # a folder of configurations is not a folder where one happens to stand
    assert trust_file.place() == tmp_path / ".config" / "lexplain" / "trust.json"
    monkeypatch.setenv("HOME", "there")
    assert trust_file.read() == ({}, "There is no home for the trust file: set LEXPLAIN_TRUST to a file")


def test_nothing_that_a_store_named_is_ever_noted(tmp_path, mine):
    file, _ = code(tmp_path)
    for _ in range(2):
        refused(asking(model=f"{file}:make"))
    assert not mine.exists()


# -- the command -----------------------------------------------------------------------------------


@pytest.fixture
def small(tmp_path) -> Path:
    """A hand-written store of 60 images in a folder."""
    import numpy as np

    (tmp_path / "images" / "c").mkdir(parents=True)
    for i in range(60):
        Image.new("RGB", (40, 40), (i, 2 * i, 99)).save(tmp_path / "images" / "c" / f"{i}.png")
    layers = {"one": np.random.default_rng(0).normal(size=(8, 60)).astype(np.float32)}
    probe = {"set": "folder", "root": str(tmp_path / "images")}
    return write_store(tmp_path / "small.duckdb", layers, keys=[f"c/{i}.png" for i in range(60)], sizes=[(40, 40)] * 60,
                       probe=probe)  # fmt: skip


def test_the_command_lists_and_allows_without_running(tmp_path, small, mine):
    file, mark = code(tmp_path / "theirs")
    (tmp_path / "w.pth").write_bytes(b"weights")
    (tmp_path / "encoder").mkdir()
    (tmp_path / "encoder" / "open_clip_config.json").write_text("{}")
    claim(small, target={"model": f"{file}:make", "weights": str(tmp_path / "w.pth")}, explainer={"model": str(tmp_path / "encoder")},
          simulator={"model": str(tmp_path / "gone")})  # fmt: skip
    said = command(small, answer="n\n", code_=1)
    for part in (f"not trusted: network code {file}:make", f"not trusted: weights file {tmp_path}/w.pth", "sha256",
                 f"not trusted: encoder {tmp_path}/encoder", f"not trusted: image folder {tmp_path}/images",
                 f"not here, or can't be read: encoder {tmp_path}/gone", "Trust these 4?"):  # fmt: skip
        assert part in said
    assert not mine.exists()
    command(small, answer="y\n")
    assert not mark.exists()
    assert {kind for kind, _ in trust_file.read()[0]} == {"code", "weights", "encoder", "images"}
    assert "Nothing is left to allow." in command(small)
    assert f"network code {file}:make (1 file)" in command("--list")
    file.write_text(file.read_text() + "\n")
    assert "changed since it was trusted: network code" in command(small, "--yes")
    assert "changed, new or gone: evil.py" not in command(small)
    command(small, "--forget")
    assert not trust_file.read()[0]
    with pytest.raises(UserError, match="Which store"):
        command()


def test_a_stores_words_do_not_command_the_terminal(tmp_path, small):
    claim(small, target={"model": "\x1b[2J[bold red]\r/x\u202e/\x07y.py:make"})
    result = CliRunner().invoke(main.app, ["trust", str(small), "--yes"])
    assert "[bold red]" in result.output and not {"\x1b", "\r", "\x07", "\u202e"} & set(result.output)
    sentence = refused(asking(model="\x1b[2J\n\u202e/x.py:make"))
    assert sentence.isprintable()
    assert len(refused(asking(model=f"/{'x' * 10_000}.py:make"))) < 500


# -- who goes by a store's config --------------------------------------------------------------------


def study(store: Path, folder: Path, **more: object) -> Path:
    settings = load_settings(None, ["stimuli.units=6", "course.trials=6", "course.tasks=1", "course.practice_rounds=1",
                                    "course.catch=1"])  # fmt: skip
    return new_study(store, "study", settings, folder, **more)


def test_a_study_reads_images_where_it_may(tmp_path, small, monkeypatch):
    images, moved = tmp_path / "images", tmp_path / "moved"
    with pytest.raises(UserError, match=f"names the image folder {images}, {UNTRUSTED}.*`--images FOLDER`"):
        study(small, tmp_path / "a")
    with Store.open(small) as store:
        from lexplain_core.studies.plan.pictures import source_pictures

        settings = load_settings()
        with pytest.raises(UserError, match="stimuli.images=stored"):
            source_pictures(store, settings)
        assert source_pictures(store, settings, root=images)(3).key == "c/3.png"
        monkeypatch.setenv("LEXPLAIN_IMAGES", str(images))
        assert source_pictures(store, settings)(3).key == "c/3.png"
        monkeypatch.delenv("LEXPLAIN_IMAGES")
        trust_file.add([Entry("images", str(images), {})])
        load = source_pictures(store, settings)
        assert load(3).key == "c/3.png"
        images.rename(moved)
        images.symlink_to(tmp_path)  # a swapped link leads to no folder that is trusted
        with pytest.raises(UserError, match=UNTRUSTED):
            source_pictures(store, settings)


@pytest.mark.parametrize("key", ["../secret.png", "c/../../secret.png", "{0}/secret.png"])
def test_no_key_of_a_store_leads_out_of_its_folder(tmp_path, small, key):
    import duckdb

    from lexplain_core.studies.plan.pictures import source_pictures

    Image.new("RGB", (40, 40), (255, 0, 0)).save(tmp_path / "secret.png")
    trust_file.add([Entry("images", str(tmp_path / "images"), {})])
    with duckdb.connect(str(small)) as con:
        con.execute("UPDATE images SET key = ? WHERE image_id = 7", [key.format(tmp_path)])
    with Store.open(small) as store, pytest.raises(UserError, match="no path below the folder of its images"):
        source_pictures(store, load_settings())


def test_an_import_asks_no_encoder_that_a_store_names(demo_store, tmp_path):
    theirs = tmp_path / "theirs"
    file = write_explanations(tmp_path, "layer,unit,text\nblock7,0,a thing that nobody has said\n")
    theirs.mkdir()
    path = stranger(
        demo_store, tmp_path / "b.duckdb", explainer={"model": str(theirs)}, simulator={"model": str(theirs)}
    )
    watched = Notes()
    import_explanations(file, path, "mine", progress=watched)
    assert any(f"names the encoder {theirs}, {UNTRUSTED}" in note for note in watched.notes)


def test_a_build_notes_what_it_opened_and_needs_no_home(tmp_path, mine):
    """And a store of it can be looked at: code with what it imports, weights, images."""
    make_world(tmp_path)
    (tmp_path / "helper.py").write_text("WIDTH = 6\n")
    (tmp_path / "net.py").write_text(
        "import torch, helper\ndef make():\n    class Net(torch.nn.Module):\n        def __init__(self):\n            super().__init__()\n"
        "            self.conv = torch.nn.Conv2d(3, helper.WIDTH, 3)\n        def forward(self, x):\n"
        "            return self.conv(x).mean((2, 3))\n    net = Net()\n    net.preprocess = dict(crop=24)\n    return net\n"
    )
    config = config_dict(tmp_path / "images", tmp_path / "net.py", tmp_path / "s.duckdb")
    config |= {
        "layers": ["conv"],
        "importance": {"run": False},
        "ablation": {"run": False},
        "maps": {"run": False},
    }
    config["target"] |= {"outputs": None}
    build(parse_config(config, "of the test"))
    trusted = trust_file.read()[0]
    assert {kind for kind, _ in trusted} == {"code", "images"}
    code_ = trusted["code", str(tmp_path / "net.py")]
    assert code_.functions == ("make",) and len(code_.files) == 2
    with Store.open(tmp_path / "s.duckdb") as store:
        assert Looker.open(store.meta["config"], device="cpu", path=store.path).layers[0] == "conv"
        trust_file.forget(list(trusted))
        with pytest.raises(UserError, match=f"lexplain_core trust {tmp_path}/s.duckdb` lists"):
            Looker.open(store.meta["config"], path=store.path)
    command(tmp_path / "s.duckdb", "--yes")
    assert set(trust_file.read()[0]) == set(trusted)
