"""Every regular expression of the source, and how it is used: read from the source, not by running it."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..conftest import ROOT

SOURCES = [
    ROOT / "app.py",
    *(p for room in ("lexplain_core", "pages", "benchmarks") for p in sorted((ROOT / room).rglob("*.py"))),
    *sorted((ROOT / "scripts").glob("*.py")),
]
MODES = ("match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer")
PANDAS = (
    "replace",
    "contains",
    "match",
    "fullmatch",
    "split",
    "rsplit",
    "extract",
    "extractall",
    "findall",
    "count",
)
SQL = re.compile(r"\bregexp_\w+|\bSIMILAR TO\b|\s!?~~?\*?\s*[$']")
JAVASCRIPT = re.compile(
    r"\.(?:match|matchAll|replace|replaceAll|search|split)\(\s*/((?:\\.|[^/\\\n])++)/|"
    r"(?<![\w)])/((?:\\.|[^/\\\n* ])(?:\\.|[^/\\\n])*+)/[dgimsuvy]*+\.(?:test|exec)\("
)


@dataclass(frozen=True)
class Pattern:
    """A pattern of the source. modes: how it is used, such as 'match'."""

    text: str | bytes
    flags: int
    modes: frozenset[str]
    where: str

    def uses(self) -> Iterator[Callable[[str], object]]:
        compiled = re.compile(self.text, self.flags)
        for mode in sorted(self.modes):
            call = getattr(compiled, mode)
            use = (lambda text, call=call: call("", text)) if mode in ("sub", "subn") else call
            if isinstance(self.text, bytes):
                yield lambda text, use=use: use(text.encode())
            elif mode == "finditer":
                yield lambda text, use=use: list(use(text))
            else:
                yield use


class Unresolved(Exception):
    """A pattern that isn't known before the program runs."""


class Source:
    """A module's tree, with the names that its patterns are made of."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path.relative_to(ROOT))
        self.tree = ast.parse(path.read_text("utf-8"))
        self.module = self.name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        imports = [n for n in ast.walk(self.tree) if isinstance(n, ast.Import | ast.ImportFrom)]
        self.re_names = {
            a.asname or a.name
            for n in imports
            if isinstance(n, ast.Import)
            for a in n.names
            if a.name == "re"
        }
        self.taken = [n for n in imports if isinstance(n, ast.ImportFrom) and n.module in ("re", "regex")]
        self.compiled = {  # name -> the call that makes it
            target.id: node.value
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Assign) and self.is_re(node.value, "compile")
            for target in node.targets
            if isinstance(target, ast.Name)
        }  # fmt: skip
        self.imported = {  # name -> (module, name there)
            alias.asname or alias.name: (self._from(node), alias.name)
            for node in imports
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }

    def _from(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = self.module.split(".")[: -node.level or None] if self.path.name != "__init__.py" else (
            self.module.split(".")[: len(self.module.split(".")) - node.level + 1]
        )  # fmt: skip
        return ".".join([*package, *([node.module] if node.module else [])])

    def is_re(self, node: ast.AST, *names: str) -> bool:
        """Whether a node is a call of one of `re`'s functions."""
        return (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id in self.re_names
            and node.func.attr in names
        )

    def value(self, node: ast.AST) -> object:
        """What an expression of literals and of the module's constants comes to."""
        try:
            return ast.literal_eval(node)
        except (ValueError, SyntaxError):
            names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            module = vars(importlib.import_module(self.module))
            if not names <= module.keys():
                raise Unresolved(ast.unparse(node)) from None
            return eval(compile(ast.Expression(node), self.name, "eval"), module)

    def pattern(self, call: ast.Call, modes: frozenset[str]) -> Pattern:
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        last = {"compile": 1, "sub": 4, "subn": 4, "split": 3}.get(call.func.attr, 2)  # the place of `flags`
        text = call.args[0] if call.args else given["pattern"]
        flags = call.args[last] if len(call.args) > last else given.get("flags")
        return Pattern(
            self.value(text), int(self.value(flags)) if flags else 0, modes, f"{self.name}:{call.lineno}"
        )


@cache
def sources() -> dict[str, Source]:
    return {source.module: source for source in map(Source, SOURCES)}


def modes_of_compiled() -> dict[tuple[str, str], set[str]]:
    """(module, name) of compiled patterns -> how they are used, anywhere."""
    found: dict[tuple[str, str], set[str]] = {
        (s.module, name): set() for s in sources().values() for name in s.compiled
    }
    for source in sources().values():
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Attribute) and node.attr in MODES and isinstance(node.value, ast.Name):
                key = (source.module, node.value.id)
                key = key if key in found else source.imported.get(node.value.id)
                if key in found:
                    found[key].add(node.attr)
    return found


@cache
def collected() -> tuple[list[Pattern], list[str]]:
    """All patterns of the source that are known before it runs, and the others as `file: expression`."""
    found, unknown, modes = [], [], modes_of_compiled()
    for source in sources().values():
        named = {id(call): name for name, call in source.compiled.items()}
        for node in ast.walk(source.tree):
            if source.is_re(node, "compile") and id(node) in named:
                how = modes[source.module, named[id(node)]]
            elif source.is_re(node, "compile", *MODES):
                how = set(MODES) if node.func.attr == "compile" else {node.func.attr}
            elif (
                isinstance(node, ast.Call)
                and source.imported.get(getattr(node.func, "id", ""), ("",))[0] == "fnmatch"
            ):
                unknown.append(f"{source.name}: {node.func.id}")
                continue
            else:
                continue
            try:
                found.append(source.pattern(node, frozenset(how)))
            except Unresolved as error:
                unknown.append(f"{source.name}: {error}")
    return found, unknown


def texts_of(source: Source) -> Iterator[str]:
    """All texts in a module, the constant parts of f-strings among them."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def browser_texts() -> Iterator[tuple[str, str]]:
    """(where, text) of all that a browser may run: files of the pages, and texts in modules."""
    for path in sorted((ROOT / "pages").rglob("*.*")):
        if path.suffix in (".js", ".html", ".svg"):
            yield str(path.relative_to(ROOT)), path.read_text("utf-8")
    for source in sources().values():
        yield from ((source.name, text) for text in texts_of(source))


@cache
def of_javascript() -> list[Pattern]:
    """Patterns of JavaScript in texts; each of them means the same in Python."""
    return [
        Pattern(match[1] or match[2], 0, frozenset({"search", "sub"}), name)
        for name, text in browser_texts()
        for match in JAVASCRIPT.finditer(text)
    ]
