"""Tables for readers."""

import pandas as pd


def markdown(table: pd.DataFrame) -> str:
    """The columns of a table in Markdown; pandas' own `to_markdown` pads them, and needs one more package for it."""
    lines = [list(table.columns), ["---"] * table.shape[1], *table.to_numpy(dtype=object).tolist()]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
