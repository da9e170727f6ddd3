"""Shows that a large re-arrangement of the code changes nothing that users see.

    python -m scripts.guard make DIR                 # what this code gives: store, figures, pages, commands
    python -m scripts.guard compare OLD NEW          # exit code 1 where two such folders differ
    python -m scripts.guard stores A.duckdb B.duckdb # two stores alone

It uses what users use, and nothing of the code's insides: the command line, addresses and files. So it goes on
working when modules move. Renames of tables, columns and options, and changes that are meant, stand in `changes.py`.
`baseline/` holds what the code gave before the moves, but for the store, of which it has a digest a column.
"""
