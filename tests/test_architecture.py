"""ARCHITECTURE.md is true: its picture and tables say what the code imports and where the paper's equations are.

After a change of imports, `python tests/test_architecture.py` writes the page's arrows and its column of imports anew.
What a room is for, its place in the order and its node in the picture are written by hand.
"""

import importlib
import inspect
import re
import sys

import pytest
from common import SOURCE
from imports import PACKAGE, imports, modules, paths

pytestmark = pytest.mark.skipif(not (SOURCE / "ARCHITECTURE.md").exists(), reason="needs the source checkout")

CORE = f"{PACKAGE}.core"
CORE_MAY = {"torch", "einops", "numpy"}
EQUATIONS = [f"({number})" for number in range(1, 12)]
PLACES = [
    *("3.1", "3.2", "4.1", "4.2", "A.1", "A.2", "A.3", "A.4"),
    *("figure 3", "figure 4", "figure 5", "figure 6", "figure 7", "figure 8", "figure 9", "table 1", "table 2"),
]


def section(title):
    """The lines of one section of the page."""
    page = (SOURCE / "ARCHITECTURE.md").read_text(encoding="utf-8")
    (found,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    return found.splitlines()


def table(title):
    """The cells of each row of a section's table, without its head."""
    lines = [line for line in section(title) if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def stated():
    """Every room of the page's table, from the ground up, with the rooms that it says are imported."""
    rooms = {}
    for name, _, cell in table("The rooms"):
        (room,) = re.findall(r"^`(\w+)(?:/|\.py)`$", name)
        rooms[room] = set(re.findall(r"`(\w+)`", cell))
    return rooms


def drawn():
    """Nodes and arrows of the picture; a line that is neither fails, so that none escapes the comparison."""
    nodes, arrows = [], set()
    body = "\n".join(section("The house")).partition("```mermaid\n")[2].partition("```")[0]
    first, *lines = body.strip().splitlines()
    assert first == "flowchart TD"
    for line in map(str.strip, lines):
        node, arrow = re.fullmatch(r'(\w+)\["[^"]+"\]', line), re.fullmatch(r"(\w+) --> (\w+)", line)
        assert node or arrow, f"neither a room nor an arrow: {line}"
        if node:
            nodes.append(node[1])
        else:
            arrows.add((arrow[1], arrow[2]))
    return nodes, arrows


def room(module):
    """The room of a module: the folder or file at the package's top; the package itself is its `__init__`."""
    name = module.split(".")[1] if "." in module else "__init__"
    return "cli" if name == "__main__" else name


def ours():
    """The imports between modules of the package, lazy ones too; those for types alone leave no trace at run time."""
    return [found for found in imports() if found.top == PACKAGE and found.kind != "typing"]


def between_rooms():
    """Every room with the rooms it imports."""
    rooms = {room(name): set() for name in modules()}
    for found in ours():
        rooms[room(found.module)].add(room(found.target))
    return {name: others - {name} for name, others in rooms.items()}


def skeleton(graph):
    """The arrows that no longer way replaces: what is left of a graph without its short cuts."""

    def reachable(node):
        return {node}.union(*map(reachable, graph[node]))

    return {
        (node, other)
        for node, others in graph.items()
        for other in others
        if not any(other in reachable(between) for between in others - {other})
    }


def downward(graph, order):
    """A graph without what runs upward: that is another test's."""
    return {node: {o for o in others if order.index(o) < order.index(node)} for node, others in graph.items()}


def test_every_room_is_in_table_and_picture():
    nodes, _ = drawn()
    assert len(nodes) == len(set(nodes))
    assert set(nodes) == stated().keys() == between_rooms().keys()


def test_no_import_runs_upward():
    order = list(stated())
    upward = [
        f"{found.module} imports {found.target}"
        for found in ours()
        if order.index(room(found.target)) > order.index(room(found.module))
    ]
    assert not upward


def test_the_table_names_exactly_the_rooms_that_are_imported():
    assert stated() == downward(between_rooms(), list(stated()))


def test_the_arrows_are_the_imports_without_short_cuts():
    assert drawn()[1] == skeleton(downward(between_rooms(), list(stated())))


def test_the_page_is_rewritten_as_it_is():
    page, order = (SOURCE / "ARCHITECTURE.md").read_text(encoding="utf-8"), list(stated())
    graph = downward(between_rooms(), order)
    assert rewritten(page, order, graph) == page
    emptied = rewritten(page, order, {name: set() for name in order})
    assert "-->" not in emptied
    assert rewritten(emptied, order, graph) == page


def test_modules_form_no_circle():
    paths({name: {found.target for found in ours() if found.module == name} for name in modules()})


def test_a_circle_and_a_short_cut_would_be_found():
    with pytest.raises(ValueError, match="b -> c -> b"):
        paths({"a": {"b"}, "b": {"c"}, "c": {"b"}})
    assert paths({"a": {"b", "c"}, "b": {"c"}, "c": set()})["a"] == ["a", "b", "c"]
    assert skeleton({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == {("a", "b"), ("b", "c")}


def test_the_core_stands_on_torch_einops_numpy_and_the_errors_alone():
    foreign = []
    for found in imports():
        if room(found.module) != "core" or found.kind == "typing" or found.top in sys.stdlib_module_names:
            continue
        own = found.target == f"{PACKAGE}.errors" or found.target.startswith(CORE)
        if not own and found.top not in CORE_MAY and (found.top, found.kind) != ("faiss", "lazy"):
            foreign.append(f"{found.module} imports {found.target}")
    assert not foreign


def test_the_core_is_at_most_six_modules_deep():
    graph = {name: set() for name in modules() if room(name) == "core"}
    for found in ours():
        if found.module in graph and found.target != CORE:
            graph[found.module].add(found.target)
    deepest = max(paths(graph).values(), key=len)
    assert 2 <= len(deepest) <= 6, " -> ".join(deepest)


def found_object(name):
    """What a dotted name without the package, such as `core.losses.kl_divergence`, stands for."""
    parts = f"{PACKAGE}.{name}".split(".")
    split = next(n for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in modules())
    thing = importlib.import_module(".".join(parts[:split]))
    for part in parts[split:]:
        thing = getattr(thing, part)
    return thing


WHERE = table("Where the paper is") if (SOURCE / "ARCHITECTURE.md").exists() else []


@pytest.mark.parametrize(("place", "what", "where"), WHERE, ids=[row[0] for row in WHERE])
def test_what_the_table_names_exists_and_says_so(place, what, where):
    names = re.findall(r"`([\w.]+)`", where)
    assert names
    things = [found_object(name) for name in names]
    if place in EQUATIONS[2:]:  # the first two say what E and G are for; (5) carries them out
        assert any(place in inspect.getsource(thing) or place[1:-1] in numbers(thing) for thing in things)


def numbers(thing):
    """The equations' numbers that a docstring gives in words such as "equations (6) and (9)" or "equation 6"."""
    text = inspect.getdoc(thing) or ""
    return set(re.findall(r"\d+", " ".join(re.findall(r"[Ee]quations? [\d(),and ]+", text))))


def test_the_table_covers_every_equation_and_section_of_the_method():
    places = [row[0] for row in WHERE]
    assert [place for place in places if place in EQUATIONS] == EQUATIONS
    assert not [place for place in PLACES if not any(place in given for given in places)]


def test_files_that_the_page_links_to_exist():
    page = (SOURCE / "ARCHITECTURE.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)\)", page)
    assert links
    assert not [link for link in links if "://" not in link and not (SOURCE / link).exists()]


def rewritten(page, order, graph):
    """The page with the arrows and the table's last column of this graph; what a room is for is written by hand."""
    kept = skeleton(graph)
    arrows = [f"    {a} --> {b}\n" for a in reversed(order) for b in reversed(order) if (a, b) in kept]
    page = re.sub(r"^    \w+ --> \w+\n", "", page, flags=re.MULTILINE)
    page = re.sub(r"(```mermaid\n.*?)(?=```)", lambda found: found[1] + "".join(arrows), page, flags=re.DOTALL)
    for name in order:
        cell = ", ".join(f"`{other}`" for other in order if other in graph[name])
        page = re.sub(rf"^(\| `{name}(?:/|\.py)` \|.*\|)[^|\n]*\|$", rf"\1 {cell} |", page, flags=re.MULTILINE)
    return page


if __name__ == "__main__":
    page, order = SOURCE / "ARCHITECTURE.md", list(stated())
    assert set(order) == between_rooms().keys(), f"rows of the table: {order}; rooms: {sorted(between_rooms())}"
    text = rewritten(page.read_text(encoding="utf-8"), order, downward(between_rooms(), order))
    page.write_text(text, encoding="utf-8")
