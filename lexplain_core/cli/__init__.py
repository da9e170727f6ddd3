"""The command line, `python -m lexplain_core`."""
