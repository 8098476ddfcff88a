"""nbval compares every output of every cell exactly, but for what can't be equal on two machines.

And after a notebook's last cell every view must be as it was first shown: cells that try a view put it back.
"""

import inspect

import pytest

INCOMPARABLE = "stderr"  # warnings and progress bars
EMBEDDED = r'data:[^"]*'  # the bytes of pictures and videos; what is said about them is compared
STILL = '<div class="still">'  # how a still begins, which only the saved notebook has


def pytest_collectstart(collector):
    if collector.path.suffix == ".ipynb":
        collector.skip_compare += (INCOMPARABLE,)
        collector.sanitize_patterns[EMBEDDED] = "data:"


def pytest_itemcollected(item):
    """A still has a live view as its counterpart; both call themselves by the same words, which are compared."""
    for output in getattr(item, "cell", {}).get("outputs", []):
        if output.get("data", {}).get("text/html", "").startswith(STILL):
            del output["data"]["text/html"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    if not hasattr(item, "cell_num"):
        return (yield)
    client, count = item.parent.kernel.kc, sum(cell.cell_type == "code" for cell in item.parent.nb.cells)
    if item.cell_num == 0:
        client.execute_interactive(
            f"{inspect.getsource(_watch_views)}\n_views_left_moved = _watch_views()", silent=True
        )
    result = yield
    if item.cell_num == count - 1:
        asked = {"user_expressions": {"left": "_views_left_moved()"}, "store_history": False}
        left = client.execute_interactive("", **asked)["content"]["user_expressions"]["left"]
        if left.get("data", {}).get("text/plain") != "[]":
            item.raise_cell_error(f"Views are not as first shown: {left}. Move them in `with moved(view, ...)`")
    return result


def _watch_views():
    """In the kernel: note how each view is when a cell shows it; gives a function that tells which differ by then."""
    from ipywidgets import Widget

    shown = []

    def state(view):
        if hasattr(view, "wait"):
            view.wait(60)
        parts = [view]
        for part in parts:
            parts += getattr(part, "children", ())
        return [part.get_state() for part in parts]

    def note(result):
        if isinstance(result.result, Widget):
            shown.append((result.info.raw_cell.splitlines()[-1], result.result, state(result.result)))

    get_ipython().events.register("post_run_cell", note)  # noqa: F821
    return lambda: [line for line, view, first in shown if state(view) != first]
