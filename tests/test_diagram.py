"""Diagrams say what the networks are, and remain readable when those change."""

from itertools import combinations

import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import FancyBboxPatch, Rectangle

import hpvae_nb as hp
from hpvae_nb.lab import diagram
from hpvae_nb.lab.render import GAN_COLOR, VAE_COLOR, raised

FACTS = {"channels": 6, "latent": 10, "encoder_layers": 2, "generator_layers": 4, "critic_layers": 3}


def networks(preset="smoke", **settings):
    """A hierarchy grown to its last scale, a critic, and the shapes of all scales."""
    config = hp.preset(preset, **settings)
    network = hp.make_hierarchy(config)
    for _ in range(1, config.scales):
        network.grow()
    return network, hp.make_discriminator(config), hp.pyramid.planned_shapes(config, 9 / 16)


def draw(which, network, critic, shapes):
    if which == "patch_vae":
        return diagram.patch_vae_diagram(network.encoder, network.generators[0], shapes[0])
    if which == "hierarchy":
        return diagram.hierarchy_diagram(network, shapes)
    return diagram.training_diagram(network, critic, shapes)


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts if text.get_text()]


def boxes(figure):
    """Text and colour of each box, by its centre."""
    patches = {}
    for patch in figure.axes[0].patches:
        if isinstance(patch, FancyBboxPatch):
            center = patch.get_x() + patch.get_width() / 2, patch.get_y() + patch.get_height() / 2
            patches[tuple(round(at, 3) for at in center)] = to_hex(patch.get_facecolor()).upper()
    said = {tuple(round(at, 3) for at in text.get_position()): text.get_text() for text in figure.axes[0].texts}
    return {center: (said[center], color) for center, color in patches.items()}


def trained(figure):
    """What the hierarchy's table, on its right, says is trained, scale by scale."""
    rows = {}
    for (x, y), (text, _) in sorted(boxes(figure).items()):
        if x > 9.7:
            rows.setdefault(y, []).append(text)
    return [rows[y] for y in sorted(rows)]


def test_the_patch_vae_says_what_it_is_made_of():
    network, critic, shapes = networks(**FACTS, encoder_kernel=5, coarse_size=16)
    t, h, w = shapes[0]
    said = texts(draw("patch_vae", network, critic, shapes))
    assert "2 conv 5×5×5\n3 → 6" in said
    assert {"μ\n1 conv 5×5×5\n6 → 10", "log σ²\n1 conv 5×5×5\n6 → 10"} <= set(said)
    assert "4 conv 3×3×3\n10 → 6 → 3" in said
    assert f"z′ = μ + ε σ\n10×{t}×{h}×{w}\nK = {t}×{h}×{w}\n= {t * h * w} vectors" in said
    assert {f"x⁰\n3×{t}×{h}×{w}", f"x̄⁰\n3×{t}×{h}×{w}"} <= set(said)
    assert "one latent vector sees\n13×13×13 sites of x⁰" in said, "three layers of kernel 5"
    assert "one site of x̄⁰ is shaped by\n9×9×9 latent vectors" in said, "four layers of kernel 3"


def test_each_convolution_is_a_bar():
    figure = draw("patch_vae", *networks(**FACTS))
    rectangles = [patch for patch in figure.axes[0].patches if type(patch) is Rectangle]
    bars = [patch for patch in rectangles if to_hex(patch.get_facecolor()) == "#ffffff"]
    assert len(bars) == 2 + 4
    heights = [bar.get_height() for bar in bars[-2:]]
    assert heights[0] > heights[1], "the last has three channels, fewer than those before it"


def test_the_hierarchy_has_a_row_for_each_scale():
    for scales, levels in ((3, 1), (4, 3)):
        network, critic, shapes = networks(scales=scales, vae_levels=levels, latent=10, channels=6)
        drawn = dict(boxes(draw("hierarchy", network, critic, shapes)).values())
        for n, shape in enumerate(shapes):
            kind, color = ("VAE", VAE_COLOR) if n < levels else ("GAN", GAN_COLOR)
            size = "×".join(map(str, shape))
            assert drawn.pop(f"scale {n}: {kind}\n{size}") == color
            channels = "10 → 6 → 3" if n == 0 else "3 → 6 → 3"
            assert drawn.pop(f"{raised(f'G{n}')}\n3 conv 3×3×3, {channels}") == color
        assert drawn.pop("E\n3 conv 3×3×3, 3 → 6 → 10") == VAE_COLOR
        assert all("\n" not in text for text in drawn), f"nothing but the table is left, and not {list(drawn)}"


def test_the_tables_say_who_is_trained_when():
    frozen = networks(scales=4, vae_levels=2)
    assert trained(draw("hierarchy", *frozen)) == [["E", "G⁰"], ["E", "G⁰", "G¹"], ["G²"], ["G³"]]
    free = networks(scales=3, vae_levels=2, freeze=False)
    assert trained(draw("hierarchy", *free)) == [["E", "G⁰"], ["E", "G⁰", "G¹"], ["E", "G⁰", "G¹", "G²"]]


def test_the_training_has_critics_and_noise_at_gan_scales_alone():
    for levels, gans in ((1, "123"), (3, "3")):
        figure = draw("training", *networks(scales=4, vae_levels=levels))
        said = texts(figure)
        critics = [text for text in said if text[0] == "D" and len(text) == 2]
        assert critics == [raised(f"D{n}") for n in gans for _ in ("judges", "is trained")]
        noise = [text for text in said if len(text) == 2 and text[0] == "z" and text != "z′"]
        assert noise == ["z" + "₀₁₂₃"[int(n)] for n in gans]
        assert said.count("Recon") == 4


def test_the_training_tells_apart_networks_that_differ():
    alike = texts(draw("training", *networks(**FACTS, scales=4, vae_levels=2)))
    assert "E: 3 conv 3×3×3, 3 → 6 → 10" in alike
    assert "G⁰: 4 conv 3×3×3, 10 → 6 → 3" in alike
    assert "G¹ G² G³: 4 conv 3×3×3, 3 → 6 → 3" in alike
    assert "Dⁿ: 3 conv 3×3×3, 3 → 6 → 1" in alike
    decoders = texts(draw("training", *networks(**FACTS, scales=4, vae_levels=2, decoder_kernel=1)))
    assert {"G¹: 4 conv 1×1×1, 3 → 6 → 3", "G² G³: 4 conv 3×3×3, 3 → 6 → 3"} <= set(decoders)


@pytest.mark.slow
@pytest.mark.parametrize("which", ["patch_vae", "hierarchy", "training"])
@pytest.mark.parametrize("preset", ["smoke", "laptop", "paper"])
def test_nothing_overlaps_or_is_cut_off(which, preset):
    figure = draw(which, *networks(preset))
    figure.canvas.draw()
    axis = figure.axes[0]
    places = [(text.get_text(), text.get_window_extent()) for text in axis.texts if text.get_text()]
    page = figure.bbox.padded(1)
    outside = [text for text, place in places if not (page.contains(*place.min) and page.contains(*place.max))]
    assert not outside
    assert not [(a, b) for (a, at), (b, there) in combinations(places, 2) if at.padded(-1).overlaps(there.padded(-1))]
    for patch in axis.patches:
        if isinstance(patch, FancyBboxPatch):
            frame = patch.get_window_extent().padded(1)
            inside = [(text, place) for text, place in places if frame.contains(*(place.min + place.max) / 2)]
            assert all(frame.contains(*place.min) and frame.contains(*place.max) for _, place in inside), inside
