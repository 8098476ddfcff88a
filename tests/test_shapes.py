"""The shapes in the core's annotations are checked while these tests run: wrong ones are refused."""

import pytest
import torch
from common import tiny_config

from hpvae_nb.core.losses import kl_divergence
from hpvae_nb.core.resampling import resize, upsample
from hpvae_nb.recipe.build import make_encoder, make_hierarchy

pytest.importorskip("beartype")
TypeCheckError = pytest.importorskip("jaxtyping").TypeCheckError


def test_a_wrong_shape_is_refused():
    with pytest.raises(TypeCheckError):
        kl_divergence(torch.zeros(2, 4, 3), torch.zeros(2, 4, 5))
    with pytest.raises(TypeCheckError):
        make_encoder(tiny_config())(torch.zeros(1, 2, 4, 6, 8))  # two colours
    with pytest.raises(TypeCheckError):
        make_hierarchy(tiny_config()).base(torch.zeros(4, dtype=torch.int64))
    with pytest.raises(TypeCheckError):
        upsample(torch.zeros(3, 4, 5).long(), (4, 6, 8))


def test_a_right_one_passes():
    mu, logvar = make_encoder(tiny_config())(torch.zeros(1, 3, 4, 6, 8))
    assert kl_divergence(mu, logvar, "sites").shape == (1, 4, 6, 8)
    assert resize(torch.zeros(1, 3, 4, 5), (2, 2)).shape == (1, 3, 2, 2)
