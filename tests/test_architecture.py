"""The house: who may import whom, and what stays out of a room."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import ROOT

CORE = ROOT / "lexplain_core"
# A room imports only from rooms before it in this list.
ROOMS = [
    "store", "notes", "probe", "target", "concepts", "explain", "simulate", "importance", "trials", "live", "figures",
    "demo", "work", "judging", "mapping", "observing", "relating", "persist_effects", "persist_relations", "persist", "build", "stored_encoders", "import_explanations", "study_cli", "notes_cli", "figure_cli", "trust_cli", "info_cli", "cli", "__main__", "reference",
]  # fmt: skip
BASE = [
    "errors", "text", "terminal", "entries", "writing", "files", "toml", "pictures", "sqlite_file", "registry", "progress", "config", "config_paths", "sampling", "offline",
    "trust",
]  # fmt: skip
SOURCES = sorted(p for p in CORE.rglob("*.py"))
PAGES = [p for p in [ROOT / "app.py", *sorted((ROOT / "pages").rglob("*.py"))] if p.exists()]
PAGES_MAY = {"store", "notes", "figures", "trials", "live", "errors", "entries", "writing", "pictures"}


def imported(path: Path) -> set[str]:
    """Dotted names of all modules that a file imports, anywhere in it; `a.b` also for `from a import b`."""
    package = path.relative_to(ROOT).parts[:-1]
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = [*package[: len(package) - node.level + 1]] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            names |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return names


def rooms_of(names: set[str]) -> set[str]:
    """The rooms and base modules of lexplain_core that imported names lie in."""
    found = {name.split(".")[1] for name in names if name.startswith("lexplain_core.")}
    return found & {*ROOMS, *BASE}


def test_imports_are_read_right(tmp_path):
    file = CORE / "explain" / "greedy.py"
    assert "lexplain_core.explain.base.Found" in imported(file)
    assert rooms_of(imported(CORE / "explain" / "base.py")) == {
        "concepts",
        "config",
        "explain",
        "progress",
        "registry",
    }


def test_every_module_is_in_a_room():
    known = {*ROOMS, *BASE, "__init__"}
    assert {p.relative_to(CORE).parts[0].removesuffix(".py") for p in SOURCES} <= known


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(CORE)))
def test_a_room_imports_only_from_rooms_above_it(path):
    room = path.relative_to(CORE).parts[0].removesuffix(".py")
    used = rooms_of(imported(path)) - {room}
    if room == "__init__":
        assert used <= {"errors", "store"}
    elif room in BASE:
        assert used <= set(BASE)
    else:
        assert used <= {*BASE, *ROOMS[: ROOMS.index(room)]}


@pytest.mark.parametrize(
    "module", ["lexplain_core", "lexplain_core.store", "lexplain_core.config", "lexplain_core.trust"]
)
def test_the_reader_needs_no_torch(module):
    code = (
        f"import {module}, sys\n"
        "heavy = {'torch', 'torchvision', 'timm', 'open_clip', 'streamlit', 'glm_saga'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def keeps_studies(path: Path) -> bool:
    """Whether a file of the core is one of those that keep studies or notes, which are SQLite files."""
    return path == CORE / "sqlite_file.py" or (
        path.parent in (CORE / "trials", CORE / "notes") and path.name.startswith("file")
    )


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(CORE)))
def test_duckdb_is_at_home_in_the_store_alone_and_sqlite_where_studies_are_kept(path):
    used = {n.split(".")[0] for n in imported(path)} & {"duckdb", "sqlite3"}
    if path.relative_to(CORE).parts[0] == "store":
        assert "sqlite3" not in used
    elif keeps_studies(path):
        assert "duckdb" not in used
    else:
        assert not used and not sql_in(path)


def sql_in(path: Path) -> list[str]:
    """String constants of a file that are SQL."""
    pattern = re.compile(
        r"\b(SELECT\s.+\sFROM|INSERT\s+INTO|CREATE\s+TABLE|DELETE\s+FROM|UPDATE\s\w+\sSET)\b", re.S
    )
    strings = (n.value for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Constant))
    return [s for s in strings if isinstance(s, str) and pattern.search(s)]


def test_sql_is_recognised():
    assert sql_in(CORE / "store" / "reader.py")
    assert sql_in(CORE / "trials" / "file.py")
    assert keeps_studies(CORE / "trials" / "file.py") and not keeps_studies(CORE / "trials" / "course.py")


@pytest.mark.parametrize("path", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_pages_hold_no_sql_and_no_tensors(path):
    names = imported(path)
    assert not {n.split(".")[0] for n in names} & {"duckdb", "torch", "torchvision", "timm", "sqlite3"}
    assert rooms_of(names) <= PAGES_MAY
    assert not sql_in(path)


FILES = [
    p
    for folder in (CORE, *(ROOT / name for name in ("pages", "tests", "benchmarks", "scripts")))
    for p in folder.rglob("*.py")
]


def test_no_file_is_longer_than_500_lines():
    lengths = {str(p.relative_to(ROOT)): len(p.read_text("utf-8").splitlines()) for p in [*FILES, *PAGES]}
    assert not {name: n for name, n in lengths.items() if n > 500}


def test_a_stores_config_is_read_where_it_is_checked():
    """`trust.of_store` alone gives it, with what is not this machine's business left out."""
    may = {
        "config.py",
        "cli.py",
        "trust/scopes.py",
        "trust_cli.py",
    }  # TOML, the demo's own, the gate, and its list
    readers = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and re.search(
                r"\b(parse_config|Build|Build\.\w+)$", ast.unparse(node.func)
            ):
                readers.add(path.relative_to(CORE).as_posix())
    assert readers == may


def test_what_a_config_names_is_opened_where_it_is_asked_for():
    """Code is run, weights are read, and folders of encoders and images are listed, by those who ask `trust` first."""
    asking = {
        path.relative_to(CORE).as_posix()
        for path in SOURCES
        if "lexplain_core.trust.opening" in imported(path)
    }
    assert asking == {
        "target/checkpoints.py",
        "concepts/sources.py",
        "concepts/tokenizer.py",
        "probe/folder.py",
    }
    for path in SOURCES:
        text, name = path.read_text("utf-8"), path.relative_to(CORE).as_posix()
        assert not re.search(r"\bprobe\.root\b(?! is | and )", text) or name in (
            "probe/folder.py", "probe/layout.py", "probe/torchvision_sets.py", "trust/wanted.py", "config.py", "trials/pictures.py",
        ), name  # fmt: skip
        assert "exec_module" not in text or name == "target/factory.py"


def test_nothing_is_unpickled_and_checkpoints_are_loaded_as_weights_only():
    for path in SOURCES:
        names = imported(path)
        assert not {n.split(".")[0] for n in names} & {"dill", "joblib", "cloudpickle", "shelve"}
        assert not {n for n in names if n.startswith("pickle.")}  # `from pickle import …`
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "pickle":
                assert node.attr.endswith("Error"), f"{path} uses pickle.{node.attr}"
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
                arguments = {k.arg: ast.unparse(k.value) for k in node.keywords}
                assert arguments.get("weights_only") == "True", path
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("np.load", "numpy.load"):
                assert "allow_pickle" not in {k.arg for k in node.keywords}, path
