"""nbval compares every output of every cell exactly, but for what can't be equal on two machines."""

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
