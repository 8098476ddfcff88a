"""Weights of the authors' code: a plain replica of their generator, built here from its file format, is the oracle."""

import pytest
import torch
import torch.nn.functional as F
from common import noise_clip, same_weights
from torch import nn

from hpvae_nb import CheckpointError, InputError, load_model, load_released, preset
from hpvae_nb.core.latents import normal_maps
from hpvae_nb.recipe.pyramid import planned_shapes

CONV, NORM, MODE = {2: nn.Conv2d, 3: nn.Conv3d}, {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}, {2: "bilinear", 3: "trilinear"}
WIDTH, LATENT = 6, 5
ARGS = {"vae_levels": 2, "img_size": 24, "min_size": 8, "max_size": 256, "scale_factor_init": 0.75, "ar": 0.625}
MORE = {"nfc": WIDTH, "latent_dim": LATENT, "org_fps": 12.0, "video_path": "./data/vids/kites.mp4", "Noise_Amps": []}


class Block(nn.Sequential):
    """conv, batch norm in training mode, LeakyReLU."""

    def __init__(self, dims, a, b):
        super().__init__()
        self.add_module("conv", CONV[dims](a, b, 3, padding=1))
        self.add_module("norm", NORM[dims](b))
        self.add_module("act", nn.LeakyReLU(0.2))


class Plain(nn.Sequential):
    """A convolution alone, or one with the old spectral norm and LeakyReLU."""

    def __init__(self, dims, a, b, spectral=False):
        super().__init__()
        layer = CONV[dims](a, b, 3, padding=1)
        self.add_module("conv", nn.utils.spectral_norm(layer) if spectral else layer)
        if spectral:
            self.add_module("act", nn.LeakyReLU(0.2))


class Stack(nn.Sequential):
    """Head, five blocks and a bare convolution: seven layers."""

    def __init__(self, dims, a):
        super().__init__()
        self.add_module("head", Block(dims, a, WIDTH))
        for index in range(5):
            self.add_module(f"block{index}", Block(dims, WIDTH, WIDTH))
        self.add_module("tail", CONV[dims](WIDTH, 3, 3, padding=1))


class Encode(nn.Module):
    def __init__(self, dims):
        super().__init__()
        self.features = nn.Sequential()
        for index, width in enumerate((3, WIDTH, WIDTH)):
            self.features.add_module(f"conv_block_{index}", Plain(dims, width, WIDTH, spectral=True))
        self.mu, self.logvar = Plain(dims, WIDTH, LATENT), Plain(dims, WIDTH, LATENT)


class Released(nn.Module):
    """The released generator; `shapes` stand for its own computation of sizes."""

    def __init__(self, dims, scale, shapes, vae_levels):
        super().__init__()
        self.shapes, self.vae_levels = shapes, vae_levels
        self.encode, self.decoder = Encode(dims), Stack(dims, LATENT)
        self.body = nn.ModuleList([Stack(dims, 3) for _ in range(scale)])

    def forward(self, z, noise, amplitudes):
        """One sample, as that code makes them: batch norm sees a batch of one."""
        x = torch.tanh(self.decoder(z))
        for n, stack in enumerate(self.body, 1):
            x = F.interpolate(x, size=self.shapes[n], mode=MODE[x.ndim - 2], align_corners=True)
            seen = x if n < self.vae_levels else x + noise[n] * amplitudes[n]
            x = torch.tanh(stack(seen) + x)
        return x


class Experiment:
    """A folder as that code leaves it, and the replica that is in it."""

    def __init__(self, folder, dims, scale, **changes):
        arguments = {**ARGS, **MORE, **changes}
        last = 5  # ceil(log(8 / 24) / log(0.75)) + 1, less nothing: a coarsest size of 8 and a finest of 24
        self.folder, self.scale, self.dims = folder, scale, dims
        config = preset("released", dims=dims, coarse_size=8, fine_size=24, scales=last + 1, vae_levels=2)
        self.shapes = planned_shapes(config, 0.625)
        torch.manual_seed(3)
        self.network = Released(dims, scale, self.shapes, arguments["vae_levels"])
        self.network.train()
        for _ in range(5):  # move the spectral norm's vectors and the running statistics off their start
            self.network.encode.features(torch.randn(1, 3, *self.shapes[0]))
        for part in self.network.modules():
            if isinstance(part, (nn.BatchNorm2d, nn.BatchNorm3d)):
                nn.init.normal_(part.weight, 1, 0.3)
                nn.init.normal_(part.bias, 0, 0.3)
                part.running_mean.fill_(7)  # never used, also when sampling
        self.amplitudes = [1, *(0.1 + 0.05 * n for n in range(scale))]
        self.saved = {
            "scale": scale,
            "state_dict": self.network.state_dict(),
            "optimizer": torch.optim.Adam(self.network.parameters()).state_dict(),
            "noise_amps": self.amplitudes,
        }
        folder.mkdir(exist_ok=True)
        torch.save(self.saved, folder / "netG.pth")
        torch.save({"data": self.amplitudes}, folder / "Noise_Amps.pth")
        (folder / "args.txt").write_text("".join(f"{name}: {value}\n" for name, value in arguments.items()))

    def makes(self, z, noise=None):
        still = [torch.zeros(1)] * (self.scale + 1)
        with torch.no_grad():
            return torch.cat([self.network(one[None], noise or still, self.amplitudes) for one in z])

    def makes_exactly(self, z, noise=None):
        """The same in float64."""
        self.network.double()
        exact = self.makes(z.double(), noise and [one.double() for one in noise])
        self.network.float()
        return exact.float()


CASES = [(3, 5), (3, 3), (3, 1), (3, 0), (2, 5), (2, 2)]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]}d-scale{case[1]}")
def experiment(request, tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("released"), *request.param)


def close(a, b, rounding=0.0):
    assert rounding < 1e-4  # else the comparison would prove nothing
    torch.testing.assert_close(a, b, rtol=0, atol=max(1e-5, 3 * rounding))


def test_decoding_equals_the_released_generator(experiment):
    model = load_released(experiment.folder)
    assert (model.scales, model.precision, model.fps, model.name) == (experiment.scale + 1, "float32", 12.0, "kites")
    assert model.shapes == experiment.shapes
    z = torch.randn(2, LATENT, *experiment.shapes[0], generator=torch.Generator().manual_seed(0))
    expected = experiment.makes(z)
    # 42 layers of random weights round to more than 1e-5 at times: how much, the replica says against itself.
    rounding = (experiment.makes_exactly(z) - expected).abs().max().item()
    close(model.decode(z, noise=0), expected, rounding)
    assert expected.std() > 0.01


def test_sampling_equals_it_with_the_same_noise(experiment):
    model = load_released(experiment.folder)
    drawn = [normal_maps((3, *shape), 11, range(1), n) for n, shape in enumerate(experiment.shapes)]
    z = model.latent(1, seed=11)
    expected = experiment.makes(z, drawn)
    rounding = (experiment.makes_exactly(z, drawn) - expected).abs().max().item()
    close(model.sample(1, seed=11), expected, rounding)
    if experiment.scale >= 2:
        assert (expected - experiment.makes(z)).abs().max() > 1e-3  # the noise matters


@pytest.mark.slow
def test_encoding_equals_it(experiment):
    model, encode = load_released(experiment.folder), experiment.network.encode
    x = torch.randn(1, 3, *experiment.shapes[0], generator=torch.Generator().manual_seed(1)).clamp(-1, 1)
    encode.eval()
    with torch.no_grad():
        features = encode.features(x)
        mu, logvar = encode.mu(features), encode.logvar(features)
    ours = model.encode(x)
    close(ours[0], mu)
    close(ours[1], logvar)


def test_it_is_saved_loaded_and_used_like_any_model(experiment, tmp_path):
    model = load_released(experiment.folder)
    again = load_model(model.save(tmp_path), device="cpu", precision="float32")
    assert same_weights(model, again)
    assert torch.equal(model.sample(2, seed=0), again.sample(2, seed=0))
    with pytest.raises(InputError, match="without its training clip"):
        again.reconstruct()
    if experiment.dims == 3:
        clip = noise_clip(height=20, width=32)
        assert again.reconstruct(clip).shape == (1, 3, *experiment.shapes[experiment.scale])
        assert again.sample(1, seed=0, size=(*experiment.shapes[-1][:2], 48)).shape[-1] <= 48


@pytest.fixture
def folder(tmp_path):
    return Experiment(tmp_path / "experiment", 3, 3).folder


@pytest.mark.parametrize("name", ["netG.pth", "args.txt"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match=name):
        load_released(folder)


def test_amplitudes_are_taken_from_where_they_are(folder):
    (folder / "Noise_Amps.pth").unlink()
    assert load_released(folder).network.amplitudes == pytest.approx([0, 0.1, 0.15, 0.2])
    saved = torch.load(folder / "netG.pth", weights_only=True)
    for value in (None, [1, 0.1]):
        torch.save({**saved, "noise_amps": value}, folder / "netG.pth")
        with pytest.raises(CheckpointError, match="no noise amplitudes for 4 scales"):
            load_released(folder)


@pytest.mark.parametrize("name", ["netG.pth", "Noise_Amps.pth"])
def test_a_file_cut_anywhere_is_refused(folder, name):
    content = (folder / name).read_bytes()
    for length in [0, 1, 4, 60, *range(100, len(content), max(1, len(content) // 25))]:
        (folder / name).write_bytes(content[:length])
        with pytest.raises(CheckpointError):
            load_released(folder)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("vae_levels", 40, "make no model"),
        ("vae_levels", "three", "make no model"),
        ("img_size", 8, "is at scale 3, but args.txt plans 2 scales"),
        ("min_size", "small", "make no model"),
        ("img_size", -3, "make no model"),
        ("ar", "wide", "args.txt"),
        ("sampling_rates", "[1, 2]", "make no model"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(folder, name, value, said):
    text = (folder / "args.txt").read_text()
    lines = [line for line in text.splitlines() if not line.startswith(f"{name}:")]
    (folder / "args.txt").write_text("\n".join([*lines, f"{name}: {value}"]))
    with pytest.raises(CheckpointError) as caught:
        load_released(folder)
    assert said in str(caught.value)


def test_arguments_that_are_missing_are_named(folder):
    (folder / "args.txt").write_text("vae_levels: 2\nar: 0.6\n")
    with pytest.raises(CheckpointError, match="lacks img_size, min_size"):
        load_released(folder)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda saved: saved.pop("state_dict"), "lacks 'state_dict'"),
        (lambda saved: saved["state_dict"].pop("body.1.tail.bias"), "1 weights are missing"),
        (lambda saved: saved["state_dict"].update({"critic.weight": torch.zeros(1)}), "critic.weight is no weight"),
        (lambda saved: saved["state_dict"].update({"body.0.tail.bias": torch.zeros(4)}), "does not fit"),
        (lambda saved: saved.update(scale=2), "does not fit"),
        (lambda saved: saved.update(scale=-1), "scale -1"),
    ],
)
def test_weights_that_do_not_fit_are_refused(folder, change, said):
    saved = torch.load(folder / "netG.pth", weights_only=True)
    change(saved)
    torch.save(saved, folder / "netG.pth")
    with pytest.raises(CheckpointError) as caught:
        load_released(folder)
    assert said in str(caught.value)
