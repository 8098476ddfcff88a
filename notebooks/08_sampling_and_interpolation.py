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
# # 8. Sampling and interpolation
#
# **You will be able to** steer what a trained model makes: choose which dice are thrown, walk from one clip to another,
# join two in one picture, throw new dice in a part of the clip only, and make it wider and longer.
#
# **You need** lessons 2 (receptive field) and 5 (the hierarchy, equations 6 and 9).
#
# **It takes** 30 minutes to read; all cells together run in about 20 seconds on a laptop, with or without a GPU.
#
# Until now a sample was a lucky draw. But everything that makes it different from the next one is a map of random
# numbers, and a map is something you can edit: cut it, join it, turn it, throw a part of it anew.

# %%
import math

import torch
from einops import rearrange

import hpvae_nb as hp
from hpvae_nb.core import steering
from hpvae_nb.lab import show
from hpvae_nb.lab.live import moved
from hpvae_nb.lab.render import described
from hpvae_nb.lessons.l08_sampling_and_interpolation import checks as check
from hpvae_nb.lessons.l08_sampling_and_interpolation import figures

# %%
model = hp.load_model("pedestrians_m3")
z = model.latent(1, seed=1)
print("one latent map:", tuple(z.shape), "batch, entries, time, height, width")
print("one clip:", model.shapes[-1], "frames, rows, columns; values span 2")

# %% [markdown]
# ## Which dice are thrown
#
# Equation (9), the way a sample is made: $\bar x^0 = G^0(z)$, and then at every scale
# $\bar x^n = \uparrow\!\bar x^{n-1} + G^n(\uparrow\!\bar x^{n-1} + z_n)$. There are two kinds of dice in it: the latent map
# $z$, thrown once at the coarsest scale, and the noise $z_n$, thrown at each GAN scale. In the open, with all $z_n = 0$:

# %%
exact = hp.load_model("pedestrians_m3", device="cpu", precision="float32")
x = exact.network.base(z)
for n in range(1, exact.scales):
    up = hp.resampling.upsample(x, exact.shapes[n])
    x = torch.tanh(up + exact.network.generators[n](up))  # the released code's tanh
torch.testing.assert_close(x, exact.decode(z, noise=0), atol=1e-4, rtol=1e-4)
print("the library decodes in the same way")

# %% [markdown]
# *Which changes the clip more: another $z$, or another noise at every GAN scale? By what factor?*

# %% tags=["nbval-ignore-output"]
clip = model.decode(z, seed=0)
other_noise = model.decode(z, seed=1)
other_z = model.decode(model.latent(1, seed=5), seed=0)
by_z, by_noise = steering.rms(other_z - clip), steering.rms(other_noise - clip)
print(f"root mean square of the change: {by_z:.3f} by another z, {by_noise:.3f} by other noise")
assert by_z > 10 * by_noise

# %%
loud = model.decode(z, noise=10, seed=0)
rows = {"one sample": clip, "other noise": other_noise, "noise × 10": loud, "other z": other_z}
described(
    show.contact_sheet([(name, video[0]) for name, video in rows.items()], frames=5, colors=[show.RANDOM] * 4),
    "Four clips. The first two look alike, people in the same places; with ten times the noise the same people under "
    "grain; with another z other people in other places",
)

# %% [markdown]
# - $z$ decides who walks where. The noise decides next to nothing: the second row is a copy, for the eye.
# - That is by design: its amplitude is a tenth of the reconstruction error, which is small. Ten times as loud it does not
#   draw other people. It draws grain, which the networks were never trained to take away.
#
# Try both kinds. The third slider replaces the scales below it by the *real* clip: what is drawn then is only what the
# scales above add. Where $z$ is not drawn, nothing new happens in this model; all its imagination sits at scale 0.

# %% tags=["nbval-ignore-output"]
from hpvae_nb.lessons.l08_sampling_and_interpolation import views as widgets

real = hp.load_clip("pedestrians", frames=13)
view = widgets.steer_view(model, real)
view

# %%
*_, picture, text = view.children
before = picture.value
with moved(view, seed=2):
    assert picture.value != before, "another seed must give another clip"
with moved(view, start=3):
    print(text.value)

# %% [markdown]
# Every scale throws dice of its own. *So if you stop at scale 3, look, and then let the scales above go on with the same
# seed: do you get the same clip as in one go?*

# %%
coarse = exact.decode(z, seed=0, scales=4)
torch.testing.assert_close(exact.refine(coarse, 3, seed=0), exact.decode(z, seed=0), atol=1e-4, rtol=0)
print("stopped at", tuple(coarse.shape[2:]), "and gone on: the same clip")

# %% [markdown]
# Yes: a coarse clip is a preview of its fine one, at a small part of the work. The views of this lesson use that for
# models of large clips, which take seconds to decode. They draw as many scales as there is time for while a slider
# moves, and all of them when it rests: try `widgets.loop_view(hp.load_model("koi_256"))`.
#
# ## From one clip to another
#
# Take two maps $a$ and $b$, each a throw of thousands of normal numbers. A straight line $(1-t)\,a + t\,b$ leads from one
# to the other. *How long is the vector half way, compared with its ends?*

# %%
a, b = model.latent(1, seed=1), model.latent(1, seed=5)
lengths = [v.norm().item() / math.sqrt(a.numel()) for v in (a, 0.5 * a + 0.5 * b, b)]
print("length / √n, at a, half way, at b:", [round(length, 1) for length in lengths])
print("cosine between them:", round(abs((a * b).sum() / a.norm() / b.norm()).item(), 1))

# %% [markdown]
# With $n = 86\,016$ independent entries two things are nearly certain. Each vector has length $\sqrt n$: the throws lie
# on a thin shell, not around the middle. And any two are at right angles, so that half way the length is
# $\sqrt{(\tfrac12)^2 + (\tfrac12)^2} = \sqrt{\tfrac12} \approx 0.7$. The straight line leaves the shell, and no throw of
# dice ever lands where it goes. Stay on the shell instead, and turn from $a$ to $b$ (White 2016):
#
# $$\mathrm{slerp}(a, b, t) = \frac{\sin((1-t)\,\theta)}{\sin\theta}\,a + \frac{\sin(t\,\theta)}{\sin\theta}\,b,
# \qquad \cos\theta = \frac{a \cdot b}{\|a\|\,\|b\|}$$
#
# ### Exercise 1


# %% tags=["exercise"]
def slerp(a, b, t):
    """From a (t = 0) to b (t = 1) along the sphere. a, b: maps of equal shape, taken as one long vector each."""
    # hint: One angle for the whole map: the dot product is a sum over *all* entries, and so are the lengths. A cosine
    # becomes an angle by `torch.arccos`.
    # solution
    cosine = (a * b).sum() / (a.norm() * b.norm())
    angle = torch.arccos(cosine)
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
    # end


# %%
check.slerp(slerp)

# %% [markdown]
# The library has it too, as `hp.slerp`, and `model.interpolate` takes several steps of it. Both ways, all along:

# %%
angle = torch.arccos((a * b).sum() / (a.norm() * b.norm()))
quarter = (torch.sin(0.75 * angle) * a + torch.sin(0.25 * angle) * b) / torch.sin(angle)
torch.testing.assert_close(hp.slerp(a, b, 0.25), quarter)
torch.testing.assert_close(model.interpolate(a, b, 5)[1], quarter[0])
described(
    figures.path_lengths(a, b),
    "Length over the way from a to b: a level line at 1 for slerp, a dip down to the root of one half for the straight line",
)

# %% [markdown]
# *So the straight line should give pale, faded clips half way. How far apart are the clips that the two ways give there?*

# %% tags=["nbval-ignore-output"]
middle_of_line = exact.decode(0.5 * a + 0.5 * b, noise=0)
middle_of_sphere = exact.decode(hp.slerp(a, b, 0.5), noise=0)
torch.testing.assert_close(middle_of_line, middle_of_sphere, atol=2e-3, rtol=0)
for k in (0.5, 10):
    change = (exact.decode(k * a, noise=0) - exact.decode(a, noise=0)).abs().max().item()
    print(f"{k} times the length changes the clip by at most {change:.0e}")
    assert change < 2e-3

# %% [markdown]
# Not at all! This decoder does not care how long $z$ is. Its first layer is a convolution, and its second divides every
# channel by that channel's standard deviation over the whole clip. Whatever factor stood before $z$ is gone.
#
# So for the *whole* map the straight line does no harm here, in this architecture. Keep $\sqrt{1/2}$ in mind, though: a
# shrinking that is not the same everywhere can't be divided away. It will come back in a moment.
#
# Now the way itself, as a loop. Each frame is the middle frame of another clip: time runs along the way from $a$ to $b$
# and back.

# %%
way = steering.there_and_back(model.decode(model.interpolate(a, b, 8), noise=0))
described(
    show.animation(way, 5, width=384), "Looping picture: people of one clip dissolve while those of another appear"
)

# %% [markdown]
# People do not *walk* from their places in $a$ to their places in $b$. They fade, and others appear: a patch is either
# ground or coat, and on the way between it has to change its mind somewhere. Interpolation is not motion.

# %% tags=["nbval-ignore-output"]
view = widgets.loop_view(model)
view

# %%
*_, picture, text = view.children
before = picture.value
with moved(view, moment=1.0):
    assert picture.value != before, "another moment must give another loop"

# %% [markdown]
# ## Two latent maps in one clip
#
# The map has a width, so cut $a$ and $b$ in the middle and join the halves. With a sharp cut every site still holds one
# honest throw. With a soft border, over a third of the map, say, there is a weight $w$ that rises from 0 to 1, and the
# obvious blend is $(1-w)\,a + w\,b$. *What is its standard deviation where $w = \tfrac12$?*
#
# ### Exercise 2
#
# Find a blend that is as normal as $a$ and $b$, with $w$ as the share of the *variance* that comes from $b$.


# %% tags=["exercise"]
def blend(a, b, weight):
    """Maps 'b c t h w' of independent N(0, 1); weight: 'w', from 0 (only a) to 1 (only b). Variance 1 everywhere."""
    # hint: If two independent numbers of variance 1 are multiplied by $p$ and $q$ and added, the variance is $p^2 +
    # q^2$. Which $p$ and $q$ make it 1, with $q^2$ = `weight`?
    # solution
    return (1 - weight).sqrt() * a + weight.sqrt() * b
    # end


# %%
check.blend(blend)

# %% [markdown]
# Both blends of our two maps, with a border twelve columns wide:

# %%
weight = steering.border(a.shape[-1], at=12, softness=12)
blends = {"(1 - w) a + w b": (1 - weight) * a + weight * b, "variance kept": steering.blend(a, b, weight)}
described(
    figures.border_spread(blends),
    "Standard deviation by column: level at 1 where the variance is kept; a dip to 0.7 in the middle for the plain blend",
)

# %% [markdown]
# The same $\sqrt{1/2}$, but now in one place only, where no normalisation can make it good. What does it do to clips?
# Decode 24 pairs at scale 0 and ask, column by column, how much they differ from their mean: how much *happens* there.

# %% tags=["nbval-ignore-output"]
many_a, many_b = model.latent(24, seed=100), model.latent(24, seed=200)


def liveliness(z):
    """Standard deviation over samples in the middle four columns, at scale 0."""
    clips = model.decode(z, scales=1)
    return rearrange(clips[..., 10:14], "b c t h w -> b (c t h w)").std(dim=0).mean()


plain, kept = liveliness((1 - weight) * many_a + weight * many_b), liveliness(steering.blend(many_a, many_b, weight))
print(f"standard deviation at the border: plain blend {plain:.3f}, kept length {kept:.3f}")
assert plain < 0.9 * kept

# %% [markdown]
# At the border of a plain blend fewer people walk: a short latent vector is a patch of plain ground. Place the border
# yourself. At softness 0 it is a cut, and still hard to find in the clip: vectors next to each other were never alike in
# the first place, and each pixel is decided by hundreds of them.

# %% tags=["nbval-ignore-output"]
view = widgets.border_view(model)
view

# %%
*_, picture, text = view.children
with moved(view, at=view.controls["at"].max, softness=0):  # the border at the right edge
    assert picture.value == show.animation(clip[0], model.fps, width=256), "nothing of the right may be left"
    print(text.value)

# %% [markdown]
# ## New dice in one part only
#
# One walker looks wrong, the rest is fine. So throw new dice there, and only there, for as long as you like.
#
# ### Exercise 3


# %% tags=["exercise"]
def resample(z, fresh, times, rows, columns):
    """z outside and fresh inside of a box, both 'b c t h w'; each range is (first, end) as in a slice. z stays whole."""
    # hint: `slice(*times)` is `times[0]:times[1]`, and `...` in front of three slices means the last three axes.
    # Write on a copy.
    # solution
    result = z.clone()
    box = (..., slice(*times), slice(*rows), slice(*columns))
    result[box] = fresh[box]
    return result
    # end


# %%
check.resample(resample)

# %%
box = steering.Box(times=(0, 4), rows=(3, 10), columns=(2, 9))
changed = model.decode(steering.resample(a, b, box), seed=0)
pixels = box.scaled(model.shapes[0], model.shapes[-1])
rows = [("before", clip[0]), ("after", changed[0]), ("all of b", other_z[0])]
rows = [(name, figures.outlined(video, pixels, width=384)) for name, video in rows]
described(
    show.contact_sheet(rows, frames=5, colors=[show.RANDOM] * 3),
    "Three clips with a box on the left. After: inside the box walk the people of b; those at the top stay, two on the right fade",
)

# %% [markdown]
# Inside, the walkers of $b$ appear, and they keep their legs, although half of these lie outside of the box. The people
# at the top stay. But two on the far right have faded, and nobody asked for that. We will find out who did it. First,
# pull at the box yourself: Tab reaches the two ends of a range, and arrow keys move them.

# %% tags=["nbval-ignore-output"]
view = widgets.box_view(model)
view

# %%
*_, picture, text = view.children
before = picture.value
with moved(view, times=(2, 4)):
    assert picture.value != before, "another box must give another clip"

# %% [markdown]
# ### Did the outside really stay the same?
#
# Two things carry the change out of the box. One is the *receptive field*: five pixels on every side at each of seven
# scales, and a pixel at scale 0 is nearly three pixels wide at the top. *What part of the laptop clip can our box reach?*

# %%
field = steering.reach(model.network.generators, model.shapes, box)
print("the box reaches frames, rows, columns", *field.axes().values(), "of", model.shapes[-1])

# %% [markdown]
# All of it. At this size there is no outside; the two faded walkers were within reach. So take a clip three times as
# wide, with room beyond the field. The other thing is the *normalisation*: each channel is divided by its standard deviation over all
# sites, so that each site has a small say everywhere. To tell the two apart, decode once more with all means and
# deviations held at what they were before.

# %%
wide_a, wide_b = (model.latent(1, seed=seed, size=(13, 36, 192)) for seed in (1, 5))
wide_new = steering.resample(wide_a, wide_b, box)
before, after = (model.decode(z, seed=0)[0] for z in (wide_a, wide_new))
with steering.held_statistics(model.network, lambda: model.decode(wide_a, seed=0)):
    before_held, after_held = (model.decode(z, seed=0)[0] for z in (wide_a, wide_new))
changes, change_held = steering.change(before, after), steering.change(before_held, after_held)

# %% [markdown]
# *Before you look: what will the second map show to the right of the dashed line, where the field ends?*

# %%
shapes = hp.resampling.shapes_for_latent(model.shapes, tuple(wide_a.shape[2:]))
pixels, field = box.scaled(shapes[0], tuple(changes.shape)), steering.reach(model.network.generators, shapes, box)
maps = {"as the model decodes": changes, "with means and deviations held": change_held}
described(
    figures.change_maps(maps, pixels, field),
    "Two maps of change over a wide clip. Above: strong in the box at the left, weak but present everywhere. Below: the "
    "same in the box, fading towards the dashed border of the field, and nothing at all beyond it",
)

# %% tags=["nbval-ignore-output"]
inside, beyond = pixels.mask(tuple(changes.shape)), ~field.mask(tuple(changes.shape))
print(f"largest change beyond the field: held {change_held[beyond].max():.0e}, as decoded {changes[beyond].max():.3f}")
assert change_held[beyond].max() < 1e-4 < 1e-3 < changes[beyond].max()
there, here = steering.rms(changes[beyond]), steering.rms(changes[inside])
print(f"root mean square, as decoded: beyond the field {there:.3f}, in the box {here:.3f}")
assert there < here / 5

# %% [markdown]
# That is the proof, and its small print:
#
# - With the statistics held, the change ends where lesson 2 says that it must. Not one value beyond it moves.
# - It has faded long before: most of the field carries next to nothing (the *effective* field of lesson 2).
# - As the model is, normalisation lets the box change the rest a little. The upper map shows where: at people, and most of
#   all where $G$ was undecided between person and ground.
#   Whoever needs an untouched outside has to hold the statistics, or paste the old pixels back.
#
# ## Wider and longer
#
# Nothing in a convolution knows how large its input is. A larger map of dice is a larger clip.

# %%
wide = model.sample(1, seed=3, size=(13, 36, 192))[0]
described(
    show.animation(wide, model.fps, width=768), "Looping picture: a square three times as wide, with many walkers"
)

# %% [markdown]
# Time is an axis like the others. *What will happen in a clip of 49 frames, from a model that has seen 13?*

# %%
long = model.sample(1, seed=3, size=(49, 36, 64))[0]
described(
    show.contact_sheet([("49 frames", long)], frames=9, colors=[show.RANDOM]),
    "Nine frames of a long clip: empty ground at first, many people in the middle, empty ground at the end",
)


# %% tags=["nbval-ignore-output"]
def step_sizes(video):
    """Root mean square of what changes from each frame of 'c t h w' to the next."""
    return steering.change(video[:, :-1], video[:, 1:]).square().mean(dim=(1, 2)).sqrt()


steps = step_sizes(long)
middle, last = steps[18:30].mean(), steps[-6:].mean()
print(f"change from frame to frame: {middle:.3f} in the middle, {last:.3f} in the last six steps")
assert last < middle / 5

# %% [markdown]
# The square empties, and its last frames stand still. In space our maps were wider than the networks' field of 11; in
# time the training map has 4 sites, fewer than that field. So no site ever saw a start without an end near by,
# and zero padding told each of them exactly *when* it was. A long clip puts the model where it has never been. Wider works
# better than longer here.

# %% tags=["nbval-ignore-output"]
view = widgets.size_view(model)
view

# %%
*_, picture, text = view.children
with moved(view, frames=25, width=96):
    print(text.value)

# %% [markdown]
# ## A model that was never told where it is
#
# What if padding repeats the outermost sites, in place of zeros? Then a border looks like any other place, in space and in
# time. Models of a pond and of a sky with balloons come with the package that were trained so. *Will a long clip die
# out again?*

# %%
pond = hp.load_model("koi_128")
print("padding:", pond.config.padding)
long_pond = pond.sample(1, seed=3, size=(49, 72, 128))[0]
described(
    show.contact_sheet([("49 frames", long_pond)], frames=9, colors=[show.RANDOM]),
    "Nine frames of a long clip of a pond seen from above: in each of them some ten red and white koi, from the first to the last",
)

# %% tags=["nbval-ignore-output"]
pond_steps = step_sizes(long_pond)
middle, last = pond_steps[18:30].mean(), pond_steps[-6:].mean()
print(f"change from frame to frame: {middle:.3f} in the middle, {last:.3f} in the last six steps")
assert last > middle / 3

# %% [markdown]
# It goes on. Nor are there rows of fish along the borders, which zeros would have drawn there, and some fish swim out of the
# picture. The price: nothing tells this model what is above and what is below. For ponds, flocks and squares seen
# from above that is right. Take it for a landscape, and there will be sky under the ground.

# %% [markdown]
# ## What we found
#
# Root mean square of what changes, where values span 2. Your numbers will be near these:

# %% tags=["nbval-ignore-output"]
print(f"another z                      {steering.rms(other_z - clip):.3f}")
print(f"another noise                  {steering.rms(other_noise - clip):.3f}")
print(f"new box: inside                {steering.rms(changes[inside]):.3f}")
print(f"new box: beyond its field      {steering.rms(changes[beyond]):.3f}")
print(f"... with statistics held       {steering.rms(change_held[beyond]):.3f}")
print(f"spread at a soft border        {plain:.3f} plain, {kept:.3f} with the variance kept")
print(f"motion of 49 frames            {steps[18:30].mean():.3f} in the middle, {steps[-6:].mean():.3f} at the end")

# %% [markdown]
# - All variety sits in $z$ at scale 0; the noise of the GAN scales is hardly more than grain.
# - Normal vectors lie on a shell. Leaving it with the whole map is undone by normalisation; leaving it in one place is not.
# - A box of the map can be drawn anew. What it changes elsewhere is the receptive field's, and a remainder is the
#   normalisation's.
# - **Where it fails**: interpolation fades instead of moving, and clips much longer than the training clip die out, unless
#   the model was trained without zeros around the clip.
#
# ## Questions
#
# 1. A soft border blends three maps with weights that sum to 1. What must their factors be, so that the variance stays 1?
#    Answer: The roots of the weights: $\sqrt{w_1}$, $\sqrt{w_2}$, $\sqrt{w_3}$. The variance of the sum is the sum of
#    their squares, which is 1.
# 2. With batch norm in evaluation mode (fixed statistics), which of this lesson's findings would be different?
#    Answer: Those about normalisation. The length of $z$ would no longer be divided away, so that the straight line
#    would give other clips half way than slerp. And a box would change nothing at all beyond its field. What zeros at
#    the border do, and that interpolation fades, would stay.
# 3. How wide must a clip be for a box in its middle to leave both ends beyond its field?
#    Answer: As wide as the box and its field on both sides. Ours is 7 sites or 19 px wide, and its field goes 65 px
#    beyond each side: from about 150 px on, 2⅓ times the laptop clip, both ends are out of reach.
# 4. How would you train a model that can make long clips? What would have to be longer: the clip, or the rates?
#    Answer: The clip, and with it the map of dice: 13 frames are 4 sites at scale 0, where the networks look 5 sites
#    to each side. With 45 frames at the same rates there would be 12, and sites in the middle that see no end. A
#    denser rate on the same 13 frames gives 13 sites, hardly more than the field. Or take the zeros away, as the last
#    section does.
#
# ## References
#
# - T. White: *Sampling Generative Networks*. 2016. Section 2.1: slerp.
# - R. Xu, X. Wang, K. Chen, B. Zhou, C. C. Loy: *Positional Encoding as Spatial Inductive Bias in GANs*. CVPR 2021. How
#   zero padding tells a convolution where it is.
# - T. R. Shaham, T. Dekel, T. Michaeli: *SinGAN: Learning a Generative Model from a Single Natural Image*. ICCV 2019.
#   Starting from a real picture at a chosen scale.
# - S. Gur, S. Benaim, L. Wolf: *Hierarchical Patch VAE-GAN*. NeurIPS 2020. Equations (6) and (9).
