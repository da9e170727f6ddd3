"""The one kind of error that a user can mend."""


class UserError(Exception):
    """Something a user got wrong, said in one clear sentence: what, where, and what to do.

    The command line prints the sentence and exits with code 2; pages show it in place of
    their content. Anything else that goes wrong is a bug and keeps its traceback.
    """


def did_you_mean(name: str, known: list[str], limit: int = 3) -> str:
    """Return ' Did you mean …?' for near misses of `name` among `known`, or ''."""
    from difflib import get_close_matches

    close = get_close_matches(name, list(dict.fromkeys(known)), n=limit, cutoff=0.5)
    return f" Did you mean {' or '.join(repr(c) for c in close)}?" if close else ""
