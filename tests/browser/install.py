"""Make sure there is a Chromium for the browser tests: `python -m tests.browser.install`.

Takes the one on the machine, else installs Debian's when root, else Playwright's own download.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")


def find_browser() -> str | None:
    """Path of a Chromium: $LEXPLAIN_CHROMIUM, one on the machine, or Playwright's download."""
    if named := os.environ.get("LEXPLAIN_CHROMIUM"):
        return named
    for name in NAMES:
        if found := shutil.which(name):
            return found
    if MAC.exists():
        return str(MAC)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


def main() -> int:
    if found := find_browser():
        print(f"Browser tests will use {found}.")
        return 0
    if shutil.which("apt-get") and os.geteuid() == 0:
        print("Installing Debian's Chromium …")
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-dejavu-core"],
            check=False,
            stdout=subprocess.DEVNULL,
            env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
        )
    if not find_browser():
        print("Downloading Playwright's Chromium …")
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    if found := find_browser():
        print(f"Browser tests will use {found}.")
        return 0
    print(
        "There is no Chromium and none could be installed; LEXPLAIN_CHROMIUM can name one.", file=sys.stderr
    )
    return 1 if os.environ.get("CI") else 0


if __name__ == "__main__":
    sys.exit(main())
