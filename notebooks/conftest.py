"""nbval compares every output of every cell exactly, but for what can't be equal on two machines."""

INCOMPARABLE = "stderr"  # warnings and progress bars
EMBEDDED = r'data:[^"]*'  # the bytes of pictures and videos; what is said about them is compared


def pytest_collectstart(collector):
    if collector.path.suffix == ".ipynb":
        collector.skip_compare += (INCOMPARABLE,)
        collector.sanitize_patterns[EMBEDDED] = "data:"
