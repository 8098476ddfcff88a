"""Applications: each gives what was asked for, of the size that was given, and leaves alone what it was told to."""

import math

import pytest
import torch
from common import noise_clip, tiny_config

import hpvae_nb as hp
from hpvae_nb.applications.animate import forth_and_back
from hpvae_nb.applications.given import soft_mask
from hpvae_nb.baselines import SinGan, Vgpnn
from hpvae_nb.core.resampling import resize, upsample
from hpvae_nb.errors import InputError

CALLS = ["harmonize", "edit"]


def picture(height=24, width=40, seed=0):
    return noise_clip(2, height, width, seed).video[:, 0]


@pytest.fixture(scope="module")
def model():
    config = tiny_config(dims=2, vae_levels=1)
    return hp.fit(hp.Clip(picture(), name="picture"), config, device="cpu", precision="float32")


@pytest.fixture(scope="module")
def film():
    return hp.fit(noise_clip(), tiny_config(), device="cpu", precision="float32")


def square(height, width, side=5):
    mask = torch.zeros(height, width)
    mask[height // 2 : height // 2 + side, width // 2 : width // 2 + side] = 1
    return mask


@pytest.mark.parametrize("size", [(24, 40), (17, 31), (171, 255), (5, 9)])
def test_what_comes_back_has_the_size_that_was_given(model, size):
    given, mask = picture(*size), square(*size, side=2)
    calls = [
        model.paint_to_image(given, start=1),
        model.paint_to_image(given, start=0, project=True, palette=3),
        model.harmonize(given, mask, start=1),
        model.edit(given, mask, start=0),
        model.inpaint(given, mask, tries=2),
    ]
    for made in calls:
        assert made.shape == given.shape
        assert made.abs().max() <= 1
        assert made.isfinite().all()


def test_a_batch_in_a_batch_out(model):
    both = torch.stack([picture(seed=1), picture(seed=2)])
    mask = square(24, 40)
    for call in (model.paint_to_image, lambda x: model.harmonize(x, mask), lambda x: model.inpaint(x, mask, tries=2)):
        made = call(both)
        assert made.shape == both.shape
        one = call(both[:1])
        torch.testing.assert_close(one, made[:1])
        torch.testing.assert_close(call(both[0]), one[0])
    assert model.enlarge(both, 2).shape == (2, 3, 48, 80)


@pytest.mark.parametrize("call", [*CALLS, "inpaint"])
def test_a_batch_may_have_a_mask_for_each(model, call):
    both, masks = torch.stack([picture(seed=1), picture(seed=2)]), torch.stack([square(24, 40), square(24, 40, side=3)])
    made = getattr(model, call)(both, masks, grow=1, blur=0.3, noise=0.0)
    for k in range(2):
        one = getattr(model, call)(both[k], masks[k], grow=1, blur=0.3, noise=0.0)
        torch.testing.assert_close(made[k], one)
    with pytest.raises(InputError, match="mask holds nothing"):
        getattr(model, call)(both, torch.stack([masks[0], 0 * masks[1]]))


@pytest.mark.parametrize("call", [*CALLS, "inpaint"])
def test_outside_of_the_mask_nothing_changes(model, call):
    given = picture(120, 200, seed=3)
    mask = torch.zeros(120, 200)
    mask[5:9, 5:9] = 1
    options = {"tries": 2} if call == "inpaint" else {"start": 1}
    made = getattr(model, call)(given, mask, grow=3, blur=2, **options)
    changed = (made != given).any(0)
    assert changed[5:9, 5:9].all()
    reach = torch.zeros_like(changed)
    reach[: 9 + 3 + 6, : 9 + 3 + 6] = True  # the disc, and three standard deviations
    assert not (changed & ~reach).any()


def test_what_a_hole_held_does_not_matter(model):
    mask, given = square(24, 40), picture(seed=4)
    other = torch.where(mask > 0, -given, given)
    made = model.inpaint(given, mask, tries=3)
    inside = mask > 0
    torch.testing.assert_close(model.inpaint(other, mask, tries=3)[:, inside], made[:, inside])
    assert not torch.equal(model.inpaint(given, mask, tries=3, seed=1)[:, inside], made[:, inside])


def test_more_tries_fit_no_worse(model):
    """One try is among eight, so the best of eight is another only where it fits better."""
    assert model.inpaint(picture(), square(24, 40), tries=8).shape == (3, 24, 40)
    one, eight = (model.inpaint(picture(), square(24, 40), tries=k, noise=0.0) for k in (1, 8))
    edge = (soft_mask(square(24, 40) > 0, None, None, 12) > 0) & (square(24, 40) == 0)
    assert (eight - picture())[:, edge].square().mean() <= 1.2 * (one - picture())[:, edge].square().mean()


def test_painting_is_refinement_from_the_reduced_painting(model):
    """At the training size nothing else happens: the oracle is resizing, and `refine`."""
    height, width = model.shapes[-1]
    painting = picture(height, width, seed=5)
    small = resize(painting, model.shapes[1], antialias=True)[None]
    expected = model.refine(small, 1, seed=7)[0]
    torch.testing.assert_close(model.paint_to_image(painting, start=1, seed=7), expected)
    mu, _ = model.encode(painting)
    projected = model.refine(model.decode(mu, noise=0.0, scales=1), 0, seed=7)[0]
    torch.testing.assert_close(model.paint_to_image(painting, start=0, project=True, seed=7), projected)


def test_edit_is_harmonize_with_a_larger_disc(model):
    given, mask = picture(50, 50, seed=6), square(50, 50)
    torch.testing.assert_close(model.edit(given, mask), model.harmonize(given, mask, grow=20 * 50 / 250))


def test_a_palette_has_so_many_colours(model):
    from hpvae_nb.applications.redraw import _in_palette

    colours = _in_palette(model, picture(seed=8)[None], 4)[0].flatten(1).unique(dim=1)
    assert 2 <= colours.shape[1] <= 4


def test_soft_masks_grow_by_a_disc_and_end_at_three_deviations():
    inside = torch.zeros(41, 41, dtype=torch.bool)
    inside[20, 20] = True
    y, x = torch.meshgrid(torch.arange(41) - 20, torch.arange(41) - 20, indexing="ij")
    assert torch.equal(soft_mask(inside, 6, 0, 0) > 0.5, x.square() + y.square() <= 36)
    soft = soft_mask(inside, 6, 2, 0)
    assert soft[20, 20] > 0.95
    assert not soft[(x.abs() > 12) | (y.abs() > 12)].any()
    film = soft_mask(torch.stack([inside, inside.roll(3, 0)]), 6, 2, 0)
    torch.testing.assert_close(film, torch.stack([soft, soft.roll(3, 0)]))
    usual = soft_mask(
        torch.zeros(125, 50, dtype=torch.bool).index_put((torch.tensor(60), torch.tensor(25)), torch.tensor(True)),
        None,
        0,
        8,
    )
    assert usual.sum() == soft_mask(inside, 4, 0, 0).sum()


def test_enlarging_is_the_last_generator_again(model):
    small = picture(20, 30, seed=9)
    ratio = model.shapes[-1][1] / model.shapes[-2][1]
    made = model.enlarge(small, ratio)
    size = (round(20 * ratio), round(30 * ratio))
    up = upsample(small[None], size)
    with torch.no_grad():
        expected = model.network.refine_up(model.scales - 1, up).clamp(-1, 1)
    torch.testing.assert_close(made[None], expected)
    assert model.enlarge(small, 2).shape == (3, 40, 60)
    assert model.enlarge(picture(17, 31), 1.5).shape == (3, 26, 46)


def test_a_living_picture_begins_at_the_training_one(model):
    made = model.animate(8)
    assert made.shape == (3, 8, *model.shapes[-1])
    still = model.animate(3, noise=0.0)
    torch.testing.assert_close(still[:, 0], model.reconstruct()[0])
    assert (still[:, 1] - still[:, 0]).abs().max() > 0
    held = model.animate(4, alpha=1.0, noise=0.0)
    torch.testing.assert_close(held[:, 3], held[:, 0])


def test_the_walk_is_the_recursion(model):
    """z_(t+1) = alpha z_rec + (1 - alpha)(z_t + d), written out for three frames."""
    from hpvae_nb.core.latents import normal_maps

    z_rec, _ = model.encode(model.coarse)
    u = normal_maps(tuple(z_rec.shape[1:]), 5, range(3), 0)
    a, b = 0.3, 0.6
    z0 = z_rec
    z1 = a * z_rec + (1 - a) * (z0 + (1 - b) * u[:1])
    z2 = a * z_rec + (1 - a) * (z1 + b * (z1 - z0) + (1 - b) * u[1:2])
    made = model.animate(3, a, b, seed=5, noise=0.0)
    torch.testing.assert_close(made[:, 2], model.decode(z2, noise=0.0)[0], atol=1e-5, rtol=1e-5)


def test_the_usual_walk_leaves_what_e_takes_for_the_training_picture_and_singans_does_not(model, monkeypatch):
    """E's standard deviation is nearly 1, as that of the prior."""
    monkeypatch.setattr(model, "decode", lambda z, **_: z[:, :3])
    usual, calm = (model.animate(300, *how) for how in ((), (0.1, 0.9)))
    away = [(z[:, 100:] - z[:, :1]).std().item() for z in (usual, calm)]
    assert away == pytest.approx([1.7, 0.47], rel=0.15)


def test_forth_and_back():
    assert [forth_and_back(k, 4) for k in range(8)] == [0, 1, 2, 3, 2, 1, 0, 1]
    assert [forth_and_back(k, 1) for k in range(3)] == [0, 0, 0]
    assert [forth_and_back(k, 2) for k in range(4)] == [0, 1, 0, 1]


@pytest.mark.slow
def test_all_of_it_on_a_clip(film):
    clip = noise_clip(13, 14, 22, seed=2).video
    flat, moving = square(14, 22), torch.stack([square(14, 22).roll(t // 4, 1) for t in range(13)])
    for mask in (flat, moving):
        for call in CALLS:
            made = getattr(film, call)(clip, mask, start=1, grow=1, blur=0.3)
            assert made.shape == clip.shape
            far = soft_mask((mask > 0).expand(13, 14, 22), 1, 0.3, 0) == 0
            assert torch.equal(made[:, far], clip[:, far])
            assert not torch.equal(made, clip)
    assert film.paint_to_image(clip, start=1).shape == clip.shape
    assert film.paint_to_image(clip, start=1, project=True).shape == clip.shape
    assert film.inpaint(hp.Clip(clip), moving, tries=2).shape == clip.shape
    assert film.enlarge(clip, 2).shape == (3, 13, 28, 44)
    assert film.animate(30).shape == (3, 30, *film.shapes[-1][1:])


BAD = [
    ("harmonize", (picture(), torch.zeros(5, 5)), "mask is \\(5, 5\\), but the picture is \\(24, 40\\)"),
    ("harmonize", (picture(), torch.zeros(24, 40)), "mask holds nothing: mark"),
    ("edit", (picture(), torch.ones(24, 40)), "mask holds everything: leave out"),
    ("inpaint", (picture(), 255 * square(24, 40)), "from 0 to 255, but must be 1 inside"),
    ("inpaint", (picture(), [[1]]), "mask is list"),
    ("paint_to_image", (picture() * 255,), "outside \\[-1, 1\\]"),
    ("paint_to_image", (picture(), 3), "start is 3, but must be a scale below the last: 0..2"),
    ("paint_to_image", (picture(), -1), "start is -1"),
    ("paint_to_image", (picture(), 1.0), "start is 1.0"),
    ("paint_to_image", (torch.zeros(24, 40),), "painting is \\(24, 40\\), but must be '3 h w'"),
    ("paint_to_image", (noise_clip().video[None],), "but must be '3 h w'"),
    ("enlarge", (picture(), 1), "factor is 1, but must be above 1"),
    ("enlarge", (picture(), 20), "at most 8"),
    ("animate", (0,), "frames is 0"),
    ("animate", (3, 2.0), "alpha is 2.0, but must lie in \\[0, 1\\]"),
]


@pytest.mark.parametrize(("call", "arguments", "words"), BAD)
def test_bad_input_is_one_sentence(model, call, arguments, words):
    with pytest.raises(InputError, match=words):
        getattr(model, call)(*arguments)


def test_other_bad_input(model):
    with pytest.raises(InputError, match="start is 2, but only VAE scales draw what E reads: start at one of 0..0"):
        model.paint_to_image(picture(), 2, project=True)
    with pytest.raises(InputError, match="grow is -1"):
        model.harmonize(picture(), square(24, 40), grow=-1)
    with pytest.raises(InputError, match="palette is 1"):
        model.paint_to_image(picture(), palette=1)
    with pytest.raises(InputError, match="tries is 0"):
        model.inpaint(picture(), square(24, 40), tries=0)
    with pytest.raises(InputError, match="blur is nan"):
        model.edit(picture(), square(24, 40), blur=math.nan)


def test_models_without_encoder_say_so():
    image = hp.Clip(picture(), name="picture")
    other = hp.fit(image, tiny_config(dims=2, iterations=1), method=SinGan(), device="cpu")
    with pytest.raises(InputError, match="no encoder"):
        other.harmonize(picture(), square(24, 40))
    patches = hp.fit(image, tiny_config(dims=2, fine_size=24), method=Vgpnn(coarse_size=8, patch=(1, 3, 3)))
    with pytest.raises(InputError, match="no encoder"):
        patches.enlarge(picture(), 2)
