# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 15. Applications
#
# **You will be able to** turn a rough painting into a picture, let a pasted object take on the look of the place, heal a
# copied region, fill a hole, enlarge and animate a picture, in clips as well; and to say where each of these fails.
#
# **You need** lessons 5 (the hierarchy, equations 6 and 9) and 8 (steering).
#
# **It takes** 40 minutes to read; all cells together run in under a minute on a laptop, with or without a GPU.
#
# Figure 8 of the paper shows three applications "as defined by" SinGAN: paint-to-image, harmonisation and editing. It
# gives no start scale and no mask for any of them, and the released code holds none. So every number below is SinGAN's,
# or a choice of this package, and the text says which.
#
# All of them are one idea: *something given enters the hierarchy at some scale, and the scales above draw it anew.*

# %%
import numpy as np
import torch
from einops import rearrange
from skimage.filters import gaussian
from skimage.morphology import dilation, disk

import hpvae_nb as hp
from hpvae_nb.core.latents import normal_maps
from hpvae_nb.core.resampling import resize, upsample
from hpvae_nb.core.steering import there_and_back
from hpvae_nb.lab import show
from hpvae_nb.lab.brush import brush
from hpvae_nb.lab.live import moved
from hpvae_nb.lab.render import described, photo
from hpvae_nb.lab.sheet import start_scales
from hpvae_nb.lessons.l15_applications import checks as check
from hpvae_nb.lessons.l15_applications import experiment, figures

# %%
model = hp.load_model("coffee", device="cpu", precision="float32")  # one cup, trained with preset("laptop-image")
coffee = show.real_at_last_scale(model, hp.load_image("coffee"))
height, width = model.shapes[-1]
print("scales:", ", ".join(f"{n}: {w} x {h}" for n, (h, w) in enumerate(model.shapes)))

# %% [markdown]
# ## A painting becomes a picture
#
# Paint with a brush, here by Python calls: a table with a few boards, a saucer, its shadow, a cup, coffee in it. Ten strokes
# in flat colours.

# %%
canvas = brush(coffee, "paint", scale=2)
canvas.stroke([(96, 64)], size=300, colour="#b5713f")
for board, colour in [((-10, 50), (80, -10)), "#8a4a20"], [((-5, 125), (40, 100)), "#d59f72"]:
    canvas.stroke(board, size=22, colour=colour)
canvas.stroke([(0, 0)], size=60, colour="#1a0f08")
canvas.stroke([(115, 74), (145, 74)], size=96, colour="#a02a12")
canvas.stroke([(125, 72), (140, 72)], size=60, colour="#5a1408")
canvas.stroke([(130, 50)], size=86, colour="#e8dcc8")
canvas.stroke([(130, 47)], size=64, colour="#c8853c")
canvas.stroke([(130, 58)], size=44, colour="#e09a3c")
painting = canvas.painting
described(
    show.still(show.enlarge(painting, 384)), "A painting: a cup in flat colours, on the right of a table of boards"
)

# %% [markdown]
# The model has never seen a cup at that place. Reduce the painting to the size of scale 2, say that *this* is
# $\bar x^2$, and let scales 3 to 6 go on by equation (9). That is what `refine` does (lesson 8).
#
# *What will come out: the painting with some texture on it, or the photo?*

# %%
small = resize(painting, model.shapes[2], antialias=True)
made = model.refine(small[None], 2, seed=0)[0]
torch.testing.assert_close(made, model.paint_to_image(painting, start=2))
print("the library's paint_to_image is resize and refine, and gives back the size that it was given")

# %% [markdown]
# Which scale? Try them all. A sheet shows what was given, and what comes of it from each start scale.

# %%
described(
    photo(start_scales(model, lambda start: model.paint_to_image(painting, start=start), painting)),
    "A painted cup, and six results. Start 0: a melted cup on a saucer. Start 1 and 2: a cup with a rim and wood around it, "
    "where it was painted. Start 3 to 5: ever more the flat painting",
)

# %% [markdown]
# - **Low start: more is changed.** At 16 x 11 pixels a painting says little, and the model makes of it what it knows: the
#   saucer goes where the photo has it.
# - **High start: less is changed.** At 127 x 85 pixels all that is left to add is grain.
# - In between, here at 1 and 2, the layout is yours and the look is the photo's. Nearly: a frame runs along the border, where
#   zeros are padded, and the boards are of no wood that grows.
#
# Two ways to bring a painting closer to the photo first. SinGAN's: replace each colour by the nearest of five that k-means
# finds in the photo (SinGAN also trains a generator again, on a photo in such colours; that is left out here). Ours: let the
# encoder read the painting. What E says is then decoded, so that all that enters is made of patches that $G^0$ can draw:

# %%
mu, _ = model.encode(painting)
x0 = model.decode(mu, noise=0, scales=1)
projected = model.refine(x0, 0, seed=0)[0]
torch.testing.assert_close(projected, model.paint_to_image(painting, start=0, project=True))
in_palette = model.paint_to_image(painting, start=2, palette=5)

# %%
canvas.clear()
canvas.stroke([(96, 64)], size=300, colour="#b5713f")
for x in (50, 140):
    canvas.stroke([(x - 8, 70), (x + 8, 70)], size=64, colour="#a02a12")
    canvas.stroke([(x, 60)], size=54, colour="#e8dcc8")
    canvas.stroke([(x, 58)], size=40, colour="#c8853c")
panels = {"start 2": made, "start 2, palette": in_palette, "start 0, projected": projected}
panels |= {"two cups": canvas.painting, "start 1": model.paint_to_image(canvas.painting, start=1)}
described(
    photo(show.contact_sheet(list(panels.items()), colors=["black"] * 5)),
    "Five panels: a cup from start 2; with the palette, an empty one; projected, a cup that has melted into the saucer; "
    "two small painted cups; and of them, two crumpled ones",
)

# %% [markdown]
# **Where it fails.** The model knows one cup of one size. Two small ones come out crumpled, and the projection melts even the
# large one: E reads each patch as one that it has seen, and it has seen a cup on the left.
#
# ## A pasted object takes on the look of the place
#
# A sugar lump, pasted beside the cup. The brush knows where it painted: that is the mask.

# %%
canvas.clear()
canvas.stroke([(153, 88), (165, 88)], size=20, colour="#f4efe6")
canvas.stroke([(153, 99), (165, 99)], size=14, colour="#cbbfae")
composite, inside = canvas.painting, canvas.mask
print(int(inside.sum()), "of", inside.numel(), "pixels are pasted")

# %% [markdown]
# The whole composite enters at some scale. But only the lump and a little around it should change, so the result is blended
# with the composite. SinGAN grows the mask by a disc of 7 pixels, blurs it with a standard deviation of 5, and says so for
# pictures of 250 pixels; with $m$ as this soft mask,
#
# $$\text{result} = (1 - m)\,\text{composite} + m\,\text{drawn anew}$$
#
# ### Exercise 1
#
# `dilation(mask, disk(r))` grows a mask, `gaussian(x, sigma, truncate=3)` blurs and ends at three standard deviations.


# %% tags=["exercise"]
def soft_mask(mask, grow, blur):
    """mask: a bool array 'h w'. Grown by a disc of radius grow, its edge blurred: float32, 1 inside and 0 outside."""
    # hint: Two calls, in the order of the text: first grow, then blur. `gaussian` wants numbers, not a mask of
    # `bool`.
    # solution
    grown = dilation(mask, disk(grow)).astype(np.float32)
    return gaussian(grown, blur, truncate=3)
    # end


# %%
check.soft_mask(soft_mask)

# %% [markdown]
# ### Exercise 2
#
# Now put `resize`, `model.refine` and the blend together.


# %% tags=["exercise"]
def harmonize(model, composite, soft, start):
    """composite: '3 h w' at the finest size; soft: a soft mask 'h w'. Drawn anew from scale start, where soft is 1."""
    # hint: Three lines: the composite at the size of the start scale (`antialias=True`); what `refine` makes of it,
    # which is a batch of one; and the formula above.
    # solution
    small = resize(composite, model.shapes[start], antialias=True)
    made = model.refine(small[None], start, seed=0)[0]
    return (1 - soft) * composite + soft * made
    # end


# %%
check.harmonize(harmonize)

# %% [markdown]
# Both in the open, against the library's:

# %%
unit = width / 250
grown = dilation(inside.numpy(), disk(round(7 * unit))).astype(np.float32)
soft = torch.from_numpy(gaussian(grown, 5 * unit, truncate=3))
small = resize(composite, model.shapes[2], antialias=True)
blended = (1 - soft) * composite + soft * model.refine(small[None], 2, seed=0)[0]
lump = model.harmonize(composite, inside, start=2)
torch.testing.assert_close(blended, lump)
assert torch.equal(lump[:, soft == 0], composite[:, soft == 0]), "outside of the mask, not one bit may change"

# %% [markdown]
# *From which start scale on will there be no sugar left? And from which on will it be as flat as before?*

# %%
described(
    photo(start_scales(model, lambda start: model.harmonize(composite, inside, start=start), composite)),
    "A white lump pasted beside the saucer, and six results. Start 0: a pale smear. Start 1 to 3: a lump that is "
    "lit from one side like the cup. Start 4 and 5: the flat lump that was pasted",
)

# %% [markdown]
# Two numbers say it too: how much of the lump's colour is left, and how much happens inside it from pixel to pixel.

# %%
lumps = [model.harmonize(composite, inside, start=start) for start in range(model.scales - 1)]
left, detail = zip(*(experiment.left_and_detail(coffee, composite, lump, inside) for lump in lumps), strict=True)
gone = model.harmonize(composite, inside, start=0, project=True)
assert experiment.left_and_detail(coffee, composite, gone, inside)[0] < min(left) < 0.5 < left[-1]
described(
    figures.start_curves(left, detail, least=0.75),
    "Two curves over the start scale: the share of the lump's colour that is left rises from less than a third to all; the "
    "change from pixel to pixel is least where the start is highest",
)

# %% [markdown]
# The projection by E (`project=True`) leaves least: no patch of the photo looks like a sugar lump, so there is none
# afterwards. To *erase* something that does not belong, it is just right.
#
# ### Exercise 3
#
# Choose the start: of those at which enough of the object is left, the one at which most happens in it.


# %% tags=["exercise"]
def best_start(left, detail, least):
    """left, detail: a number for each start scale. The start with most detail among those with left >= least."""
    # hint: First the numbers of the scales with `left >= least`; then the one of them whose `detail` is largest.
    # `max` takes a `key`.
    # solution
    enough = [start for start, share in enumerate(left) if share >= least]
    return max(enough, key=lambda start: detail[start])
    # end


# %%
check.best_start(best_start)

# %% [markdown]
# ## A copied region heals
#
# The rocket of another model, copied to its right. The sky is darker there, and the copy brings its own sky along. `edit` is
# `harmonize` with a larger disc, 20 pixels at 250, so that the seam lies well inside of what is drawn anew.

# %%
night = hp.load_model("rocket", device="cpu", precision="float32")
rocket = show.real_at_last_scale(night, hp.load_image("rocket"))
mover = brush(rocket, "move")
mover.copy(box=(34, 84, 128, 108), to=(34, 134))
copied, there = mover.painting, mover.mask
same = night.harmonize(copied, there, start=1, grow=20 * unit)
torch.testing.assert_close(night.edit(copied, there, start=1), same)

# %%
described(
    photo(start_scales(night, lambda start: night.edit(copied, there, start=start), copied)),
    "A second rocket copied to the right, in a lighter box of sky, and six results. Start 0: the seam is gone, and the "
    "rocket half. Start 1 and 2: a soft second rocket in an even sky. Start 3 to 5: the box shows more and more",
)

# %% [markdown]
# The lower the start, the less is left of the seam, and of the rocket's head: it is two pixels wide at scale 2, and what is
# lost there can only be invented. **Where it fails:** no start heals the seam *and* keeps every detail of the copy. The
# sheet shows what you trade.
#
# ## A hole is filled
#
# Inpainting is not in the paper. What the hole held must not matter, so no scale may see it. Three steps, all ours:
#
# 1. At scale 0, z is E's mean outside of the hole, and a fresh throw of dice inside (lesson 8's box, with any shape).
# 2. After *every* scale, what is known is put back around the hole, so that the next scale draws on beside it. (RePaint
#    does so after every denoising step of a diffusion model.)
# 3. Of several throws the one is kept that fits best along the edge, at scale 0, where a try costs next to nothing.

# %%
canvas.clear()
canvas.stroke([(97, 45), (97, 110)], size=26)
hole = canvas.mask
described(
    show.still(show.enlarge(torch.where(hole, torch.ones(3, 1, 1), rocket), 384)),
    "The night sky with a white hole where the rocket stood",
)

# %% [markdown]
# In the open, with one try. The soft mask is wider than the hole, by 12 pixels at 250, so that nothing of the old content
# shines through its edge; and E sees the mean colour of the rest in its place.

# %%
grown = dilation(hole.numpy(), disk(round(12 * unit))).astype(np.float32)
soft = torch.from_numpy(gaussian(grown, 5 * unit, truncate=3))
known = torch.where(hole, rocket[:, ~hole].mean(1)[:, None, None], rocket)
m = [resize(soft[None, None], shape, antialias=True) for shape in night.shapes[:-1]] + [soft[None, None]]
kept = [resize(known[None], shape, antialias=True) for shape in night.shapes[:-1]] + [known[None]]

# %%
mu, _ = night.encode(known)
fresh = normal_maps(tuple(mu.shape[1:]), 3, range(1), 0)
x = night.decode(torch.where(m[0] > 0.5, fresh, mu), noise=0, scales=1)
x = (1 - m[0]) * kept[0] + m[0] * x
for n in range(1, night.scales):
    x = night.refine(x, n - 1, seed=3, scales=n + 1)
    x = (1 - m[n]) * kept[n] + m[n] * x
filled = torch.where(hole, x[0], (1 - soft) * rocket + soft * x[0])
torch.testing.assert_close(filled, night.inpaint(rocket, hole, tries=1, seed=3), atol=1e-4, rtol=1e-4)

# %% [markdown]
# *Two things to predict. Will there be a rocket again? And will another seed give another one?*

# %%
poisoned = torch.where(hole, -rocket, rocket)
torch.testing.assert_close(night.inpaint(poisoned, hole)[:, hole], night.inpaint(rocket, hole)[:, hole])
canvas.clear()
canvas.stroke([(105, 75), (128, 105)], size=30)
fillings = [(f"rocket, seed {seed}", night.inpaint(rocket, hole, seed=seed)) for seed in (1, 2, 3)]
fillings += [(f"spoon, seed {seed}", model.inpaint(coffee, canvas.mask, seed=seed)) for seed in (1, 2, 3)]
described(
    photo(show.contact_sheet(fillings, colors=[show.RANDOM] * 6)),
    "Six fillings. Where the rocket stood: three soft rockets that fade out at the top. Where the spoon lay: three spoons "
    "on the saucer",
)

# %% [markdown]
# - The old content does not matter: a negative in the hole changes nothing.
# - What comes is what the model has seen at that place. It has learned this one picture, so you get *a* rocket and *a*
#   spoon, never an empty launch pad. Each seed gives another.
# - **Where it fails:** a rocket has a head, and none of these has. At 16 pixels a rocket is one pixel wide, and what the
#   scales above add to that is learned by the piece.

# %%
canvas.clear()
canvas.stroke([(95, 55), (95, 80)], size=92)
holes = [("what is known", torch.where(canvas.mask, torch.ones(3, 1, 1), coffee))]
holes += [(f"seed {seed}", model.inpaint(coffee, canvas.mask, seed=seed)) for seed in (1, 5)]
described(
    photo(show.contact_sheet(holes, colors=["black", show.RANDOM, show.RANDOM], columns=3)),
    "A hole in place of the cup and nearly the whole saucer, and two fillings: a cup with dents, and a broken one",
)

# %% [markdown]
# With the whole cup gone, the edge says next to nothing about it. One throw makes a cup with dents, the other a broken one.
#
# ## Larger
#
# Every scale has learned to add detail to something enlarged. SinGAN applies the last one again and again. Whether that is
# any good can be measured, if we reduce a picture ourselves: 192 pixels to 96, back to 192, and compare.

# %%
reduced = resize(coffee, (height // 2, width // 2), antialias=True)
x = reduced[None]
for k in (1, 2):
    size = (round(height / 2 * 2 ** (k / 2)), round(width / 2 * 2 ** (k / 2)))
    up = upsample(x, size)
    x = (up + model.network.generators[-1](up)).tanh()
torch.testing.assert_close(x[0], model.enlarge(reduced, 2), atol=1e-4, rtol=1e-4)

# %% [markdown]
# This model was trained to invent, and it knows the picture at 192 pixels, so it would not even be a fair contestant. Train
# one on the reduced picture alone, for nothing but enlarging. *Should it have a critic?*
#
# PSNR counts squared errors, and a critic rewards detail that is likely, but wrong. So: no critic, all scales are VAEs; and
# one step of 2, which it needs to do but once. Ten to twenty seconds:

# %% tags=["nbval-ignore-output"]
small_photo = hp.Clip(reduced, name="coffee, reduced")
for_it = {"fine_size": 96, "scales": 3, "step": 2.0, "coarse_size": 24, "vae_levels": 3, "window": None}
trained = hp.fit(small_photo, hp.preset("laptop-image", **for_it), seed=0)
contestants = {"bicubic": experiment.bicubic(reduced, 2), "trained for it": trained.enlarge(reduced, 2)}
for name, enlarged in contestants.items():
    print(f"{name:>14}: {experiment.psnr(coffee, enlarged):.1f} dB")
bilinear = resize(reduced, (height, width))
assert experiment.psnr(coffee, bilinear) < experiment.psnr(coffee, contestants["trained for it"])

# %% [markdown]
# Ahead, by more than half a decibel. But on two other pictures bicubic interpolation, which learns nothing and takes a millisecond, is
# ahead by 1.1 and 0.9 ([docs/enlarging.md](../docs/enlarging.md), written by `benchmarks/enlarging.py`). SinGAN's settings,
# steps of $2^{1/3}$ and a reconstruction weight of 100, with its critic, are behind on all three. So: no winner, and nothing
# here that would be worth training for.
#
# An older idea helps more, and helps everyone: whatever was enlarged, when reduced it should be what was given. Add what is
# missing, and repeat (Irani and Peleg 1991).

# %% tags=["nbval-ignore-output"]
for name in list(contestants):
    contestants[f"{name}, corrected"] = experiment.corrected(contestants[name], reduced)
    gain = experiment.psnr(coffee, contestants[f"{name}, corrected"]) - experiment.psnr(coffee, contestants[name])
    print(f"{name:>14}: {gain:+.1f} dB by the correction")
    assert gain > 1

# %%
nearest = show.enlarge(reduced, width)
parts = {"real": coffee, "96 px": nearest, **contestants}
described(
    photo(show.contact_sheet([(name, picture[:, 50:114, 76:172]) for name, picture in parts.items()])),
    "Crops of the spoon: real; in blocks; bicubic, soft; by the trained model, sharper; and both after the correction",
)

# %% [markdown]
# ## A picture comes alive
#
# SinGAN lets the latent map wander around the one that reconstructs the picture. For us that is E's mean, $z_\text{rec}$:
#
# $$z_{t+1} = \alpha\, z_\text{rec} + (1 - \alpha)(z_t + d), \qquad d = \beta\,(z_t - z_{t-1}) + (1 - \beta)\, u,
# \qquad u \sim \mathcal N(0, I)$$
#
# $\alpha$ calls it back, $\beta$ keeps it on its way.
#
# ### Exercise 4


# %% tags=["exercise"]
def walk(z_rec, u, alpha, beta):
    """z_0, z_1, ... one more than there are u: 'n c h w'. Both z_0 and the map before it are z_rec, 'c h w'."""
    # hint: Begin with a list of *two* maps, both z_rec; each step needs the last two. In the end the first of them is
    # left out.
    # solution
    z = [z_rec, z_rec]
    for fresh in u:
        d = beta * (z[-1] - z[-2]) + (1 - beta) * fresh
        z.append(alpha * z_rec + (1 - alpha) * (z[-1] + d))
    return torch.stack(z[1:])
    # end


# %%
check.walk(walk)

# %% [markdown]
# The first steps of it, against the library's:

# %%
z_rec, logvar = model.encode(model.coarse)
u = normal_maps(tuple(z_rec.shape[1:]), 0, range(2), 0)
alpha, beta = 0.03, 0.8
z1 = alpha * z_rec + (1 - alpha) * (z_rec + (1 - beta) * u[:1])
z2 = alpha * z_rec + (1 - alpha) * (z1 + beta * (z1 - z_rec) + (1 - beta) * u[1:])
frames = [model.decode(z, seed=0)[0] for z in (z_rec, z1, z2)]
torch.testing.assert_close(torch.stack(frames, 1), model.animate(3, alpha, beta), atol=1e-4, rtol=1e-4)

# %% [markdown]
# SinGAN takes $\alpha = 0.1$ and $\beta = 0.9$. *How far does z get with these, and how far must it get before anything
# moves?* E itself says: its standard deviation is the distance up to which $G^0$ was trained to draw the same picture.


# %% tags=["nbval-ignore-output"]
def strayed(video):
    """Root mean square of what differs from the first frame, where values span 2."""
    return (video - video[:, :1]).square().mean().sqrt().item()


print(f"standard deviation of E: {(logvar / 2).exp().mean():.2f}; of z under the prior: 1")
calm, lively = model.animate(24, 0.1, 0.9), model.animate(24)
print(f"moved by {strayed(calm):.3f} with SinGAN's values, by {strayed(lively):.3f} with ours")
assert (logvar / 2).exp().mean() > 0.9
assert strayed(lively) > 2 * strayed(calm)

# %% [markdown]
# Nearly 1: for E nearly the whole prior means this one picture (the collapse that lesson 3 looks at), and SinGAN's walk,
# which stays within half a standard deviation, does not leave it. So `animate` pulls less and turns faster.

# %%
loop = there_and_back(rearrange(lively, "c t h w -> t c 1 h w"))
described(
    show.webp(show.to_uint8(show.enlarge(loop, 384)), 12, quality=70),
    "Looping picture: the rim of the cup sways, the coffee and the spoon change shape",
)

# %% tags=["nbval-ignore-output"]
from hpvae_nb.lessons.l15_applications import views

view = views.living_view(model)
view

# %%
*_, picture, text = view.children
before = picture.value
with moved(view, beta=0.5):
    assert picture.value != before, "another smoothness must give another loop"
    print(text.value)

# %% [markdown]
# **Where it fails.** Water and flames may well move like this; a cup does not. It wobbles because shapes are all that z
# knows about: nothing in one picture says what can move.
#
# ## A clip, harmonised over time
#
# Nothing above asked how many axes there are. Here is a pond, and another fish for it, cut out of orange paper. It swims
# at a steady pace, and its mask is `t h w`.

# %%
pond = hp.load_model("koi_128", device="cpu", precision="float32")
clip = show.real_at_last_scale(pond, hp.load_clip("koi", frames=13))
t, h, w = torch.meshgrid(*(torch.arange(length) for length in clip.shape[1:]), indexing="ij")


def paper_fish(pixels_a_frame):
    """A clip with the fish in it, and where the fish is: a body, and a tail that ends behind it."""
    y, x = h - 30, w - 60 - pixels_a_frame * (t - 3)
    where = ((y / 3) ** 2 + (x / 7) ** 2 < 1) | ((x >= -12) & (x < -6) & (y.abs() <= 0.8 * (-6 - x)) & (y.abs() <= 3))
    return torch.where(where, show.colour("#ff7a20"), clip), where


swimming, where = paper_fish(0.5)
print("clip", tuple(swimming.shape), "mask", tuple(where.shape))

# %% [markdown]
# *Coarse scales have fewer frames, too: 4 of 13. What will that do to something that moves?*

# %%
hurry, trace = paper_fish(4)
rows = [("pasted", swimming), ("start 1", pond.harmonize(swimming, where, start=1))]
rows += [("a fast one", hurry), ("start 1", pond.harmonize(hurry, trace, start=1))]
rows = [(name, video[:, :, 14:46, 36:100]) for name, video in rows]
described(
    photo(show.contact_sheet(rows, frames=5, colors=["black", show.RANDOM] * 2)),
    "Four rows of five frames of a pond. A flat orange fish, slow; harmonised, it is soft, with a red back and a yellow belly. "
    "A fast one; harmonised, it falls into two orange pieces, one behind the other",
)

# %%
both = show.beside([rows[0][1], rows[1][1]], 768)
described(
    show.webp(both, pond.fps, quality=70),
    "Looping picture: left the paper fish, right the harmonised one, soft and shaded",
)

# %% [markdown]
# It gets a red back, a yellow belly and the softness of the pond, and stays one fish from frame to frame, since neighbouring
# frames are drawn together. **Where it fails:** what moves far between two frames of a coarse scale stands there twice,
# half as bright, and is drawn as two. Slow things harmonise well, fast ones fall apart.
#
# ## By hand
#
# A brush, and beside it what comes of it, after each stroke. A moon has been painted to begin with. Draw a second one, with mouse,
# finger or keys; undo; move the start scale. Instead of `"harmonize"`, ask for `"paint_to_image"`, `"edit"` (drag a frame
# around something, then drag its copy) or `"inpaint"`.

# %% tags=["nbval-ignore-output"]
bench = views.workbench(night, hp.load_image("rocket"), "harmonize")
bench.brush.stroke([(160, 30)], size=22, colour="#fff2c0")
bench

# %%
moon = views.redrawn(night, "harmonize", bench.brush, start=2)
changed = (moon != rocket).any(0)
assert changed[30, 160]
assert not changed[:, :120].any()
described(show.still(show.enlarge(moon, 384)), "The launch pad at night, with a glowing disc in the sky on the right")

# %% [markdown]
# ### Your own photo
#
# Write the path of a photo between the quotes, one with one or a few large things. (Many small ones: `"laptop-texture"`.)
# Training takes one to two minutes on two cores; when you stop the cell, the model stays as far as it got.

# %%
PHOTO = ""  # such as "holiday.jpg"
mine, picture = night, hp.load_image("rocket")
if PHOTO:
    picture = hp.load_image(PHOTO, size=384)
    for event in hp.train(picture, hp.preset("laptop-image"), seed=0):
        mine = event.model
        if event.scale_done:
            print(f"scale {event.scale} after {event.seconds:.0f} s")
print("a workbench for", picture.name)

# %% tags=["nbval-ignore-output"]
own = views.workbench(mine, picture, "inpaint")
own.brush.stroke([(97, 45), (97, 110)], size=26)
own

# %% [markdown]
# ## What we found
#
# | call | enters | best start here | fails |
# | --- | --- | --- | --- |
# | `paint_to_image(painting, start)` | the painting, reduced | 1 or 2 of 0 to 5 | things of another size than in the photo |
# | `harmonize(composite, mask, start)` | the composite; blended by the mask | 2 | at 0 the object goes; the projection erases it |
# | `edit(composite, mask, start)` | the same, with a larger disc | 1 or 2 | seam and fine detail go together |
# | `inpaint(clip, mask)` | E's mean outside, dice inside; the known after each scale | - | holes larger than what surrounds them |
# | `enlarge(image, factor)` | the picture; the last scale, repeated | - | no better than bicubic interpolation |
# | `animate(frames, alpha, beta)` | E's mean, wandering | - | all sways, whether it could or not |
#
# - Each is `refine` and a blend: what a hierarchy of scales gives away for nothing.
# - A start scale says how much is yours and how much is the model's. Nobody can set it once for all: make a sheet.
# - Everything is as good as the model: what falls apart in its samples falls apart here.
#
# ## Questions
#
# 1. Which start scale would you try first for a pasted object that is 60 pixels wide, and which for one of 10?
#    Answer: The coarsest one at which the object is still some pixels wide. 60 px of 192 are five at scale 0, so try
#    1; 10 px are three at scale 3, so try 2 or 3.
# 2. Why is the mask grown before it is blurred, and why more for inpainting than for harmonisation?
#    Answer: A blur alone is one half on the object's own outline, where the pasted edge would shine through; what
#    must change is the object and the seam around it. In a hole the old content must not count at all, so the soft
#    edge has to lie wholly outside of it.
# 3. `project=True` erases the sugar lump, but not a copied rocket. Why?
#    Answer: The projection makes everything of patches that the encoder and $G^0$ know from the photo. There is a
#    rocket in the photo, and no sugar lump.
# 4. Inpainting puts back the known after *every* scale. What would happen if it did so only at the end?
#    Answer: The scales above would go on drawing the surroundings too, which drift away from the photo, and would fit
#    the filling to these. Put back at the end, the real surroundings meet a filling that was made for others: a seam.
# 5. A critic makes samples better and PSNR worse. How can both be true?
#    Answer: Where detail cannot be known, the least squared error is that of the mean of all that is possible, which
#    is blurred. A critic asks for *one* of them; when it is the wrong one, as nearly always, it is twice as far off.
# 6. Which of the six calls would profit from a model that was trained on several photos of the same thing?
#    Answer: `paint_to_image` most, since things could come in other sizes and at other places; then `inpaint`, with
#    large holes, and `harmonize`. `enlarge` least.
#
# ## References
#
# - Gur, Benaim, Wolf 2020, *Hierarchical patch VAE-GAN*: section 4.2, figure 8.
# - Shaham, Dekel, Michaeli 2019, *SinGAN*: section 4, all applications but inpainting; its code for discs and blurs.
# - Hinz, Fisher, Wang, Wermter 2021, *Improved techniques for training single-image GANs* (ConSinGAN): harmonisation by a
#   model that was trained on damaged pictures, which is not done here.
# - Lugmayr et al. 2022, *RePaint*: the known, put back after each step.
# - Irani, Peleg 1991, *Improving resolution by image registration*: the correction of enlarged pictures.
