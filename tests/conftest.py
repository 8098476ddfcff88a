"""Fixtures: clips, a tiny recipe, one trained model; everything on one thread, and tensors' shapes checked."""

import checked_shapes  # noqa: F401, I001  (before the package)

import pytest
import torch
from common import noise_clip, tiny_config

from hpvae_nb import fit, load_clip, preset

torch.set_num_threads(1)  # small convolutions get slower, not faster, with more


@pytest.fixture
def tiny():
    return tiny_config()


@pytest.fixture
def clip():
    return noise_clip()


@pytest.fixture(scope="session")
def pedestrians():
    return load_clip("pedestrians")


@pytest.fixture(scope="session")
def trained(pedestrians):
    """The smoke preset on a bundled clip, in float32. Shared: tests must leave it as it is."""
    return fit(pedestrians, preset("smoke", iterations=20), seed=0, device="cpu", precision="float32")
