"""nbval compares every output of every cell exactly, but for what can't be equal on two machines."""

INCOMPARABLE = ("image/png", "text/html", "stderr")  # pictures, players, warnings and progress bars


def pytest_collectstart(collector):
    if collector.path.suffix == ".ipynb":
        collector.skip_compare += INCOMPARABLE
