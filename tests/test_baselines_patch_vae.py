"""PatchVAE: its two codes, their priors and divergences, and the gradient of a 0 or 1."""

import pytest
import torch
from common import tiny_config

from hpvae_nb import InputError, fit, train
from hpvae_nb.baselines.patch_vae import PatchVae, latent_map, occurrence_divergence, straight_through

CPU = {"device": "cpu", "precision": "float32"}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


SHAPES = [(4, 4, 6)]


def network(**changes):
    return PatchVae().build(tiny_config(**changes), SHAPES)


def from_prior(occurrence, count):
    return PatchVae(occurrence=occurrence).prior(network(), SHAPES, 0, range(count))


def test_the_prior_of_occurrence_draws_zeros_and_ones_as_often_as_it_says():
    z = from_prior(0.2, 200)
    there = z != 0
    assert torch.equal(there.all(1), there.any(1)), "a part is at a site with all its entries or with none"
    assert there.float().mean() == pytest.approx(0.2, abs=0.02)


def test_appearance_is_one_vector_for_the_whole_clip_with_a_standard_normal_prior():
    z = from_prior(0.5, 500)
    largest, smallest = z.flatten(2).amax(2), z.flatten(2).amin(2)
    appearance = torch.where(largest > 0, largest, smallest)
    assert ((largest == 0) | (smallest == 0)).all()
    assert appearance.mean().abs() < 0.1
    assert appearance.std() == pytest.approx(1, abs=0.1)


def test_each_part_has_entries_and_places_of_its_own():
    appearance = torch.tensor([[[1.0, 2.0], [3.0, 4.0]]])
    occurrence = torch.tensor([[[[1.0, 0.0]], [[1.0, 1.0]]]])
    z = latent_map(appearance, occurrence)
    assert z[0, :, 0].T.tolist() == [[1, 2, 3, 4], [0, 0, 3, 4]]


def test_straight_through_gives_zeros_and_ones_with_the_odds_asked_for():
    drawn = straight_through(
        torch.tensor([-1.0, 0.0, 2.0]).expand(20_000, 3), 0.5, torch.rand(20_000, 3, generator=generator())
    )
    torch.testing.assert_close(drawn, drawn.round(), rtol=0, atol=1e-6)
    torch.testing.assert_close(drawn.mean(0), torch.sigmoid(torch.tensor([-1.0, 0.0, 2.0])), rtol=0, atol=0.02)


def test_straight_through_has_the_gradient_of_the_relaxed_variable():
    logits = torch.randn(50, generator=generator(), dtype=torch.float64).requires_grad_()
    chance = torch.rand(50, generator=generator(1)).double()
    straight_through(logits, 0.5, chance).sum().backward()

    def relaxed(x):
        return 1 / (1 + torch.exp(-(x + torch.log(chance) - torch.log(1 - chance)) / 0.5))

    step = 1e-5
    slope = (relaxed(logits.detach() + step) - relaxed(logits.detach() - step)) / (2 * step)
    torch.testing.assert_close(logits.grad, slope, rtol=1e-3, atol=1e-5)


def test_the_divergence_of_occurrence_is_the_sum_over_both_outcomes():
    logits, prior = torch.tensor([[[-2.0, 0.0, 3.0]]]), 0.2
    q = torch.sigmoid(logits)
    by_hand = q * (q / prior).log() + (1 - q) * ((1 - q) / (1 - prior)).log()
    assert occurrence_divergence(logits, prior, "sum").item() == pytest.approx(by_hand.sum().item(), rel=1e-5)
    assert occurrence_divergence(logits, prior, "mean").item() == pytest.approx(by_hand.mean().item(), rel=1e-5)
    assert occurrence_divergence(torch.tensor([0.2 / 0.8]).log(), prior, "mean").abs() < 1e-6


def test_appearance_is_averaged_over_where_its_part_occurs():
    """A head that sees one site alone, and an occurrence that is there alone: the average is that site's value."""
    encoder = network().encoder.eval()  # no power iterations between the two calls
    x = torch.rand(1, 3, 4, 4, 6, generator=generator()) * 2 - 1
    site = (0, slice(None), 1, 2, 3)
    with torch.no_grad():
        maps = encoder.to_mu(encoder.trunk(x))
        spike = torch.full((1, 1, 4, 4, 6), -100.0)
        spike[site] = 100.0
        encoder.to_occurrence.forward = lambda features: spike
        found = encoder.posterior(x)
    torch.testing.assert_close(found.mu[0, 0], maps[site], rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_training_learns_to_reconstruct_and_everything_in_the_encoder_is_trained(clip):
    config = tiny_config(iterations=60, scales=2, vae_levels=2, channels=8, lr=2e-3)
    events = list(train(clip, config, method=PatchVae(), **CPU))
    at_scale_0 = [event.losses["reconstruction"] for event in events if event.scale == 0]
    assert sum(at_scale_0[-5:]) < 0.5 * sum(at_scale_0[:5])
    fresh = network(scales=2, vae_levels=2, channels=8).encoder.state_dict()
    trained = events[-1].model.network.encoder.state_dict()
    assert all(not torch.equal(fresh[name], trained[name]) for name in fresh if "weight" in name or "bias" in name)


@pytest.mark.slow
def test_gan_scales_above_train_and_resume_like_the_rest(tmp_path, clip):
    config = tiny_config()
    events = train(clip, config, method=PatchVae(), out=tmp_path, **CPU)
    for event in events:
        if (event.scale, event.iteration) == (3, 2):
            assert {"reconstruction", "adversarial", "distance", "penalty"} == set(event.losses)
            events.close()
    resumed = list(train(clip, config, method=PatchVae(), out=tmp_path, resume=True, **CPU))[-1].model
    whole = fit(clip, config, method=PatchVae(), **CPU)
    for a, b in zip(whole.network.state_dict().values(), resumed.network.state_dict().values(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("settings", [{"parts": 0}, {"occurrence": 1}, {"temperature": 0}, {"parts": 3}])
def test_settings_out_of_range_are_refused(clip, settings):
    with pytest.raises(InputError, match=next(iter(settings))):
        train(clip, tiny_config(), method=PatchVae(**settings))
