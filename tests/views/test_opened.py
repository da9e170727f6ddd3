"""Which of several files of one store is shown."""

from pathlib import Path

from lexplain_core.store import StoreEntry
from lexplain_core.views.markdown import md
from lexplain_core.views.opened import distinct, same_id


def entry(path: str, identity: str | None, modified: float) -> StoreEntry:
    return StoreEntry(Path(path), identity, "A name", None if identity else "No store.", modified)


def test_the_newest_file_of_each_id_is_shown():
    old, other, broken, new, oldest = found = [
        entry("old.duckdb", "a", 2), entry("other.duckdb", "b", 1), entry("broken.duckdb", None, 9),
        entry("new.duckdb", "a", 3), entry("oldest.duckdb", "a", 1),
    ]  # fmt: skip
    assert distinct(found) == ([other, new], [(old, new), (oldest, new)])
    assert distinct([old, other, broken]) == ([old, other], [])
    assert distinct([]) == ([], [])


def test_of_equally_old_files_the_first_is_shown():
    first, second = entry("first.duckdb", "a", 1), entry("second.duckdb", "a", 1)
    assert distinct([first, second]) == ([first], [(second, first)])
    assert same_id(second, first) == md(
        "“second.duckdb” has the same id as “first.duckdb”; the latter is shown."
    )


def test_the_sentence_names_both_files():
    old, new = entry("here/a.duckdb", "a", 1), entry("here/b.duckdb", "a", 2)
    assert same_id(old, new) == md("“a.duckdb” has the same id as “b.duckdb”; the newer one is shown.")
    there = entry("there/a.duckdb", "a", 2)  # named on the command line, both with one name
    assert same_id(old, there) == md(
        f"“{old.path}” has the same id as “{there.path}”; the newer one is shown."
    )
