"""The three networks: what they see, what they keep, how many weights they have, and that samples stay apart."""

import re

import pytest
import torch
from common import SOURCE, tiny_config
from torch import nn

from hpvae_nb import empirical_receptive_field, fit, load_image, preset, receptive_field
from hpvae_nb.core.networks import warm_start
from hpvae_nb.core.receptive_field import gradient_map
from hpvae_nb.errors import InputError
from hpvae_nb.recipe.build import make_discriminator, make_encoder, make_generator, make_hierarchy

CONV = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
KINDS = {
    "encoder": (make_encoder, lambda config: config.encoder_layers + 1),  # the head comes on top
    "generator": (lambda config: make_generator(config, 1), lambda config: config.generator_layers),
    "decoder": (lambda config: make_generator(config, 0), lambda config: config.generator_layers),
    "discriminator": (make_discriminator, lambda config: config.critic_layers),
}


def built(kind, **changes):
    """A small network of that kind, its configuration and the shape of an input without batch and sites."""
    config = preset("paper", channels=5, latent=6, **changes)
    torch.manual_seed(0)
    return KINDS[kind][0](config), config, config.latent if kind == "decoder" else 3


def both(module, channels, dims, extent):
    """The receptive field computed and measured."""
    return receptive_field(module), empirical_receptive_field(module, (channels, *[extent] * dims))


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize(
    ("kind", "changes", "r"),
    [
        ("encoder", {"encoder_layers": 3}, 9),  # released: three convolutions and a head
        ("encoder", {"encoder_layers": 5}, 13),
        ("generator", {"generator_layers": 5}, 11),  # the paper's r
        ("generator", {"generator_layers": 7}, 15),  # released
        ("decoder", {"generator_layers": 3}, 7),
        ("discriminator", {"critic_layers": 5}, 11),
        ("discriminator", {"critic_layers": 7, "critic_tail_spectral": False}, 15),
        ("generator", {"generator_layers": 3, "kernel": 5}, 13),
        ("encoder", {"encoder_layers": 5, "encoder_kernel": 1}, 1),  # figure 9c
    ],
)
def test_receptive_fields_of_the_networks(kind, changes, r, dims):
    module, _, channels = built(kind, dims=dims, **changes)
    computed, measured = both(module, channels, dims, r + 2)
    assert computed == measured == (r,) * dims


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize(
    ("layers", "r"),
    [  # kernel, stride, dilation of each layer; r by hand
        ([(3, 1, 2)], 5),
        ([(3, 1, 1), (3, 1, 2), (3, 1, 4)], 1 + 2 + 4 + 8),
        ([(3, 2, 1), (3, 1, 1)], 1 + 2 + 2 * 2),
        ([(3, 2, 1), (3, 2, 1), (3, 1, 1)], 1 + 2 + 4 + 8),
        ([(5, 1, 1), (1, 1, 1), (3, 1, 3)], 1 + 4 + 0 + 6),
        ([(2, 2, 1), (2, 1, 1)], 1 + 1 + 2),
    ],
)
def test_receptive_fields_of_strided_and_dilated_chains(layers, r, dims):
    torch.manual_seed(0)
    chain = nn.Sequential(
        *(CONV[dims](1, 1, k, stride=s, dilation=d, padding=(k // 2) * d) for k, s, d in layers), nn.Tanh()
    )
    computed, measured = both(chain, 1, dims, 2 * r + 4 if dims < 3 else r + 6)
    assert computed == measured == (r,) * dims


def test_axes_of_a_flat_kernel_are_told_apart():
    torch.manual_seed(0)
    layer = nn.Conv3d(1, 1, (1, 3, 5), padding=(0, 1, 2))
    assert both(layer, 1, 3, 9) == ((1, 3, 5), (1, 3, 5))


def test_a_field_needs_a_convolution():
    with pytest.raises(InputError, match="ReLU holds no convolution"):
        receptive_field(nn.ReLU())


def test_measuring_changes_nothing():
    module, _, _ = built("discriminator", dims=2)
    module.train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    seen = gradient_map(module, (3, 15, 17), site=(0, 0))
    assert seen.shape == (15, 17)
    assert (seen[:6, :6] > 0).all()  # r = 11 around the corner: five sites on, the corner itself included
    assert (seen[6:] == 0).all()
    assert (seen[:, 6:] == 0).all()
    assert module.training
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    assert all(weight.grad is None for weight in module.parameters())


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("kind", list(KINDS))
def test_networks_keep_the_size(kind, dims):
    module, config, channels = built(kind, dims=dims, kernel=5)
    sites = (3, 7, 8)[-dims:]
    made = module(torch.randn(2, channels, *sites))
    expected = {"encoder": config.latent, "discriminator": 1}.get(kind, 3)
    for out in made if kind == "encoder" else (made,):
        assert out.shape == (2, expected, *sites)
        assert out.dtype == torch.float32


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("kind", list(KINDS))
def test_samples_of_a_batch_do_not_see_each_other(kind, dims, precision):
    module, _, channels = built(kind, dims=dims)
    module.eval()
    sites = (4, 6, 7)[-dims:]
    x, other, third = torch.randn(3, channels, *sites), 50 * torch.randn(1, channels, *sites), torch.randn(1)
    x[2] *= third
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bfloat16"):
        made = module(x)
        changed = module(torch.cat([x[:1], other, x[2:]]))
        alone = module(x[:1])
    first = (made, changed, alone) if kind != "encoder" else (made[0], changed[0], alone[0])
    assert torch.equal(first[0][[0, 2]], first[1][[0, 2]])
    assert not torch.equal(first[0][1], first[1][1])
    torch.testing.assert_close(first[0][:1], first[2], rtol=1e-4, atol=1e-4 if precision == "float32" else 0.05)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("kernel", [3, 5])
def test_counts_of_weights(dims, kernel):
    c, latent, taps = 5, 6, kernel**dims

    def convolution(a, b):
        return a * b * taps + b

    def trained(module):
        return sum(weight.numel() for weight in module.parameters())

    for layers in (3, 5):
        middle = (layers - 2) * convolution(c, c)
        changes = {"dims": dims, "kernel": kernel, "generator_layers": layers, "critic_layers": layers}
        changes |= {"encoder_layers": layers}
        norms = 2 * c * (layers - 1)  # a scale and a shift for each channel
        encoder = convolution(3, c) + (layers - 1) * convolution(c, c) + 2 * convolution(c, latent)
        assert trained(built("encoder", **changes)[0]) == encoder
        generator = convolution(3, c) + middle + convolution(c, 3) + norms
        assert trained(built("generator", **changes)[0]) == generator
        assert trained(built("decoder", **changes)[0]) == generator + (latent - 3) * c * taps
        assert trained(built("discriminator", **changes)[0]) == convolution(3, c) + middle + convolution(c, 1)


def test_the_papers_tanh_bounds_a_generator_and_the_released_one_is_free():
    x = 100 * torch.randn(1, 3, 4, 5, 6)
    bounded, _, _ = built("generator", generator_tanh=True)
    free, _, _ = built("generator", generator_tanh=False)
    free.load_state_dict(bounded.state_dict())
    with torch.no_grad():
        free.tail.weight *= 100
        bounded.tail.weight *= 100
        assert bounded(x).abs().max() <= 1
        assert free(x).abs().max() > 1
        torch.testing.assert_close(free(x).tanh(), bounded(x))


def test_spectral_norms_hold_the_largest_singular_value_at_one():
    module, _, _ = built("discriminator", dims=3)
    for _ in range(30):  # each pass in training mode is one power iteration
        module(torch.zeros(1, 3, 2, 2, 2))
    matrices = [layer.weight.flatten(1) for layer in module.modules() if isinstance(layer, nn.Conv3d)]
    assert len(matrices) == 5
    for matrix in matrices:
        assert torch.linalg.svdvals(matrix)[0].item() == pytest.approx(1, abs=2e-2)


def test_warm_starts_copy_what_fits():
    config = tiny_config()
    below, above = make_generator(config, 0), make_generator(config, 1)
    fresh = {name: value.clone() for name, value in above.state_dict().items()}
    warm_start(above, below)
    for name, value in above.state_dict().items():
        first = name == "body.0.0.weight"  # reads another number of channels
        assert torch.equal(value, fresh[name] if first else below.state_dict()[name]), name


@pytest.mark.parametrize(("policy", "copied"), [("all", [1, 2]), ("residual", [2]), ("none", [])])
def test_each_policy_warm_starts_its_scales(policy, copied):
    network = make_hierarchy(tiny_config(warm_start=policy))
    network.grow()
    network.grow()
    equal = [n for n in (1, 2) if torch.equal(network.generators[n].tail.weight, network.generators[n - 1].tail.weight)]
    assert equal == copied


def test_an_image_trains_with_the_same_code():
    image = load_image("balloons", size=48)
    config = preset("smoke", dims=2, iterations=6)
    model = fit(image, config, device="cpu")
    made = model.sample(3, seed=0)
    assert made.shape == (3, 3, *model.shapes[-1])
    assert torch.isfinite(made).all()
    assert not torch.equal(made[0], made[1])
    assert model.reconstruct().shape == (1, 3, *model.shapes[-1])
    first, last = (model.facts["history"][0][i]["reconstruction"] for i in (0, -1))
    assert last < first


def test_measuring_takes_shapes_with_and_without_channels():
    net = nn.Sequential(nn.Conv3d(2, 4, 3, padding=1), nn.BatchNorm3d(4), nn.LeakyReLU(), nn.Conv3d(4, 1, 3, padding=1))
    for shape in ((9, 9, 9), (2, 9, 9, 9), (1, 2, 9, 9, 9)):
        assert empirical_receptive_field(net, shape) == receptive_field(net) == (5, 5, 5)
    with pytest.raises(InputError, match="3 site axes"):
        empirical_receptive_field(net, (9, 9))


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_padding_by_the_outermost_sites_leaves_no_mark_of_the_border(kind, dims):
    """Of a plain clip, zeros around it make something that is not plain."""
    marks = {}
    for padding in ("zeros", "replicate"):
        module, _, channels = built(kind, dims=dims, padding=padding)
        with torch.no_grad():
            made = module(torch.full((1, channels, *(5, 9, 8)[-dims:]), 0.7))
        made = torch.cat(made) if isinstance(made, tuple) else made
        marks[padding] = made.flatten(2).std(dim=2).max().item()
    assert marks["replicate"] < 1e-5
    assert marks["zeros"] > 1e-3


@pytest.mark.skipif(not (SOURCE / "README.md").exists(), reason="needs the source checkout")
def test_the_readmes_blocks_work_as_they_stand_there():
    examples = re.findall(r"```python\n(.*?)```", (SOURCE / "README.md").read_text(), flags=re.DOTALL)
    (blocks,) = [example for example in examples if "Encoder" in example]
    names = {}
    exec(blocks, names)
    assert names["mu"].shape == names["logvar"].shape == (1, 64, 4, 24, 42)
    assert names["picture"].shape == (1, 3, 4, 24, 42)
