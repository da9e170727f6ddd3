"""What an installation has and runs: the reader alone, the wheel, and the dashboard that it serves."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from urllib.request import urlopen

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lexplain_core import __version__
from lexplain_core.__main__ import main

from ..conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
ALONE = [Requirement(line) for line in PROJECT["project"]["dependencies"]]
EXTRAS = {
    name: [r for r in map(Requirement, lines) if r.name != "lexplain"]
    for name, lines in PROJECT["project"]["optional-dependencies"].items()
}
# Notes whom Python code connects to, listens for, or looks up; and hides packages as if they weren't installed.
GUARD = """
import os, sys
seen = os.open(os.environ["SEEN"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
def note(event, arguments):
    if event in ("socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"):
        address = arguments[0] if event == "socket.getaddrinfo" else arguments[-1]
        address = address[0] if isinstance(address, tuple) else address
        os.write(seen, f"{event} {address}\\n".encode())
sys.addaudithook(note)
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in os.environ.get("HIDDEN", "").split():
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hidden())
"""
SNIPPET = """
from lexplain_core import Store
with Store.open({path!r}) as store:
    unit = store.unit("planted", 0)
    print(unit.explanation().text, unit.explanation().score().value, len(unit.top(9)), len(unit.similar()))
"""


# -- what is asked for


def pins() -> dict[str, str]:
    """Name -> version of the packages that `make demo` and `make test` install."""
    files = [ROOT / f"requirements{part}.txt" for part in ("", "-docs", "-dev")]
    text = "".join(file.read_text("utf-8") for file in files)
    found = re.findall(r"^([\w-]+)==(\S+)$", text, re.M)
    return {canonicalize_name(name): version for name, version in found}


def test_each_range_admits_the_pinned_version_and_no_package_is_left_out():
    asked = [*ALONE, *(r for extra in EXTRAS.values() for r in extra)]
    for requirement in [*asked, *map(Requirement, PROJECT["build-system"]["requires"])]:
        assert requirement.specifier.contains(pins()[canonicalize_name(requirement.name)]), requirement
        assert len(requirement.specifier) == 2 or requirement.name == "hatchling", f"{requirement}: from, to"
    assert {canonicalize_name(r.name) for r in asked} == set(pins())


def test_one_version_everywhere():
    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
    assert re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)[1] == __version__


def with_theirs(requirements: list[Requirement]) -> set[str]:
    """Names of distributions, with those that they ask for themselves."""
    names, waiting = set(), list(requirements)
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name not in names and (requirement.marker is None or requirement.marker.evaluate({"extra": ""})):
            names.add(name)
            waiting += map(Requirement, requires(name) or [])
    return names


def hidden_from(requirements: list[Requirement]) -> str:
    """What can't be imported where these alone are installed, of all that is installed here."""
    there = with_theirs(requirements)
    return " ".join(
        module
        for module, homes in packages_distributions().items()
        if not there & {canonicalize_name(home) for home in homes}
    )


# -- what runs


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A folder that holds what the wheel installs."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT, check=True
    )
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder / "site")
    return folder / "site"


@pytest.fixture
def guarded(tmp_path, installed) -> dict[str, str]:
    """An environment in which the wheel is installed, and whose programs note whom they contact in the file SEEN."""
    (tmp_path / "guard").mkdir()
    (tmp_path / "guard/sitecustomize.py").write_text(GUARD, "utf-8")
    path = f"{tmp_path / 'guard'}{os.pathsep}{installed}"
    # the code that builds the wheel may lie on PYTHONPATH; the repository must not
    return os.environ | {"PYTHONPATH": path, "SEEN": str(tmp_path / "seen"), "STREAMLIT_SERVER_HEADLESS": "1"}


def lexplain(*words: str | Path) -> list[str]:
    """A command, as the script `lexplain` runs it: without the folder that one stands in on Python's path."""
    return [sys.executable, "-P", "-m", "lexplain_core", *map(str, words)]


def ended(command: list[str], folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    done = subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=500,
    )  # fmt: skip
    return done.returncode, " ".join(done.stdout.split())


def test_a_notebook_needs_the_dependencies_alone(tmp_path, guarded, demo_store):
    script = tmp_path / "notebook.py"
    script.write_text(SNIPPET.format(path=str(demo_store)), "utf-8")
    hidden = hidden_from(ALONE)
    assert {"torch", "streamlit", "scipy", "typer", "rich"} <= set(hidden.split())
    code, out = ended([sys.executable, script], tmp_path, guarded | {"HIDDEN": hidden})
    assert code == 0 and out.split()[-2] == "9", out


@pytest.mark.parametrize(
    ("words", "hidden", "says"),
    [
        (("serve",), "streamlit", 'needs the package streamlit, which isn\'t installed: `pip install "lexplain[dashboard]"`.'),
        (("demo",), "torch", 'needs the package torch, which isn\'t installed: `pip install "lexplain[build]"`.'),
        (("info", "x"), "typer", '`pip install "lexplain[dashboard]"` or `pip install "lexplain[build]"`.'),
    ],
)  # fmt: skip
def test_a_package_that_is_missing_is_named_with_its_extra(tmp_path, guarded, words, hidden, says):
    code, out = ended(lexplain(*words), tmp_path, guarded | {"HIDDEN": hidden})
    assert code == 2 and out.startswith("Error: ") and says in out and "Traceback" not in out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nowhere.duckdb"], "There is no store at nowhere.duckdb."),
        (["--preview"], "--preview shows a study: name it with --study NAME."),
        (["--study", "nobody"], "There is no study data/studies/nobody.sqlite"),
        (["x.duckdb", "--study", "nobody"], "--study serves a study alone"),
        (["--address", "192.0.2.1"], "--address '192.0.2.1' is no address of this machine"),
        (["--address", "not an address"], "--address 'not an address' is no address of this machine"),
        (["--address", "a" * 70 + ".example"], "is no address of this machine"),
        (["--address", ""], "is no address of this machine"),
        (["--address", "::1%%"], "is no address of this machine"),
    ],
)
def test_what_can_t_be_served_is_refused_before_a_server_starts(words, says, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LEXPLAIN_STUDIES", raising=False)
    monkeypatch.setattr(sys, "argv", ["lexplain", "serve", *words])
    monkeypatch.setattr(os, "execv", lambda *_: pytest.fail("a server starts"))
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2 and says in capsys.readouterr().err


def test_all_data_come_along(tmp_path, guarded, installed):
    code, out = ended(
        [sys.executable, "-P", "-c", "from lexplain_core.base import places; print(places.app().is_file(), places.data())"],
        tmp_path, guarded,
    )  # fmt: skip
    assert (code, out) == (0, f"True {installed}/lexplain_core/_data")
    kept = subprocess.run(
        ["git", "ls-files", "data"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for name in kept.split():
        assert (installed / "lexplain_core/_data" / Path(name).relative_to("data")).read_bytes() == (
            ROOT / name
        ).read_bytes()


def test_only_one_module_knows_what_lies_around_the_package():
    outside = re.compile(r"parents\[[1-9]|\.parent\.parent\.parent")
    found = {
        p.relative_to(ROOT).as_posix()
        for p in (ROOT / "lexplain_core").rglob("*.py")
        if outside.search(p.read_text("utf-8"))
    }
    assert found == {
        "lexplain_core/base/places.py",
        "lexplain_core/trust/digests.py",
    }  # the latter: of modules


# -- the dashboard


@contextmanager
def serving(command: list[str], folder: Path, environment: dict[str, str]) -> Iterator[int]:
    """Yields the port of a dashboard."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = folder / "server.log"
    with open(log, "wb") as output:
        server = subprocess.Popen(
            [*command, "--port", str(port)],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        until = time.monotonic() + 60
        while not answers("127.0.0.1", port):
            assert server.poll() is None and time.monotonic() < until, log.read_text("utf-8", "replace")
            time.sleep(0.1)
        yield port
    finally:
        server.terminate()
        server.wait(20)


def answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError:
        return False
    return True


def visited(port: int, page: str, query: str = "") -> tuple[str, object]:
    """All that the server sends to a browser that opens a page, as text, and what it says about the session."""
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
    from websockets.sync.client import connect

    texts, session = [], None
    with connect(
        f"ws://127.0.0.1:{port}/_stcore/stream", subprotocols=["streamlit"], max_size=None
    ) as browser:
        ask = BackMsg()
        ask.rerun_script.page_name, ask.rerun_script.query_string = page, query
        browser.send(ask.SerializeToString())
        while True:
            message = ForwardMsg.FromString(browser.recv(timeout=120))
            texts.append(str(message))
            if message.HasField("new_session"):
                session = message.new_session
            if (
                message.WhichOneof("type") == "script_finished"
                and message.script_finished == message.FINISHED_SUCCESSFULLY
            ):
                return "".join(texts), session


def test_the_wheels_dashboard_serves_this_machine_alone_and_contacts_nobody(tmp_path, guarded, demo_store):
    """From a folder that has a `pages/` of its own, and other wishes for Streamlit."""
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages/__init__.py").write_text("raise SystemExit('the pages of somebody else')", "utf-8")
    (tmp_path / ".streamlit").mkdir()
    wishes = '[server]\naddress = "0.0.0.0"\n[browser]\ngatherUsageStats = true\n[theme.light]\nprimaryColor = "#123456"\n'
    (tmp_path / ".streamlit/config.toml").write_text(wishes, "utf-8")
    (tmp_path / "stores").mkdir()
    (tmp_path / "stores/demo.duckdb").symlink_to(demo_store)
    wishes = {"STREAMLIT_SERVER_ADDRESS": "0.0.0.0", "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "true"}
    hidden = {"HIDDEN": hidden_from([*ALONE, *EXTRAS["dashboard"]])}
    with serving(lexplain("serve", "stores/demo.duckdb"), tmp_path, guarded | wishes | hidden) as port:
        assert not answers("127.0.0.2", port)  # which a server that listens everywhere answers, too
        with urlopen(f"http://127.0.0.1:{port}/", timeout=20) as answer:
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
        for page, query, words in (
            ("overview", "", "Demo world"),
            ("neuron", "layer=block7&unit=7", "What is in the images"),
            (
                "neuron",
                "layer=block7&unit=7&tab=examples&image=5",
                "needs the package torch",
            ),  # to look closer
            ("studio", "", "Figures for print"),
        ):
            text, session = visited(port, page, query)
            assert words in text and "exception {" not in text
        assert not session.config.gather_usage_stats
        assert session.custom_theme.light.primary_color == "#0067a3"
    seen = {line.partition(" ")[2] for line in (tmp_path / "seen").read_text("utf-8").splitlines()}
    assert "127.0.0.1" in seen and seen <= {"127.0.0.1", "localhost", "::1"}


def test_a_study_is_served_by_its_name_and_previewed(tmp_path, guarded, demo_store):
    new = lexplain(
        "study", "new", demo_store, "--name", "pilot", "--tasks", "1", "--set", "stimuli.images=stored"
    )
    assert ended(new, tmp_path, guarded)[0] == 0
    with serving(lexplain("serve", "--study", "pilot", "--preview"), tmp_path, guarded) as port:
        text, _ = visited(port, "")
    assert "nothing is recorded" in text.lower() and "Overview" not in text


def test_others_reach_it_where_one_asks_for_it(tmp_path, guarded):
    command = lexplain("serve", "--address", "0.0.0.0")
    with serving(command, tmp_path, guarded) as port:
        assert answers("127.0.0.2", port)
    printed = (tmp_path / "server.log").read_text("utf-8")
    assert "Everybody who reaches this machine at 0.0.0.0 can open it: see docs/how-to/deploy.md." in printed


@pytest.mark.parametrize(("address", "alone"), [("127.0.0.1", True), ("localhost", True), ("0.0.0.0", False)])
def test_the_address_goes_to_streamlit_and_a_sentence_to_the_user(address, alone, monkeypatch, capsys):
    ran = []
    monkeypatch.setattr(sys, "argv", ["lexplain", "serve", "--address", address])
    monkeypatch.setattr(os, "execv", lambda _, command: ran.append(command))
    with pytest.raises(SystemExit):
        main()
    [command] = ran
    assert command[command.index("--server.address") + 1] == address
    assert ("Everybody" in capsys.readouterr().out) is not alone


@pytest.mark.proofs
def test_an_empty_environment(tmp_path, installed):
    """From PyPI: the reader alone. Then beside the packages that are installed here: a small demo, and its dashboard."""
    (wheel,) = installed.parent.glob("*.whl")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {
        "STREAMLIT_SERVER_HEADLESS": "1"
    }
    for name in ("reader", "whole"):
        subprocess.run([sys.executable, "-m", "venv", tmp_path / name], check=True)
    subprocess.run([tmp_path / "reader/bin/pip", "install", "-q", wheel], check=True, env=environment)
    subprocess.run(
        [tmp_path / "whole/bin/pip", "install", "-q", "--no-deps", wheel], check=True, env=environment
    )
    (home,) = (tmp_path / "whole/lib").glob("python*/site-packages")
    (home / "others.pth").write_text("\n".join(p for p in sys.path if p.endswith("-packages")), "utf-8")
    command = str(tmp_path / "whole/bin/lexplain")
    small = [
        word
        for option in ("probe.limit=300", "explain.epochs=20", "importance.runs=2000", "ablation.runs=2000")
        for word in ("--set", option)
    ]
    code, out = ended([command, "demo", *small], tmp_path, environment)
    assert code == 0 and "lexplain_core serve data/stores/demo.duckdb" in out, out
    with serving([command, "serve"], tmp_path, environment) as port:
        assert "300 images" in visited(port, "overview")[0]
    (tmp_path / "notebook.py").write_text(SNIPPET.format(path="data/stores/demo.duckdb"), "utf-8")
    assert ended([str(tmp_path / "reader/bin/python"), "notebook.py"], tmp_path, environment)[0] == 0
