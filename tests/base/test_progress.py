"""Progress as a log file or a pipe sees it."""

from __future__ import annotations

import io
import subprocess
import sys
import textwrap

from rich.console import Console

from lexplain_core.base.progress import Terminal


def test_a_stage_and_a_task_say_when_they_begin_where_nobody_watches():
    file = io.StringIO()
    progress = Terminal(Console(file=file, width=60))
    progress.stage("effects")
    with progress.task("impact, 0", 15_000) as advance:
        said = file.getvalue()
        assert "effects …" in said and "impact, 0: 15,000 …" in said  # before any of it is done
        advance(15_000)
    assert file.getvalue() == said


def test_lines_reach_a_pipe_at_once():
    code = """
        import time
        from lexplain_core.base.progress import Terminal
        Terminal().stage("recording")
        time.sleep(60)
    """
    child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stderr=subprocess.PIPE)
    try:
        assert b"recording" in child.stderr.readline()
    finally:
        child.kill()
        child.communicate()


def test_those_who_watch_see_bars():
    file = io.StringIO()
    progress = Terminal(Console(file=file, force_terminal=True, width=100))
    progress.stage("effects")
    assert file.getvalue() == ""
    with progress.task("impact", 3) as advance:
        advance(3)
    assert "3/3" in file.getvalue()
