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
# # 0. New videos from one clip
#
# **You will be able to** load a short clip, train a model on it, make clips that were never filmed, and say in a number
# how different they are.
#
# **You need** Python, and to have seen a tensor; nothing about neural networks yet.
#
# **It takes** twenty minutes to read, with two exercises; all cells together run in about half a minute on a laptop without
# a GPU.
#
# The method is *Hierarchical Patch VAE-GAN* (Gur, Benaim and Wolf, 2020). It learns from **one** clip. That works
# because a clip is not one thing to learn from: it holds thousands of small patches, in space and in time, and the
# model learns how such patches look and how they fit together.

# %%
import torch
from einops import rearrange

import hpvae_nb as hp
from hpvae_nb.lab import show
from hpvae_nb.lab.live import moved
from hpvae_nb.lab.render import described
from hpvae_nb.lessons.l00_quickstart import checks as check

print(hp.bundled_clips())

# %% [markdown]
# ## One clip
#
# A few people cross a paved square. Thirteen frames of it are all that the model will ever see. If you are online, you can
# take a clip of the paper itself, `hp.load_clip(hp.download_clip("wingsuit"))`: flyers over a hill.

# %%
clip = hp.load_clip("pedestrians", frames=13)
print(tuple(clip.video.shape), "channel, time, height, width")
print("values from", round(clip.video.min().item(), 1), "to", round(clip.video.max().item(), 1))

# %%
show.show_videos([clip.video], clip.fps, ["the training clip"], "Three people cross a paved square.", width=384)

# %% [markdown]
# ## Numbers for a network
#
# Files store a clip as whole numbers from 0 (black) to 255 (white), frame by frame: time, height, width, colour, or
# `t h w c`. Networks like small numbers around 0, and PyTorch wants the colours first: `c t h w`, from -1 to 1. All of
# this package's clips are like that.
#
# ### Exercise 1: from a file's numbers to the network's
#
# `rearrange(x, "a b -> b a")` moves axes by their names; you choose the names.


# %% tags=["exercise"]
def to_video(frames):
    """From whole numbers 0..255, 't h w c', to values from -1 to 1, 'c t h w'."""
    # hint: two steps. First the values: which line leads from 0 to -1 and from 255 to 1? Whole numbers must become
    # `.float()` before that. Then the axes: name them as they come, and again as they should go.
    # solution
    return rearrange(frames.float() / 127.5 - 1, "t h w c -> c t h w")
    # end


# %%
check.to_video(to_video)

# %% [markdown]
# The library's way back is `show.to_uint8`. One pixel both ways, and then the whole clip, which must lose nothing but what is
# rounded off:

# %%
stored = torch.from_numpy(show.to_uint8(clip.video))
print(stored.dtype, tuple(stored.shape), "from", stored.min().item(), "to", stored.max().item())
pixel = [round(colour, 2) for colour in clip.video[:, 6, 20, 30].tolist()]
print("one pixel, stored:", stored[6, 20, 30].tolist(), "and for a network:", pixel)
white = (clip.video + 1) / 2  # how white, from 0 to 1
torch.testing.assert_close(stored / 255, rearrange(white, "c t h w -> t h w c"), atol=1 / 510, rtol=0)

# %% [markdown]
# ## The same clip at several sizes
#
# Look at the clip from far away and you see where people are; look closely and you see coats and shadows. The model
# works in this order. It first learns a tiny, slow version of the clip, then one scale after another adds detail.
#
# *Before you run the next cell: the coarsest version keeps every 4th of 13 frames. How many are left?*

# %%
laptop = hp.preset("laptop")
for scale, shape in enumerate(hp.scale_shapes(laptop, clip)):
    print(f"scale {scale}: {'VAE' if laptop.is_vae(scale) else 'GAN'}  {shape}")

# %% [markdown]
# Frames 0, 4, 8 and 12: four. The first and the last frame stay in place at every scale.
#
# The lower scales are a *patch-VAE*, which is good at variety: it decides how many people there are and where they
# walk. The upper scales are *patch-GANs*, which are good at sharpness.

# %%
coarse, fine = (hp.pyramid.real_samples(laptop, clip, n, hp.scale_shapes(laptop, clip)[n])[0] for n in (0, 6))
described(
    show.contact_sheet([("scale 0", coarse), ("scale 6", fine)], frames=4, colors=[show.REAL] * 2),
    "Four frames at scale 0, where people are dark smudges of a few pixels, above four frames at scale 6, where coats, "
    "legs and shadows can be told apart.",
)

# %% [markdown]
# ## Train one yourself
#
# The `smoke` preset is far too small for good pictures, but it trains in seconds, and its steps are the real ones.
# Training is a Python generator: it yields an event after every step, and you decide what to do with it.

# %%
config = hp.preset("smoke", iterations=60)
first, last = {}, {}
for event in hp.train(clip, config, seed=0):
    error = event.losses["reconstruction"]
    first.setdefault(event.scale, error)
    last[event.scale] = error
print("scales trained:", sorted(last))

# %% tags=["nbval-ignore-output"]
print(f"reconstruction error at scale 0: {first[0]:.3f} at the first step, {last[0]:.3f} at the last")
assert last[0] < first[0] / 3

# %% [markdown]
# The event carries the model, so it can be used at any time, even while it is still being trained.

# %%
tiny = event.model
rows = [("real", show.real_at_last_scale(tiny, clip)), *(("random", sample) for sample in tiny.sample(2, seed=0))]
described(
    show.contact_sheet(rows, frames=5, title="after seconds of training: blotches on pale ground"),
    "The real clip above two random ones: pale ground with dark and coloured blotches that drift, and not one person.",
)

# %% [markdown]
# ## A model that had a minute or two
#
# This one is the same method with the `laptop` preset; its weights come with the package.

# %%
model = hp.load_model("pedestrians_m3")
samples = model.sample(4, seed=1)
print(tuple(samples.shape), "batch, channel, time, height, width")

# %%
real = show.real_at_last_scale(model, clip)
titles = ["real", *(f"sample {i}" for i in range(4))]
show.show_videos([real, *samples], model.fps, titles, "The real clip, and four in which other people cross the square.")

# %%
rows = list(zip(titles, [real, *samples], strict=True))
described(
    show.contact_sheet(rows, title="one real clip, four that were never filmed"),
    "Seven frames each of the real clip and of four samples: the same grey square, with three to six dark figures in "
    "other places; some are whole walkers, some smear or break apart.",
)

# %% [markdown]
# ## Turn the dice yourself
#
# Every seed is another clip. Drag the slider, or click its handle and use the arrow keys.

# %% tags=["nbval-ignore-output"]
from hpvae_nb.lessons.l00_quickstart.views import seed_view

view = seed_view(model)
view

# %%
_, picture, _ = view.children
before = picture.value
with moved(view, seed=7):  # and back again
    assert picture.value != before, "another seed must give another clip"
assert picture.value == before, "the same seed must give the same clip"

# %% [markdown]
# ## At the paper's size
#
# Sixteen times as many pixels, another clip, the same method: the preset `laptop-256`, half an hour on one CPU core. (`make demo`
# trains half that size on two cores while you get a coffee.) The clip is a rendered pond.

# %%
pond, large = hp.load_clip("koi"), hp.load_model("koi_256")
fish = large.sample(1, seed=3)[0]
show.show_videos(
    [show.real_at_last_scale(large, pond), fish],
    large.fps,
    ["real", "a sample"],
    "Two ponds seen from above, in which red, white and black koi swim; in the sample they are others, in other places.",
    width=480,
)

# %% [markdown]
# A clip of this size takes seconds. So the slider shows a coarse scale of the same clip while it moves, and the finest
# when it rests.

# %% tags=["nbval-ignore-output"]
pond_view = seed_view(large)
pond_view

# %% tags=["nbval-ignore-output"]
_, picture, _ = pond_view.children
finest = picture.value
with moved(pond_view, seed=5):
    coarse = picture.value
    pond_view.wait(60)
    print(f"while it moves: {len(coarse) / 1000:.0f} kB, when it rests: {len(picture.value) / 1000:.0f} kB")
    assert len(coarse) < len(finest) / 2 < len(picture.value)

# %% [markdown]
# ## How different are they?
#
# *Diversity* asks how much each pixel varies from sample to sample (its standard deviation), averages that over all pixels,
# and divides by how much the clip itself varies from pixel to pixel. Copies of one clip score 0.
#
# ### Exercise 2: diversity
#
# Take the mean over the three colours as a pixel's brightness. `x.std(dim=0)` is the standard deviation along the first
# axis, `x.std()` that of all numbers.


# %% tags=["exercise"]
def diversity(samples, clip):
    """How much samples 'b c t h w' differ, relative to the contrast of the clip 'c t h w'."""
    # hint: three steps. The mean over colours: `dim=1` of the samples, `dim=0` of the clip. What a pixel does from
    # sample to sample is one standard deviation for each place; average these. Then divide by the clip's own.
    # solution
    grey, real = samples.mean(dim=1), clip.mean(dim=0)
    return grey.std(dim=0).mean() / real.std()
    # end


# %%
check.diversity(diversity)

# %% [markdown]
# The library's `hp.metrics.diversity` measures brightness as the eye sees it (the L of CIELAB, as the paper does). *Noise has
# nothing to do with the clip at all. Will it score more than the samples, or less?*

# %% tags=["nbval-ignore-output"]
copies = hp.metrics.diversity(samples[:1].repeat(4, 1, 1, 1, 1), clip)
many = model.sample(20, seed=0)
samples_differ = hp.metrics.diversity(many, real)
noise_differs = hp.metrics.diversity(torch.rand(20, *real.shape) * 2 - 1, real)
print(f"copies {copies:.2f}, samples {samples_differ:.2f}, noise {noise_differs:.2f}")
assert 0 == copies < samples_differ < noise_differs

# %% [markdown]
# So the number says nothing about quality: pure noise is very diverse. Does it matter how brightness is measured? Hardly:

# %% tags=["nbval-ignore-output"]
plain = many.mean(dim=1).std(dim=0, correction=0).mean() / real.mean(dim=0).std(correction=0)
print(f"diversity of the plain mean of colours {plain:.3f}, of lightness {samples_differ:.3f}")
assert abs(plain / samples_differ - 1) < 0.05

# %% [markdown]
# ## Wider than it was filmed
#
# The networks are convolutions: they never learned how wide the world is. Ask for another size.

# %%
wide = model.sample(1, seed=3, size=(13, 36, 160))
print(tuple(wide.shape))
title = "more than twice as wide as the training clip"
show.show_videos(
    list(wide), model.fps, [title], "A wide square with some ten dark figures, some of them broken up.", width=640
)

# %% [markdown]
# ## What we found

# %% tags=["nbval-ignore-output"]
print(f"diversity: copies {copies:.2f}, 20 samples {samples_differ:.2f}, noise {noise_differs:.2f}")

# %% [markdown]
# - One clip is enough to train on, because it holds thousands of patches.
# - The samples differ from the clip and from each other, and stay of that place.
# - Where it fails: look closely and you will find walkers that dissolve or merge. The metrics lesson comes back to this.
#
# ## Questions
#
# 1. Why does the coarsest scale decide how many people there are, and not the finest?
#    Answer: There a patch covers a good part of the frame, so it can place people. Every finer scale is given the clip from below,
#    enlarged, and adds what is missing; its patches show a sleeve or a shadow, not a square with people on it.
# 2. Which of the two, VAE or GAN scale, would you give more scales if you wanted more variety?
#    Answer: VAE scales: they are the ones that vary. The price is sharpness, since fewer scales are left to add it. Lesson 9
#    measures both.
# 3. Why must copies of one clip have diversity 0?
#    Answer: Each pixel has the same brightness in all of them, so its standard deviation from sample to sample is 0, and so is the
#    average over all pixels.
#
# ## References
#
# - S. Gur, S. Benaim, L. Wolf: *Hierarchical Patch VAE-GAN: Generating Diverse Videos from a Single Sample*. NeurIPS 2020.
# - T. R. Shaham, T. Dekel, T. Michaeli: *SinGAN: Learning a Generative Model from a Single Natural Image*. ICCV 2019.
