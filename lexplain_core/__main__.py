"""The command line: `lexplain`, or `python -m lexplain_core`."""

import sys

from .base.errors import UserError
from .base.extras import needed


def main() -> None:
    """Run the command line, where the packages that it needs are installed."""
    try:
        with needed():
            from .cli.main import main as run
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2)
    run()


if __name__ == "__main__":
    main()
