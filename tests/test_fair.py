"""Methods at equal diversity: lines from rows, and what is read off where two of them are as diverse."""

import json

import numpy as np
import pandas as pd
import pytest

from hpvae_nb.studies import fair

METRICS = ["diversity", "svfid", "svfid_efficientnet"]


def row(point, diversity, svfid, *, clip="bunny", seed=0, ways=(), settings=None):
    numbers = {"diversity": diversity, "svfid": svfid, "svfid_efficientnet": 100 * svfid}
    known = {"metrics": METRICS, "settings": json.dumps(settings or {}), "ways": json.dumps(list(ways))}
    return {"point": point, "clip": clip, "seed": seed, **known, **numbers}


def way(diversity, svfid, **turned):
    return {
        "way": turned,
        "diversity": diversity,
        "svfid": svfid,
        "svfid_efficientnet": 100 * svfid,
        "unmeasured": None,
    }


def rows(seeds=(0, 1, 2)):
    """Ours is real by e^diversity; SinGAN twice as far where both are as diverse, VGPNN nowhere as diverse."""
    found = []
    for seed in seeds:
        ways = [way(0.3, np.exp(0.3), pull=0.5), way(0.45, np.exp(0.45), strips=3)]
        found.append(row("M = 3", 0.5, np.exp(0.5), seed=seed, ways=ways))
        found.append(row("M = 7", 0.7, np.exp(0.7), seed=seed))
        knobs = [way(0.4, 2 * np.exp(0.4), pull=0.2), way(0.8, 2 * np.exp(0.8), noise=8)]
        found.append(row("SinGAN", 0.6, 2 * np.exp(0.6), seed=seed, ways=knobs))
        found += [row("VGPNN", 0.1 + sigma / 100, 0.1, seed=seed, settings={"sigma": sigma}) for sigma in (5, 10)]
    return pd.DataFrame(found)


def test_every_setting_of_a_knob_is_on_its_line():
    found = fair.settings(rows(seeds=[4]))
    knobs = found.groupby("line")["knob"].agg(list).to_dict()
    assert knobs == {
        "HP-VAE-GAN, by M": ["M = 3", "M = 7"],
        "HP-VAE-GAN, by pull": ["none", "pull 0.5"],
        "HP-VAE-GAN, by strips": ["none", "strips 3"],
        "SinGAN": ["none", "pull 0.2", "noise 8"],
        "VGPNN": ["sigma 5", "sigma 10"],
    }
    assert found.set_index("knob").loc["pull 0.2", ["seed", "diversity"]].tolist() == [4, 0.4]


def test_at_equal_diversity_is_what_both_reach():
    found = fair.settings(rows())
    change, pairs = fair.change(found, "SinGAN", "svfid")
    assert (change.mean, pairs) == (pytest.approx(100), 3)  # twice as far from 0.5 to 0.7, whatever lies beyond
    back, _ = fair.change(found, fair.OURS, "svfid_efficientnet", base="SinGAN")
    assert back.mean == pytest.approx(-50)
    assert fair.change(found, "VGPNN", "svfid") is None
    assert fair.change(found, "ConSinGAN", "svfid") is None
    one, pairs = fair.change(fair.settings(rows(seeds=[0])), "SinGAN", "svfid")
    assert (pairs, one.high) == (1, np.inf)


def test_the_table_has_a_line_for_each_method_there_is():
    lines = fair.table(fair.settings(rows())).splitlines()
    assert [line.split(" | ")[0].strip("| ") for line in lines[2:]] == [
        "HP-VAE-GAN, by M",
        "HP-VAE-GAN, by pull",
        "HP-VAE-GAN, by strips",
        "SinGAN",
        "VGPNN",
    ]
    assert "+100 [+100, +100] %, 3 pairs" in lines[5]
    assert "0.40 to 0.80" in lines[5]
