"""Which module imports what, read from the source: every import, wherever it stands."""

import ast
import functools
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from common import SOURCE

PACKAGE = "hpvae_nb"
BY_NAME = {"require", "import_module"}  # functions that import what their first argument names


@dataclass(frozen=True)
class Import:
    """`module` imports `target`, both dotted; `kind`: "plain", "lazy" (in a function), "typing" (for types alone)."""

    module: str
    target: str
    kind: str

    @property
    def top(self):
        return self.target.partition(".")[0]


def module_name(path):
    """Dotted, as Python imports it: `hpvae_nb.core` of `hpvae_nb/core/__init__.py`."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def modules():
    """The package's modules by name."""
    return {module_name(path): path for path in sorted((SOURCE / PACKAGE).rglob("*.py"))}


@functools.cache
def imports():
    """All imports of the package."""
    return [found for path in modules().values() for found in imports_of(path)]


def imports_of(path: Path) -> Iterator[Import]:
    """Those of one file. `from package import name` is of the module `package.name`, if there is one."""
    yield from _walk(ast.parse(path.read_text(encoding="utf-8")), module_name(path), "plain")


def _walk(node, module, kind):
    if isinstance(node, ast.Import):
        yield from (Import(module, alias.name, kind) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert not node.level, f"{module} has a relative import; this package names the room"
        names = {f"{node.module}.{alias.name}" for alias in node.names}
        known = names & modules().keys()
        yield from (Import(module, name, kind) for name in (known | {node.module} if names - known else known))
    elif isinstance(node, ast.Call) and _named(node):
        yield Import(module, _named(node), kind)
    elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        for child in node.body:
            yield from _walk(child, module, "typing")
        for child in node.orelse:
            yield from _walk(child, module, kind)
        return
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and kind == "plain":
        kind = "lazy"
    for child in ast.iter_child_nodes(node):
        yield from _walk(child, module, kind)


def _named(call):
    """What `require("av", ...)` imports; of a pattern such as f"PIL.{name}", what is known. Empty for other calls."""
    function = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if function not in BY_NAME or not call.args:
        return ""
    first, pattern = call.args[0], isinstance(call.args[0], ast.JoinedStr)
    first = first.values[0] if pattern else first
    known = str(first.value) if isinstance(first, ast.Constant) else ""
    return known.rstrip(".") if known.endswith(".") or not pattern else ""


def external(found):
    """Whether an import is of another package than this one and Python's own."""
    return found.top != PACKAGE and found.top not in sys.stdlib_module_names


def loaded_with(*names):
    """All modules of the package that `import name` loads with it, by plain imports: parent packages come along."""
    seen, todo = set(), list(names)
    while todo:
        name = todo.pop()
        if name in modules() and name not in seen:
            seen.add(name)
            todo += [found.target for found in imports() if found.module == name and found.kind == "plain"]
            todo.append(name.rpartition(".")[0])
    return seen


def paths(graph):
    """Every node's longest way along a graph `{node: set of nodes}`, as lists that start with the node.

    Raises:
        ValueError: names a circle, if there is one.
    """
    longest = {}

    def visit(node, way):
        if node in way:
            raise ValueError(" -> ".join([*way[way.index(node) :], node]))
        if node not in longest:
            further = [visit(other, [*way, node]) for other in sorted(graph.get(node, ()))]
            longest[node] = [node, *max(further, key=len, default=[])]
        return longest[node]

    for node in sorted(graph):
        visit(node, [])
    return longest
