"""Opinions of people: the files that raters leave, mean opinion scores, how sure they are, and whether raters agree.

The study itself is in `hpvae_nb.studies.people`.
"""

import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hpvae_nb.errors import InputError
from hpvae_nb.io.checkpoint import write_bytes
from hpvae_nb.studies.tables import markdown

QUESTIONS = {  # wording of section 4.2, with what 1 and 5 mean, which it leaves open
    "realness": ("How real does the generated {kind} look?", "not at all", "like the real one"),
    "diversity": ("How different do the generated {kind}s look?", "all alike", "all different"),
}
BEST = 5
PAPER = {  # table 3: realness, diversity; 50 users, 25 training videos, 5 samples of each
    "video": {"HP-VAE-GAN": (4.1, 3.8), "SinGAN": (3.6, 2.9), "ConSinGAN": (3.4, 2.4)},
    "image": {"HP-VAE-GAN": (3.5, 3.6), "SinGAN": (2.3, 2.5), "ConSinGAN": (2.5, 1.8)},
}
FORMAT = "hpvae_nb opinions 1"


@dataclass(frozen=True)
class Answered:
    """What a rater's file holds.

    Attributes:
        rater: as `hpvae_nb.studies.people.rater_id` makes it.
        kind: `"video"` or `"image"`.
        names: clip and method of each page, in the order in which they were shown.
        answers: for each page one number for each of `QUESTIONS`, from 1 to 5; 0 for none.
    """

    rater: str
    kind: str
    names: list[tuple[str, str]]
    answers: list[list[int]]


def write(file: Path, answered: Answered) -> None:
    """Write a rater's file, whole or not at all."""
    pages = [
        {"clip": clip, "method": method, **dict(zip(QUESTIONS, given, strict=True))}
        for (clip, method), given in zip(answered.names, answered.answers, strict=True)
    ]
    content = {"format": FORMAT, "rater": answered.rater, "kind": answered.kind, "pages": pages}
    write_bytes(file, f"{json.dumps(content, indent=1, ensure_ascii=False)}\n".encode())


def read_file(file: Path) -> Answered:
    """A rater's file.

    Raises:
        InputError: it is damaged, or another kind of file.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["format"] != FORMAT or content["kind"] not in PAPER:
            raise ValueError(content["format"])
        names = [(str(page["clip"]), str(page["method"])) for page in content["pages"]]
        answers = [[page[question] for question in QUESTIONS] for page in content["pages"]]
        if any(type(value) is not int or not 0 <= value <= BEST for given in answers for value in given):
            raise ValueError("an answer")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file} is no file of answers, or damaged: move it elsewhere") from error
    return Answered(str(content["rater"]), content["kind"], names, answers)


def read(folder: str | Path) -> pd.DataFrame:
    """All raters' files in a folder as one table.

    Files that are damaged, of something else, or of a rater who is there already are left out, and a `UserWarning`
    names them.

    Returns:
        A row for each page of each rater: `rater`, `kind`, `clip`, `method`, `place` (from 0), and an answer for each
        of `QUESTIONS`, NaN where there is none.

    Raises:
        InputError: no such folder, or none that could be read.
    """
    files = sorted(Path(folder).glob("*.json"))
    rows: list[dict[str, Any]] = []
    seen, left_out = set(), []
    for file in files:
        try:
            answered = read_file(file)
        except InputError:
            left_out.append(f"{file.name} (damaged or something else)")
            continue
        if (answered.rater, answered.kind) in seen:
            left_out.append(f"{file.name} (of a rater who is there already)")
            continue
        seen.add((answered.rater, answered.kind))
        for place, ((clip, method), given) in enumerate(zip(answered.names, answered.answers, strict=True)):
            names = {"rater": answered.rater, "kind": answered.kind, "clip": clip, "method": method, "place": place}
            rows.append({**names, **dict(zip(QUESTIONS, given, strict=True))})
    if left_out:
        what = f"{len(left_out)} of {len(files)} files in {folder} are left out: {', '.join(left_out)}"
        warnings.warn(f"{what}; ask their raters for them again", stacklevel=2)
    if not rows:
        raise InputError(f"there are no answers in {folder}: gather the raters' .json files there")
    table = pd.DataFrame(rows)
    return table.replace({question: {0: np.nan} for question in QUESTIONS}).astype(dict.fromkeys(QUESTIONS, float))


def ratings(table: pd.DataFrame, question: str) -> tuple[np.ndarray, list[str]]:
    """A question's answers as an array `rater clip method`, NaN where there is none, and the methods in their order.

    Args:
        table: rows of one kind, as `read` gives them.
    """
    methods = sorted(table["method"].unique(), key=_rank)
    wide = table.dropna(subset=question).pivot_table(question, "rater", ["clip", "method"])
    clips = sorted(table["clip"].unique())
    wide = wide.reindex(columns=pd.MultiIndex.from_product([clips, methods]))
    return wide.to_numpy().reshape(len(wide), len(clips), len(methods)), methods


def resampled(answers: np.ndarray, draws: int = 2000, seed: int = 0) -> np.ndarray:
    """Means of each method, as they would have come out with other raters and other clips.

    Draws as many raters as there are, with replacement, then as many clips; all raters of a draw see the same clips, as
    they do in the study. One answer is no draw of its own: a strict rater is strict on every page.

    Source: Owen 2007, "The pigeonhole bootstrap".

    Args:
        answers: `rater clip method`, NaN where there is none.
        draws: how often.

    Returns:
        `draw method`; NaN where a draw has no answer.
    """
    dice = np.random.default_rng(seed)
    raters, clips = (dice.multinomial(count, np.full(count, 1 / count), draws) for count in answers.shape[:2])
    known = ~np.isnan(answers)
    by_rater = np.einsum("br,rkcm->bkcm", raters, np.stack([np.where(known, answers, 0), known], 1))
    total, count = np.einsum("bc,bkcm->kbm", clips, by_rater)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def scores(table: pd.DataFrame, *, draws: int = 2000, seed: int = 0) -> pd.DataFrame:
    """Mean opinion scores, and where they lie with 95 % by `resampled`.

    Args:
        table: as `read` gives it.

    Returns:
        A row for each `kind`, `question` and `method`: its `mean`, from `low` to `high`; how far it is from the first
        method's mean, `ahead` (negative: behind), from `ahead_low` to `ahead_high`, over the same draws; the number of
        `answers`; and the `paper`'s score, NaN where it has none.

    Raises:
        InputError: a method without any answer.
    """
    found = []
    for kind, part in table.groupby("kind"):
        for k, question in enumerate(QUESTIONS):
            answers, methods = ratings(part, question)
            count = (~np.isnan(answers)).sum((0, 1))
            if not count.all():
                missing = methods[int(count.argmin())]
                raise InputError(f"nobody has answered on {question} of {missing} yet: gather more raters' files")
            means, draw = np.nanmean(answers, (0, 1)), resampled(answers, draws, seed)
            lows, highs = np.nanpercentile(draw, [2.5, 97.5], 0)
            further = np.nanpercentile(draw - draw[:, :1], [2.5, 97.5], 0)
            for m, method in enumerate(methods):
                theirs = PAPER[str(kind)].get(method, (np.nan,) * len(QUESTIONS))[k]
                numbers = (means[m], lows[m], highs[m], means[m] - means[0], *further[:, m], count[m], theirs)
                found.append((kind, question, method, *numbers))
    names = ["mean", "low", "high", "ahead", "ahead_low", "ahead_high", "answers", "paper"]
    return pd.DataFrame(found, columns=["kind", "question", "method", *names])


def alpha(answers: np.ndarray, level: str = "ordinal") -> float:
    """Krippendorff's α: 1 if all raters agree, 0 if they agree as by chance.

    1 - D_o / D_e: how far apart two answers to the same page are, over how far apart any two are; squared distances.
    For ordinal answers, a distance is the number of answers in between, which is that of the mean ranks.

    Source: Krippendorff 2011, "Computing Krippendorff's alpha-reliability".

    Args:
        answers: `rater page`, NaN where there is none.
        level: `"ordinal"`: 5 is above 4; or `"interval"`: as far above 4 as 4 above 3.

    Returns:
        At most 1; NaN where no page has two answers, or all answers are the same.

    Raises:
        InputError: another level.
    """
    if level not in ("ordinal", "interval"):
        raise InputError(f"level is {level!r}, but alpha is for 'ordinal' and 'interval': choose one")
    values = np.unique(answers[~np.isnan(answers)])
    counts = (answers[..., None] == values).sum(0)  # page value
    counts = counts[counts.sum(1) > 1]
    pairs = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(len(values))
    observed = (pairs / (counts.sum(1)[:, None, None] - 1)).sum(0)
    often = counts.sum(0)
    expected = (np.outer(often, often) - np.diag(often)) / max(1, often.sum() - 1)
    place = np.cumsum(often) - often / 2 if level == "ordinal" else values
    apart = np.square(place[:, None] - place)
    by_chance = (expected * apart).sum()
    return float(1 - (observed * apart).sum() / by_chance) if by_chance else float("nan")


def agreement(table: pd.DataFrame, level: str = "ordinal") -> pd.DataFrame:
    """`alpha` of each `kind` and `question`, and how many `raters` there are; `table` as `read` gives it."""
    found = []
    for kind, part in table.groupby("kind"):
        for question in QUESTIONS:
            answers, _ = ratings(part, question)
            found.append((kind, question, alpha(answers.reshape(len(answers), -1), level), len(answers)))
    return pd.DataFrame(found, columns=["kind", "question", "alpha", "raters"])


def report(table: pd.DataFrame, *, draws: int = 2000, seed: int = 0) -> str:
    """Table 3 in Markdown: scores with intervals beside the paper's, then how far raters agree; errors of `scores`."""
    lines = []
    for (kind, method), part in scores(table, draws=draws, seed=seed).groupby(["kind", "method"], sort=False):
        line = {"kind": kind, "method": method}
        for row in part.to_dict("records"):
            line[row["question"]] = f"{row['mean']:.1f} [{row['low']:.1f}, {row['high']:.1f}]"
            line[f"{row['question']} in the paper"] = "" if np.isnan(row["paper"]) else f"{row['paper']:.1f}"
        lines.append(line)
    agreed = [
        f"α of {row.question}, {row.kind}s: {row.alpha:.2f} between {row.raters} raters."
        for row in agreement(table).itertuples()
    ]
    return "\n".join([markdown(pd.DataFrame(lines)), "", *agreed])


def _rank(method: str) -> tuple[int, str]:
    """The paper's methods first, in an order of their own."""
    known = ["HP-VAE-GAN", "SinGAN", "ConSinGAN"]
    return (known.index(method) if method in known else len(known), method)
