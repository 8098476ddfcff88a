"""The paper's findings as claims that the rows of the evidence bear out or not."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd

from hpvae_nb.metrics import METRICS
from hpvae_nb.studies.evidence import IMAGE_REALISM, LEVELS, REALISM, WHOLE, at, budgets, changes, clips, values
from hpvae_nb.studies.intervals import Interval, mean_change
from hpvae_nb.studies.tables import markdown


@dataclass(frozen=True)
class Claim:
    """A finding, as a comparison that a seed can pass or fail.

    Attributes:
        says: the finding, in words.
        source: where it stands.
        metric: a column of the rows.
        points: the point that differs, and the one it is compared with; or the points of a trend over M.
        direction: 1 where the metric rises by it, -1 where it falls.
        paper: the size it has there, in words, where a number is given.
    """

    says: str
    source: str
    metric: str
    points: tuple[str, ...]
    direction: Literal[1, -1]
    paper: str = ""

    @property
    def title(self) -> str:
        """The metric's, for people; columns of tables 1 and 2 are in words already."""
        return METRICS[self.metric].title if self.metric in METRICS else self.metric

    def measured(self, rows: pd.DataFrame, clip: str | None = None) -> np.ndarray:
        """The change in percent, for each seed: of the first point from the second, or by one more level of a trend.

        Without a clip those of all clips that have both points. A trend is the slope of the straight line through the
        points (least squares), in percent of their mean; where levels between its ends were not measured, without them.
        """
        if clip is None:
            return np.concatenate([self.measured(rows, name) for name in clips(rows, self.ends)])
        if self.points == LEVELS:
            there = set(rows["point"][rows["clip"] == clip])
            measured = [name for name in LEVELS if name in there or name in self.ends]
            found = np.array([values(rows, clip, name, self.metric) for name in measured])
            levels = [int(name.removeprefix("M = ")) for name in measured]
            return 100 * np.polyfit(levels, found, 1)[0] / found.mean(axis=0)
        return changes(rows, clip, self.points[0], self.metric, self.points[1]).to_numpy()

    @property
    def ends(self) -> tuple[str, str]:
        """The two points that are compared; of a trend the first and the last."""
        return self.points[0], self.points[-1]

    def over_budgets(self, rows: pd.DataFrame, clip: str | None = None) -> dict[int, Interval]:
        """What was found at each budget that has rows of both ends, lowest first; of one clip, or of all together."""
        found = {}
        for budget in budgets(rows):
            of_budget = at(rows, budget)
            there = clips(of_budget, self.ends)
            if there if clip is None else clip in there:
                found[budget] = self.found(of_budget, clip)
        return found

    def found(self, rows: pd.DataFrame, clip: str | None = None) -> Interval:
        """The mean change in percent over seeds, and its interval; without a clip of all clips together."""
        return mean_change(self.measured(rows, clip))

    def verdict(self, found: Interval) -> str:
        """Whether the measured change has the direction of the claim: `yes`, `no`, or `unclear` between them."""
        if found.low <= 0 <= found.high:
            return "unclear"
        return "yes" if self.direction * found.mean > 0 else "no"


VERDICTS = ("no", "unclear", "yes")


def _real(
    says: str,
    source: str,
    points: tuple[str, ...],
    direction: Literal[1, -1],
    paper: str = "",
    realism: Sequence[str] = REALISM,
) -> list[Claim]:
    """A finding about realism, measured by each kind of features."""
    return [Claim(says, source, metric, points, direction, paper) for metric in realism]


CLAIMS = (
    Claim("more VAE levels, more diverse", "Fig. 5", "diversity", LEVELS, 1),
    *_real("more VAE levels, less real", "Fig. 5", LEVELS, 1),
    Claim("more diverse than SinGAN", "Fig. 5", "diversity", (WHOLE, "SinGAN"), 1),
    *_real("more real than SinGAN", "Fig. 5", (WHOLE, "SinGAN"), -1),
    Claim("more diverse than ConSinGAN", "Fig. 5", "diversity", (WHOLE, "ConSinGAN"), 1),
    *_real("more real than ConSinGAN", "Fig. 5", (WHOLE, "ConSinGAN"), -1),
    Claim("one VAE level memorises", "Fig. 6", "novelty", ("M = 1", WHOLE), -1),
    *_real("without GAN levels, not real", "Fig. 6", ("M = 7", WHOLE), 1),
    Claim("without freezing, less diverse", "Section 4.2", "diversity", ("no freezing", WHOLE), -1, "-51 %"),
    *_real("without freezing, less real", "Section 4.2", ("no freezing", WHOLE), 1, "+680 %"),
    *_real("decoder with r = 1: not real", "Fig. 9 b", ("decoder r = 1", WHOLE), 1),
    Claim("encoder with r = 1: modes collapse", "Fig. 9 c", "diversity", ("encoder r = 1", WHOLE), -1),
    Claim("PatchVAE: few and small objects", "Fig. 9 d", "survival", ("PatchVAE", WHOLE), -1),
    *_real("VGPNN: closer to the clip", "Haim et al. 2022", ("VGPNN", WHOLE), -1),
    Claim("VGPNN: copies, so less novel", "its algorithm", "novelty", ("VGPNN", WHOLE), -1),
)
"""Findings of the paper that the rows can speak about, and what is said of the method that came after."""


_real_image = partial(_real, realism=IMAGE_REALISM)

# Where the paper gives a number it is table 3's, opinions of people from 1 to 5: the same question, another measure.
IMAGE_CLAIMS = (
    Claim("more VAE levels, more diverse", "Fig. 5", "diversity", LEVELS, 1),
    *_real_image("more VAE levels, less real", "Fig. 5", LEVELS, 1),
    Claim("more diverse than SinGAN", "Figs. 5, 7", "diversity", (WHOLE, "SinGAN"), 1, "users: 3.6 to 2.5"),
    *_real_image("more real than SinGAN", "Figs. 5, 7", (WHOLE, "SinGAN"), -1, "users: 3.5 to 2.3"),
    Claim("more diverse than ConSinGAN", "Figs. 5, 7", "diversity", (WHOLE, "ConSinGAN"), 1, "users: 3.6 to 1.8"),
    *_real_image("more real than ConSinGAN", "Figs. 5, 7", (WHOLE, "ConSinGAN"), -1, "users: 3.5 to 2.5"),
    Claim("one VAE level memorises", "Fig. 6, of clips", "novelty", ("M = 1", WHOLE), -1),
    *_real_image("without GAN levels, not real", "Fig. 6, of clips", ("M = 7", WHOLE), 1),
    *_real_image("GPNN: closer to the image", "Granot et al. 2022", ("GPNN", WHOLE), -1),
    Claim("GPNN: copies, so less novel", "its algorithm", "novelty", ("GPNN", WHOLE), -1),
)
"""The same of images. What the paper says of clips alone is asked of images too, and its source says so."""


MANY_FEATURES = ("patches", "efficientnet-lite0")


def _many(system: str, first: str, second: str, fid: str) -> list[Claim]:
    """What tables 1 and 2 say of one system, measured by each kind of features; the paper's numbers, theirs to ours."""
    points, found = (f"ours, by {system}", system), []
    says = (
        f"closer to the first neighbour than {system}",
        f"closer to the second than {system}",
        f"more real than {system}",
    )
    measures, papers = ("SVFID to the first", "SVFID to the second", "FID"), (first, second, fid)
    for words, measure, paper in zip(says, measures, papers, strict=True):
        source = "Table 2" if measure == "FID" else "Table 1"
        found += [Claim(words, source, f"{measure} ({one})", points, -1, paper) for one in MANY_FEATURES]
    return found


TABLE_CLAIMS = (
    *_many("MoCoGAN", "19.0 to 6.1", "19.1 to 15.3", "42.0 to 22.1"),
    *_many("TGAN", "20.0 to 8.7", "20.6 to 21.0", "28.3 to 16.1"),
    *_many("TGAN-v2", "25.4 to 8.9", "25.5 to 20.6", "29.2 to 17.2"),
)
"""Of rows as `hpvae_nb.studies.many_page.as_points` makes them. To TGAN's second neighbours ours is not closer in the
paper either; it is asked all the same."""


def answerable(rows: pd.DataFrame, claims: Sequence[Claim]) -> list[Claim]:
    """Those of the claims that the rows of some clip have both ends and the measure of."""
    return [claim for claim in claims if clips(rows, claim.ends) and claim.metric in rows]


def table(rows: pd.DataFrame, claims: Sequence[Claim] = CLAIMS) -> str:
    """Every claim as a row in Markdown: what the paper says, mean and interval on each clip and on all, the verdict.

    The rows are those of one budget. The verdict is that of all clips and seeds together. What goes the other way comes
    first, then what is unclear, and last what agrees. A clip on which a claim was not measured stays empty.

    Raises:
        InputError: a point of a claim has no row.
    """
    lines = []
    for claim in ordered(rows, claims):
        found = {clip: claim.found(rows, clip) for clip in clips(rows, claim.ends)} | {"all": claim.found(rows)}
        cells = {clip: f"{found[clip]:+.0f} %" if clip in found else "" for clip in (*clips(rows), "all")}
        lines.append(_named(claim) | cells | {"same direction": claim.verdict(found["all"])})
    return markdown(pd.DataFrame(lines))


def budget_table(rows: pd.DataFrame, claims: Sequence[Claim] = CLAIMS) -> str:
    """Every claim as a row in Markdown: mean and interval of all clips at each budget, and how the verdict went.

    Ordered by the verdict at the largest budget, as in `table`.
    """
    lines = []
    for claim in latest_first(rows, claims):
        found = claim.over_budgets(rows)
        cells = {f"{budget} steps": f"{found[budget]:+.0f} %" if budget in found else "" for budget in budgets(rows)}
        verdicts = " → ".join(claim.verdict(change) for change in found.values())
        lines.append(_named(claim) | cells | {"same direction": verdicts})
    return markdown(pd.DataFrame(lines))


def _named(claim: Claim) -> dict[str, str]:
    return {"finding": claim.says, "source": claim.source, "measured by": claim.title, "paper": claim.paper}


def latest_first(rows: pd.DataFrame, claims: Sequence[Claim] = CLAIMS) -> list[Claim]:
    """The claims that were measured, those first that fare worst at the largest budget of theirs."""
    latest = {claim: list(claim.over_budgets(rows).values())[-1:] for claim in claims}
    return sorted((c for c in claims if latest[c]), key=lambda c: VERDICTS.index(c.verdict(latest[c][0])))


def ordered(rows: pd.DataFrame, claims: Sequence[Claim] = CLAIMS) -> list[Claim]:
    """The claims, those first that fare worst on all clips together."""
    return sorted(claims, key=lambda claim: VERDICTS.index(claim.verdict(claim.found(rows))))
