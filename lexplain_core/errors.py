"""The one kind of error that a user can mend."""


class UserError(Exception):
    """Something a user got wrong, said in one clear sentence: what, where, and what to do.

    The command line prints the sentence and exits with code 2; pages show it in place of
    their content. Anything else that goes wrong is a bug and keeps its traceback.
    """


_LONGEST = 100  # characters of a name: finding near misses takes the square of its length


def few(sentences: list[str], most: int = 5) -> list[str]:
    """The first of many sentences, and one that says how many more there are: an address may hold thousands of faults."""
    more = len(sentences) - most
    return sentences[:most] + ([f"The same holds for {more:,} more."] if more > 0 else [])


def did_you_mean(name: str, known: list[str], limit: int = 3) -> str:
    """Return ' Did you mean …?' for near misses of `name` among `known`, or ''."""
    from difflib import get_close_matches

    if len(name) > _LONGEST:
        return ""
    names = [k for k in dict.fromkeys(known) if len(k) <= 2 * _LONGEST]
    close = get_close_matches(name, names, n=limit, cutoff=0.5)
    return f" Did you mean {' or '.join(repr(c) for c in close)}?" if close else ""
