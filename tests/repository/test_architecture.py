"""The house: who may import whom, and what stays out of a room."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

from ..conftest import ROOT

CORE = ROOT / "lexplain_core"
# Data flows one way: a room imports only from rooms before it in this list.
ROOMS = [
    "base", "config", "trust", "store", "notes", "probe", "model", "concepts", "explain", "stimuli", "measures", "studies",
    "demo", "live", "views", "figures", "pipeline", "cli",
]  # fmt: skip
SOURCES = sorted(p for p in CORE.rglob("*.py"))
PAGES = [ROOT / "app.py", *sorted((ROOT / "pages").rglob("*.py"))]
PAGES_MAY = {"base", "config", "store", "notes", "stimuli", "studies", "live", "views", "figures"}


def name_of(path: Path) -> str:
    """The dotted name of a module."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path): path for path in [*SOURCES, *PAGES]}


@cache
def nodes(path: Path) -> list[ast.AST]:
    """All nodes of a file's syntax tree."""
    return list(ast.walk(ast.parse(path.read_text("utf-8"))))


@cache
def imported(path: Path) -> frozenset[str]:
    """Dotted names of all modules that a file imports, anywhere in it; `a.b` also for `from a import b`."""
    package = path.relative_to(ROOT).parts[:-1]
    names = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = [*package[: len(package) - node.level + 1]] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            names |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return frozenset(names)


def room_of(module: str) -> str:
    """The room of lexplain_core that a module lies in; each folder of `pages` and `app` are rooms of their own."""
    parts = module.split(".")
    if parts[0] == "pages":
        return ".".join(parts[:2])
    return parts[1] if parts[0] == "lexplain_core" and len(parts) > 1 else parts[0]


def rooms_of(names: set[str]) -> set[str]:
    """The rooms of lexplain_core that imported names lie in."""
    return {room_of(name) for name in names if name.startswith("lexplain_core.")} & set(ROOMS)


def test_imports_are_read_right():
    file = CORE / "explain" / "greedy.py"
    assert "lexplain_core.explain.base.Explanation" in imported(file)
    assert rooms_of(imported(CORE / "explain" / "base.py")) == {"base", "concepts", "config", "explain"}


def test_every_module_is_in_a_room():
    assert {path.relative_to(CORE).parts[0] for path in SOURCES} == {*ROOMS, "__init__.py", "__main__.py"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(CORE)))
def test_a_room_imports_only_from_rooms_above_it(path):
    room = path.relative_to(CORE).parts[0]
    used = rooms_of(imported(path)) - {room}
    if room == "__init__.py":
        assert used <= {"base", "store"}
    elif room == "__main__.py":
        assert used <= {"base", "cli"}
    else:
        assert used <= set(ROOMS[: ROOMS.index(room)])


def circles(uses: dict[str, set[str]]) -> list[set[str]]:
    """Modules that import each other, directly or by others (Tarjan's strongly connected components)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(module: str) -> None:
        order[module] = lowest[module] = len(order)
        stack.append(module)
        for other in uses[module]:
            if other not in order:
                visit(other)
            if other in stack:
                lowest[module] = min(lowest[module], lowest[other])
        if lowest[module] == order[module]:
            circle = set()
            while module not in circle:
                circle.add(stack.pop())
            found.append(circle)

    for module in uses:
        if module not in order:
            visit(module)
    return [circle for circle in found if len(circle) > 1]


def test_circles_are_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [{"b", "c"}]


def test_no_modules_import_each_other_not_even_for_their_types():
    uses = {
        module: {
            name
            for name in imported(path) & set(MODULES)
            # `from package import module` uses the module; what the package says of itself is another import
            if name != module and not module.startswith(f"{name}.")
        }
        for module, path in MODULES.items()
    }
    assert not circles(uses)


def test_what_begins_with_an_underscore_stays_in_its_room():
    own: dict[str, set[str]] = {}
    for module, path in MODULES.items():
        names = own.setdefault(room_of(module), set())
        for node in nodes(path):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                names.add(node.attr)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
    everybodys = set().union(*own.values()) - {"_make", "_replace", "_fields"}  # of named tuples
    for module, path in MODULES.items():
        room = room_of(module)
        for node in nodes(path):
            if isinstance(node, ast.Attribute) and re.match(r"_[^_]", node.attr) and node.attr in everybodys:
                assert node.attr in own[room], (
                    f"{module}:{node.lineno} uses {ast.unparse(node)} of another room"
                )
        for name in imported(path):
            if name.startswith(("lexplain_core.", "pages.")) and re.match(r"_[^_]", name.split(".")[-1]):
                assert room_of(name) == room, f"{module} imports {name}"


@pytest.mark.parametrize("path", PAGES[1:], ids=lambda p: str(p.relative_to(ROOT)))
def test_a_page_imports_nothing_of_another_page(path):
    folder = room_of(name_of(path))
    used = {room_of(name) for name in imported(path) & set(MODULES) if name.startswith("pages.")}
    may = {folder, "pages.ui"} if folder != "pages.main" else {"pages.ui", "pages.participant"}
    assert used <= may


ONE_HOME = {  # what all pages do in one way
    "cache_data": set(),
    "cache_resource": {"pages/ui/cache.py", "pages/participant/page.py"},
    "dataframe": {"pages/ui/tables.py"},
    "page_link": {"pages/ui/go.py", "pages/ui/shell.py"},
    "switch_page": {"pages/ui/go.py", "pages/main.py"},
}


@pytest.mark.parametrize("name", ONE_HOME)
def test_pages_share_one_cache_one_table_and_one_way_to_other_pages(name):
    used = {
        path.relative_to(ROOT).as_posix()
        for path in PAGES
        for node in nodes(path)
        if isinstance(node, ast.Attribute) and node.attr == name
    }
    assert used <= ONE_HOME[name]


def test_pages_hide_no_module():
    """`pages/` comes first among the folders that Python looks in: a name there would hide a module of that name."""
    for path in (ROOT / "pages").iterdir():
        name = path.stem
        if name.startswith("__") or path.suffix not in ("", ".py"):
            continue
        spec = importlib.util.find_spec(name) if name not in sys.modules else sys.modules[name].__spec__
        assert spec is None or str(ROOT / "pages") in str(spec.origin or spec.submodule_search_locations), (
            name
        )
    for path in (ROOT / "pages").rglob("*.py"):
        first = {name.split(".")[0] for name in imported(path)}
        assert not first & {p.stem for p in (ROOT / "pages").iterdir() if p.is_dir()}, path


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


def test_views_need_no_streamlit_no_charts_and_no_torch():
    modules = ", ".join(name for name in MODULES if name.startswith("lexplain_core.views"))
    code = (
        f"import {modules}, sys\n"
        "heavy = {'streamlit', 'plotly', 'torch', 'torchvision', 'timm', 'open_clip'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def keeps_studies(path: Path) -> bool:
    """Whether a file of the core is one of those that keep studies or notes, which are SQLite files."""
    return (
        path in (CORE / "base" / "sqlite_file.py", CORE / "notes" / "file.py")
        or path.parent == CORE / "studies" / "file"
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
    strings = (n.value for n in nodes(path) if isinstance(n, ast.Constant))
    return [s for s in strings if isinstance(s, str) and pattern.search(s)]


def test_sql_is_recognised():
    assert sql_in(CORE / "store" / "reader.py")
    assert sql_in(CORE / "studies" / "file" / "study.py")
    assert not keeps_studies(CORE / "studies" / "session" / "course.py")


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
        "config/options.py",
        "cli/building.py",
        "trust/scopes.py",
        "cli/trust.py",
    }  # TOML, the demo's own, the gate, and its list
    readers = set()
    for path in SOURCES:
        for node in nodes(path):
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
        "model/checkpoints.py",
        "concepts/sources.py",
        "concepts/tokenizer.py",
        "probe/folder.py",
    }
    for path in SOURCES:
        text, name = path.read_text("utf-8"), path.relative_to(CORE).as_posix()
        assert not re.search(r"\bprobe\.root\b(?! is | and )", text) or name in (
            "probe/folder.py", "probe/layout.py", "probe/torchvision_sets.py", "trust/wanted.py", "config/options.py", "studies/plan/pictures.py",
        ), name  # fmt: skip
        assert "exec_module" not in text or name in ("model/factory.py", "base/plugins.py")


def test_nothing_is_unpickled_and_checkpoints_are_loaded_as_weights_only():
    for path in SOURCES:
        names = imported(path)
        assert not {n.split(".")[0] for n in names} & {"dill", "joblib", "cloudpickle", "shelve"}
        assert not {n for n in names if n.startswith("pickle.")}  # `from pickle import …`
        for node in nodes(path):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "pickle":
                assert node.attr.endswith("Error"), f"{path} uses pickle.{node.attr}"
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
                arguments = {k.arg: ast.unparse(k.value) for k in node.keywords}
                assert arguments.get("weights_only") == "True", path
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("np.load", "numpy.load"):
                assert "allow_pickle" not in {k.arg for k in node.keywords}, path


def test_what_checks_the_code_runs_in_ci_and_before_each_commit():
    assert "make test" in (ROOT / ".ci/run").read_text("utf-8").splitlines()
    recipe = subprocess.run(
        ["make", "--dry-run", "--always-make", "test"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    before_commit = (ROOT / ".pre-commit-config.yaml").read_text("utf-8")
    for tool in ("ruff check", "ruff format", "biome check", "mypy"):
        assert f".venv/bin/{tool}" in recipe
        assert f"entry: .venv/bin/{tool}" in before_commit


def test_the_type_checker_reads_all_code():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["mypy"]
    assert settings["files"] == ["app.py", "lexplain_core", "pages"]
    assert settings["strict"]
