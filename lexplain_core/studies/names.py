"""The name that a participant's address says: how it is kept, and what only stands where one should have been."""

from __future__ import annotations

import unicodedata

LONGEST = 200
# What programs put where a value is missing, and what a name's field is called.
_NOBODY = frozenset(
    "undefined null none nan nil void n/a na true false (null) (none) id pid name code token user person participant "
    "participantid prolificpid prolificid workerid subjectid userid".split()
) | {"not set", "(not set)", "[object object]", "your name", "your id"}
# The last words of a field's name such as PROLIFIC_PID or ASSIGNMENT_ID_NOT_AVAILABLE.
_FIELDS = frozenset("id pid name code token key number available value".split())
_OPENED = {"[": "]", "(": ")", "%": "%", "$": "$", "#": "#", "@": "@", "_": "_"}
_TEMPLATE = ("{", "}", "<", ">", "[%", "%]", "[[", "]]", "&lt;")
_ESCAPED = ("%7b", "%7d", "%5b", "%5d", "%3c", "%3e", "%24", "%25")  # a bracket that was escaped twice


def person_name(given: object) -> str:
    """A person's name as it is kept; '' where it can't be one.

    In Unicode's composed form (NFC), and with single spaces: one person is not two because two keyboards spell
    alike differently. 'session 12' is how people without a name are listed, so nobody is called that.
    """
    if not isinstance(given, str) or len(given) > 4 * LONGEST:
        return ""
    pid = " ".join(unicodedata.normalize("NFC", given).split())
    unnamed, _, number = pid.casefold().partition(" ")
    if unnamed == "session" and number.isdecimal():
        return ""
    fine = (
        pid.isprintable() and len(pid) <= LONGEST and any(map(str.isalnum, pid)) and not is_placeholder(pid)
    )
    return pid if fine else ""


def spellings(pid: str) -> tuple[str, ...]:
    """How a name may stand in a study's file: as given, and composed or decomposed, as earlier versions kept it."""
    given = person_name(pid) or pid
    return tuple(dict.fromkeys([given, unicodedata.normalize("NFD", given), pid, pid.strip()]))


def is_placeholder(given: object) -> bool:
    """Whether a name is one that a panel's or a survey's program should have put a person's in place of.

    `{{%PROLIFIC_PID%}}`, `${e://Field/PID}`, `%ID%`, `[ID]`, `<pid>`, `undefined`, `NaN`, `PROLIFIC_PID` …
    """
    if not isinstance(given, str):
        return False
    text = given.strip().strip("\"'`").strip().casefold()
    if text in _NOBODY or any(mark in text for mark in (*_TEMPLATE, *_ESCAPED)):
        return True
    if len(text) > 1 and _OPENED.get(text[0]) == text[-1]:
        return True
    if text[:1] in ("$", ":", "%") and text[1:].replace("_", "").isalpha():
        return True
    words = text.replace("-", "_").split("_")
    return len(words) > 1 and words[-1] in _FIELDS and all(map(str.isalpha, words))
