"""Network code is run where a build ran it, as it was then, with the files that it imports."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from lexplain_core.config import Target
from lexplain_core.live import Looker
from lexplain_core.trust import file as trust_file
from lexplain_core.trust.digests import importable

from ..strangers import UNTRUSTED, asking, built_with, code, refused

pytestmark = pytest.mark.usefixtures("mine")


def test_code_that_a_store_names_is_not_run(tmp_path):
    file, mark = code(tmp_path)
    sentence = refused(asking(model=f"{file}:make"))
    assert sentence.startswith(f"The store 'Demo world' names the network code {file}:make, {UNTRUSTED}")
    assert not mark.exists()


def test_code_that_a_build_ran_is_run_again(tmp_path):
    file, mark = code(tmp_path / "mine")
    config = built_with(file)
    mark.unlink()
    assert Looker.open(config, device="cpu").layers == ["0"] and mark.exists()


@pytest.mark.parametrize("change", ["content", "function", "link", "neighbour", "other user"])
def test_code_that_is_not_as_it_was_is_not_run(tmp_path, monkeypatch, change):
    file, mark = code(tmp_path / "mine")
    (tmp_path / "mine" / "helper.py").write_text("WIDTH = 4\n")
    file.write_text("import helper\n" + file.read_text() + "\ndef wipe():\n    Path('/nowhere').touch()\n")
    link = tmp_path / "link.py"
    link.symlink_to(file)
    config = built_with(link)
    Looker.open(config, device="cpu")
    mark.unlink()
    match change:
        case "content":
            file.write_text(file.read_text() + "\n")
            match = r"not as it was when this machine came to trust it \(evil.py\)"
        case "function":
            config = asking(model=f"{link}:wipe")
            match = UNTRUSTED
        case "link":
            other, mark = code(tmp_path / "other")
            link.unlink()
            link.symlink_to(other)
            match = UNTRUSTED
        case "neighbour":
            (tmp_path / "mine" / "helper.py").write_text(
                f"from pathlib import Path; Path({str(mark)!r}).touch()"
            )
            match = r"\(helper.py\)"
        case _:
            monkeypatch.setenv("LEXPLAIN_TRUST", str(tmp_path / "another" / "trust.json"))
            match = UNTRUSTED
    refused(config, match)
    assert not mark.exists()


PACKAGE = {
    "net.py": "import blocks\nfrom pack import inner\nimport importlib\nimport torch\n"
    "def make():\n    late = importlib.import_module('late')\n    from pack import deep\n"
    "    return torch.nn.Sequential(torch.nn.Conv2d(3, blocks.WIDTH + inner.MORE + late.NONE + deep.NONE, 1))\n",
    "blocks.py": "import room.shelf\nWIDTH = room.shelf.WIDTH\n",
    "room/shelf.py": "WIDTH = 3\n",  # in a mere folder
    "pack/__init__.py": "",
    "pack/inner.py": "from .deep import NONE\nMORE = 1 + NONE\n",
    "pack/deep.py": "NONE = 0\n",
    "late.py": "NONE = 0\n",
    "apart.py": "raise RuntimeError('nobody imports me')\n",
}


def packaged(folder: Path) -> Path:
    for name, text in PACKAGE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder / "net.py"


@pytest.mark.parametrize("changed", [name for name in PACKAGE if name not in ("apart.py",)])
def test_a_change_of_any_file_that_is_imported_is_noticed(tmp_path, changed):
    config = built_with(packaged(tmp_path / "mine"))
    assert Looker.open(config, device="cpu").model.module[0].out_channels == 4
    (tmp_path / "mine" / "apart.py").write_text("nobody = 'imports this'\n")
    Looker.open(config, device="cpu")
    (tmp_path / "mine" / changed).write_text(PACKAGE[changed] + "# changed\n")
    refused(config, rf"\({changed}\)")


def test_the_command_finds_the_same_files_without_running_any(tmp_path):
    file = packaged(tmp_path)
    config = built_with(file)
    (entry,) = trust_file.read()[0].values()
    all_ = set(PACKAGE) - {"apart.py"}
    assert {os.path.relpath(name, tmp_path) for name in entry.files} == all_
    assert {path.relative_to(tmp_path).as_posix() for path in importable(file)} == all_
    file.write_text("import importlib\nimportlib.import_module('la' + 'te')\n" + file.read_text())
    assert {path.relative_to(tmp_path).as_posix() for path in importable(file)} == set(
        PACKAGE
    )  # it could be any
    refused(config, r"\(net.py")


@pytest.mark.parametrize("new", ["sideways.py", "sideways/__init__.py", "sideways.pyc"])
def test_a_new_neighbour_does_not_slip_in(tmp_path, new):
    """Not even one that reading the code doesn't find, since the code hides its name."""
    file, mark = code(tmp_path / "mine")
    hidden = "try:\n    eval('__imp' + 'ort__')('side' + 'ways')\nexcept Exception:\n    pass\n"
    file.write_text(hidden + file.read_text())
    config = built_with(file)
    mark.unlink()
    evil = tmp_path / "evil.py"
    evil.write_text(f"open({str(tmp_path / 'sideways ran')!r}, 'w')\n")
    place = tmp_path / "mine" / new
    place.parent.mkdir(exist_ok=True)
    if new.endswith(".pyc"):
        import py_compile

        py_compile.compile(str(evil), str(place))
        Looker.open(config, device="cpu")  # a network's folder is searched for sources alone
    else:
        place.write_text(evil.read_text())
        refused(config, "sideways")
    assert not (tmp_path / "sideways ran").exists()
    sys.modules.pop("sideways", None)


def test_bytecode_in_a_cache_is_not_run_in_place_of_the_source(tmp_path):
    import py_compile

    file, _ = code(tmp_path / "mine")
    helper = tmp_path / "mine" / "helper.py"
    helper.write_text("WIDTH = 1234567\n" + "#" * 100)
    file.write_text("import helper\n" + file.read_text())
    config = built_with(file)
    evil = f"open({str(tmp_path / 'ran')!r}, 'w')"
    real, facts = helper.read_text(), helper.stat()
    helper.write_text(evil.ljust(len(real)))
    os.utime(helper, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    py_compile.compile(str(helper))
    helper.write_text(real)
    os.utime(helper, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    Looker.open(config, device="cpu")
    assert not (tmp_path / "ran").exists()


def test_two_networks_may_have_neighbours_of_one_name(tmp_path):
    for folder, width in (("one", 3), ("two", 5)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "helper.py").write_text(f"WIDTH = {width}\n")
        (tmp_path / folder / "net.py").write_text(
            "import helper, torch\ndef make(): return torch.nn.Conv2d(3, helper.WIDTH, 1)\n"
        )
    for folder, width in (("one", 3), ("two", 5), ("one", 3)):
        assert (
            Looker.open(built_with(tmp_path / folder / "net.py"), device="cpu").model.module.out_channels
            == width
        )


def test_code_of_a_preset_comes_with_lexplain_and_needs_no_trust(tmp_path):
    target = Target(model="le/vgg16-cifar100", weights="random")
    Looker.open(asking(**target.model_dump(include={"model", "weights"})), device="cpu")
    import lexplain_core.model

    ours = Path(lexplain_core.model.__file__).parent / "vgg16_cifar100.py"
    refused(asking(model=f"{ours}:vgg16"))  # only so named
