"""The README's commands do what it says: the worked example is run as it stands there."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest
from typer.main import get_command

from lexplain_core.cli.main import app

from ..conftest import ROOT
from ..small_folder import make_folder

README = (ROOT / "README.md").read_text("utf-8")
# The README's own example would download weights: here they are random. And few units are replaced and mapped.
OFFLINE = [
    word
    for option in (
        "target.weights=random", "explain.epochs=20", "importance.runs=1000", "ablation.runs=1000", "maps.run=false",
        "observer.run=false",
    )
    for word in ("--set", option)
]  # fmt: skip


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.S)


def commands() -> list[str]:
    lines = [line.partition("  #")[0].strip() for block in blocks("bash") for line in block.splitlines()]
    return [line for line in lines if line]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("readme")
    make_folder(folder / "my-images")
    (folder / "mine.toml").write_text(blocks("toml")[0], "utf-8")
    return folder


def run(command: str, folder: Path, *more: str) -> str:
    words = shlex.split(command)
    assert words[0] == "python"
    done = subprocess.run(
        [sys.executable, *words[1:], *more],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "120"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def core(*names: str) -> list[str]:
    """The README's calls of these commands."""
    return [
        c for c in commands() if c.startswith(tuple(f"python -m lexplain_core {name} " for name in names))
    ]


def test_the_worked_example_on_ones_own_images(workplace, tmp_path):
    """From quite another folder than the config's, whose name needs quotes; what the build prints is run as it stands."""
    here = tmp_path / "another folder"
    here.mkdir()
    layers, build = core("layers", "build")
    assert "layer4" in run(layers, here)
    config = shlex.quote(os.path.relpath(workplace / "mine.toml", here))
    printed = run(build.replace("mine.toml", config), here, *OFFLINE)
    assert "layer4" in printed and (workplace / "data/stores/mine.duckdb").exists()
    info, serve = printed.splitlines()[-2:]
    assert "My images · ResNet-18" in shell(info, here).stdout
    assert answers(serve, here)


def shell(line: str, folder: Path) -> subprocess.CompletedProcess:
    """What a line comes to in a shell, as one who installed the project has it."""
    env = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "120"}
    return subprocess.run(["bash", "-c", line], cwd=folder, env=env, capture_output=True, text=True)


def answers(line: str, folder: Path) -> bool:
    """Whether a line serves a dashboard, on a port of our own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = os.environ | {
        "PYTHONPATH": str(ROOT),
        "STREAMLIT_SERVER_PORT": str(port),
        "STREAMLIT_SERVER_HEADLESS": "1",
    }
    server = subprocess.Popen(
        ["bash", "-c", line], cwd=folder, env=env, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until and server.poll() is None:
            try:
                with urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5) as answer:
                    return answer.status == 200
            except OSError:
                time.sleep(0.2)
        return False
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def test_the_study_of_the_readme(demo_store, tmp_path):
    (tmp_path / "data/stores").mkdir(parents=True)
    (tmp_path / "data/stores/demo.duckdb").symlink_to(demo_store)
    new, invite = core("study")
    fewer = ("--set", "stimuli.images=stored")  # nobody has to draw the demo's scenes again
    assert "pilot.sqlite: 10 tasks" in run(new, tmp_path, *fewer)
    links = run(invite, tmp_path).split()
    assert len(set(links)) == 10 and all(link.startswith("http://localhost:8501/?pid=") for link in links)


def test_every_other_command_is_one_that_exists():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for command in commands():
        first, *rest = shlex.split(command)
        if first == "make":
            assert re.search(rf"^{rest[0]}:", makefile, re.M), command
        elif first == "python":
            assert rest[2] in get_command(app).commands, command
        elif first == "pip":
            assert set(re.findall(r"\w+", rest[1])) <= {"build", "dashboard", "dev"}, command
        else:
            assert first == "source", command


def test_the_notebook_snippet(demo_store, monkeypatch):
    snippet = blocks("python")[0].replace("data/stores/demo.duckdb", str(demo_store))
    scope: dict = {}
    exec(compile(snippet, "README", "exec"), scope)
    assert len(scope["unit"].activations) == 2000
