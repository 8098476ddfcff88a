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
# **You will be able to** load a short clip, train a model on it, and make clips that were never filmed.
#
# **You need** Python; nothing about neural networks yet.
#
# **It takes** ten minutes to read; all cells together run in about half a minute on a laptop without a GPU.
#
# The method is *Hierarchical Patch VAE-GAN* (Gur, Benaim and Wolf, 2020). It learns from **one** clip. That works
# because a clip is not one thing to learn from: it holds thousands of small patches, in space and in time, and the
# model learns how such patches look and how they fit together.

# %%
import torch

import hpvae_nb as hp
from hpvae_nb import show

print(hp.bundled_clips())

# %% [markdown]
# ## One clip
#
# A few people cross a paved square. Thirteen frames of it are all that the model will ever see.

# %%
clip = hp.load_clip("pedestrians", frames=13)
print(tuple(clip.video.shape), "channel, time, height, width")
print("values from", round(clip.video.min().item(), 1), "to", round(clip.video.max().item(), 1))

# %%
show.show_videos([clip.video], clip.fps, ["the training clip"], width=384)

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
figure = show.contact_sheet([("scale 0", coarse), ("scale 6", fine)], frames=4, colors=[show.REAL] * 2)

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

# %%
print("scale 0 learned its patches:", last[0] < first[0] / 3)
assert last[0] < first[0] / 3

# %% [markdown]
# The event carries the model, so it can be used at any time, even while it is still being trained.

# %%
tiny = event.model
rows = [("real", show.real_at_last_scale(tiny, clip)), *(("random", sample) for sample in tiny.sample(2, seed=0))]
figure = show.contact_sheet(rows, frames=5, title="after seconds of training: blotches in the right colours")

# %% [markdown]
# ## A model that had a few minutes
#
# This one is the same method with the `laptop` preset. `make demo` trains it on two CPU cores while you get a coffee;
# its weights come with the package.

# %%
model = hp.load_model("pedestrians")
samples = model.sample(4, seed=1)
print(tuple(samples.shape), "batch, channel, time, height, width")

# %%
real = show.real_at_last_scale(model, clip)
show.show_videos([real, *samples], model.fps, ["real", *(f"sample {i}" for i in range(4))])

# %%
rows = [("real", real), *((f"sample {i}", sample) for i, sample in enumerate(samples))]
figure = show.contact_sheet(rows, title="one real clip, four that were never filmed")

# %% [markdown]
# ## Turn the dice yourself
#
# Every seed is another clip. Drag the slider, or click its handle and use the arrow keys.

# %% tags=["nbval-ignore-output"]
from hpvae_nb.widgets import seed_view

view = seed_view(model)
view

# %%
slider, picture, _ = view.children
before = picture.value
slider.value = 7
print("another seed, another clip:", picture.value != before)
slider.value = 0
print("the same seed, the same clip:", picture.value == before)

# %% [markdown]
# ## How different are they?
#
# *Diversity* asks how much each pixel varies from sample to sample, compared with how much the clip itself varies from
# pixel to pixel. Copies of one clip score 0. The number says nothing about quality: pure noise is very diverse.

# %%
copies = hp.metrics.diversity(samples[:1].repeat(4, 1, 1, 1, 1), clip)
samples_differ = hp.metrics.diversity(model.sample(20, seed=0), real)
noise_differs = hp.metrics.diversity(torch.rand(20, *real.shape) * 2 - 1, real)
print("copies:", copies)
print("copies < samples < noise:", copies < samples_differ < noise_differs)

# %% [markdown]
# ## Wider than it was filmed
#
# The networks are convolutions: they never learned how wide the world is. Ask for another size.

# %%
wide = model.sample(1, seed=3, size=(13, 36, 160))
print(tuple(wide.shape))
show.show_videos(list(wide), model.fps, ["more than twice as wide as the training clip"], width=640)

# %% [markdown]
# ## What we found
#
# - One clip is enough to train on, because it holds thousands of patches.
# - The samples differ from the clip and from each other, and stay of that place.
# - Where it fails: look closely and you will find walkers that dissolve or merge. The metrics lesson comes back to this.
#
# ## Questions
#
# 1. Why does the coarsest scale decide how many people there are, and not the finest?
# 2. Which of the two, VAE or GAN scale, would you give more scales if you wanted more variety?
# 3. Why must copies of one clip have diversity 0?
#
# ## References
#
# - S. Gur, S. Benaim, L. Wolf: *Hierarchical Patch VAE-GAN: Generating Diverse Videos from a Single Sample*. NeurIPS 2020.
# - T. R. Shaham, T. Dekel, T. Michaeli: *SinGAN: Learning a Generative Model from a Single Natural Image*. ICCV 2019.
