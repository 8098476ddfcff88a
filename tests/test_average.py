"""Averaged weights: a GAN scale ends with the running average of its own, VAE scales with what they reached."""

import torch
from common import cpu_trainer, noise_clip, tiny_config


def trained(scale, **changes):
    """A trainer that made all of its steps at `scale`, and its generator's weights after each."""
    trainer, seen = cpu_trainer(noise_clip(), tiny_config(iterations=4, **changes)), []
    for n in range(scale + 1):
        trainer.enter_scale(n)
        seen = []
        for _ in range(4):
            trainer.step()
            seen.append([weight.detach().clone() for weight in trainer.network.generators[n].parameters()])
    return trainer, seen


def test_a_gan_scale_ends_with_the_running_average():
    _, plain = trained(2)
    trainer, _ = trained(2, average=0.15)
    for k, weight in enumerate(trainer.network.generators[2].parameters()):
        mean = plain[0][k]
        for made, step in enumerate(plain[1:], start=1):
            kept = min(0.15, made / (made + 10))
            mean = kept * mean + (1 - kept) * step[k]
        torch.testing.assert_close(weight.detach(), mean)
        assert not torch.equal(weight, plain[-1][k])


def test_vae_scales_have_none():
    (trainer, weights), (_, plain) = trained(1, average=0.15), trained(1)
    assert trainer.average == []
    assert all(torch.equal(a, b) for a, b in zip(weights[-1], plain[-1], strict=True))


def test_the_step_before_the_last_still_has_its_own():
    (_, weights), (_, plain) = trained(2, average=0.15), trained(2)
    assert all(torch.equal(a, b) for a, b in zip(weights[-2], plain[-2], strict=True))
