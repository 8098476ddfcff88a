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
# # 1. One clip, thousands of patches
#
# **You will be able to** see a video as $K = T \cdot H \cdot W$ overlapping patches; cut, shuffle and put it back with
# einops; and explain why one clip is a data set.
#
# **You need** a little Python, and to know what a tensor is. Notebook 0 is a good start.
#
# **It takes** half an hour to read and to solve; all cells together run in about ten seconds on a CPU, with or without
# a GPU.
#
# A network that learns from examples wants many of them. We have a single clip. This lesson shows where the many
# examples hide.

# %%
import torch
import torch.nn.functional as F
from einops import rearrange, reduce, repeat

import hpvae_nb as hp
from hpvae_nb.core import patches
from hpvae_nb.lab import show
from hpvae_nb.lab.live import moved
from hpvae_nb.lab.render import described
from hpvae_nb.lessons.l01_patches import checks as check
from hpvae_nb.lessons.l01_patches import experiment, figures

# %% [markdown]
# ## A clip is a block of numbers
#
# Seven balloons drift over a sky. We take twelve frames, 64 pixels wide.
#
# *Predict the shape before you run the cell: the clip was filmed in colour, at 256 x 144 pixels.*

# %%
video = hp.load_clip("balloons", frames=12, size=64).video
print(tuple(video.shape), "channel, time, height, width: c t h w")

# %%
sheet = show.contact_sheet([("balloons", video)], frames=3)
described(sheet, "Three frames of a clip: seven balloons of different colours drift slowly over a blue sky.")

# %% [markdown]
# ## Cutting
#
# We cut the block into cubes of 4 x 4 x 4: four frames, four rows, four columns. In einops, `(t a)` on the left reads
# an axis as a long count, `t` cubes of `a` frames each. On the right we write the axes in the order we want.
#
# *How many cubes will there be? Which shape has each?*

# %%
tiles = rearrange(video, "c (t a) (h b) (w d) -> (t h w) c a b d", a=4, b=4, d=4)
print(tuple(tiles.shape))

# %% [markdown]
# $3 \cdot 9 \cdot 16 = 432$ cubes of 3 x 4 x 4 x 4 numbers. The package has the same line under the name `cut`; from
# here on we use that one.

# %%
torch.testing.assert_close(tiles, patches.cut(video, 4))

# %% [markdown]
# Now the picture. On the left the tiles of one frame, drawn a little apart. On the right all 432 cubes were shuffled,
# in space and in time, and put down again.

# %%
described(
    figures.tiles_figure(video, 4),
    "Left: a frame of the balloons cut into 9 by 16 square tiles. Right: the tiles in random order; sky, bits of "
    "balloon and cloud everywhere, no balloon whole.",
)

# %% [markdown]
# Colours and textures are all still there, and in the right amounts. What is lost is how the pieces fit together.
#
# ### Exercise 1: put it back
#
# Write the inverse of `cut`. The tiles come as `(t h w) c a b d`, and you are told `t`, `h` and `w`.


# %% tags=["exercise"]
def put_back(tiles, t, h, w):
    """From tiles '(t h w) c a b d' to the clip 'c (t a) (h b) (w d)'."""
    # hint: one `rearrange`, with the two patterns of the line that cut, swapped. It cannot guess how many tiles there are
    # along each axis: give it `t`, `h` and `w` by name.
    # solution
    return rearrange(tiles, "(t h w) c a b d -> c (t a) (h b) (w d)", t=t, h=h, w=w)
    # end


# %%
check.put_back(put_back)

# %% [markdown]
# Cutting and putting back loses nothing, and neither does shuffling if we remember the order.

# %%
order = torch.randperm(len(tiles), generator=torch.Generator().manual_seed(0))
mixed = patches.put_back(tiles[order], 3, 9, 16)
again = patches.put_back(patches.cut(mixed, 4)[order.argsort()], 3, 9, 16)
print("largest difference from the clip, shuffled:", round((mixed - video).abs().max().item(), 1))
print("largest difference from the clip, put back:", (again - video).abs().max().item())

# %% [markdown]
# ## Large pieces, small pieces
#
# A shuffled clip is a *new* clip, made of nothing but real pieces. Is it a good one? That depends on the size of the
# pieces. *From which size on would you recognise a balloon? And from which size on is the result no longer new?*

# %%
from hpvae_nb.lessons.l01_patches.views import shuffle_picture, shuffle_view

picture, sentence = shuffle_picture(video, 8)
described(picture, sentence)

# %% tags=["nbval-ignore-output"]
view = shuffle_view(video)
view

# %%
_, picture, sentence = view.children
before = picture.value
with moved(view, size=12):  # and back again
    assert picture.value != before, "larger tiles must give another picture"
    print(sentence.value)

# %% [markdown]
# With tiles of one pixel only the colours survive. With tiles of twelve you see whole balloons, but you have seen each of
# them before, in front of the same bit of sky. And at every size there are *seams*: neighbours that do not belong together.
#
# A model has to do two things that shuffling cannot: choose pieces anew, and choose them so that neighbours agree.
# For that it must look at patches that *overlap*.

# %% [markdown]
# ## Overlapping patches
#
# `unfold` slides a window along one axis. Three of them slide a cube through the clip. We try it on a corner of the clip,
# of 4 frames of 8 x 8 pixels, with cubes of 3.
#
# *How many places are there for the cube along time? Along height?*

# %%
corner = video[:, :4, 8:16, 8:16]
windows = corner.unfold(1, 3, 1).unfold(2, 3, 1).unfold(3, 3, 1)
print(tuple(windows.shape), "c t h w a b d")

# %%
overlapping = rearrange(windows, "c t h w a b d -> (t h w) c a b d")
torch.testing.assert_close(overlapping, patches.overlapping(corner, 3))
print(len(overlapping), "overlapping patches, but only", patches.cut(corner[:, :3, :6, :6], 3).shape[0], "tiles")

# %% [markdown]
# Five neighbours in a row, to see what overlapping means: each patch is the last one, moved by one pixel.

# %%
row = patches.overlapping(video[:, :9, 8:17, 9:22], 9)[:, :, 4]  # 'k c b d': the middle frame of each
described(
    show.grid([("", row)], [f"column {9 + k}" for k in range(5)], width=1.5),
    "Five patches cut from the red balloon, each moved by one column to the right of the one before.",
)

# %% [markdown]
# ### Exercise 2: how many?
#
# Write down how many cubes of side `size` lie wholly inside a clip of `t` frames of `h` x `w` pixels.


# %% tags=["exercise"]
def count(t, h, w, size):
    """How many places there are for a cube of `size` inside 't h w'."""
    # hint: begin with one axis and small numbers: where can a piece of 2 begin in a row of 3? The three axes do not know of
    # each other, so their counts multiply.
    # solution
    return (t - size + 1) * (h - size + 1) * (w - size + 1)
    # end


# %%
check.count(count)

# %% [markdown]
# ## K patches: one for every pixel
#
# At the border a few places get lost. The networks of this method avoid that: they put zeros around the clip, so that every
# pixel is the centre of one patch. The paper writes $K = T \cdot H \cdot W$ for their number.
#
# *The cubes have side 3. How many zeros must go around each side?*

# %%
padded = F.pad(corner, (1, 1, 1, 1, 1, 1))  # left and right, top and bottom, before and after
every = patches.overlapping(padded, 3)
print("K =", len(every), "=", " * ".join(map(str, corner.shape[1:])))

# %% [markdown]
# And putting back? Every pixel now lies in up to 27 patches. It is enough to ask each patch for its centre. But a model that
# *makes* patches must see to it that all 27 say the same, and that is what holds a new clip together.

# %%
t, h, w = corner.shape[1:]
centres = rearrange(every[:, :, 1, 1, 1], "(t h w) c -> c t h w", t=t, h=h, w=w)
print("largest difference between centres and clip:", (centres - corner).abs().max().item())

# %%
presence = patches.overlapping(F.pad(torch.ones(1, t, h, w), (1,) * 6), 3)
shared = reduce(presence, "k 1 a b d -> k", "sum")
print("patches that share a pixel: from", int(shared.min()), "in a corner to", int(shared.max()), "inside")

# %% [markdown]
# ## One clip is a data set
#
# Thousands of patches help only if they have something to teach: if the same *kind* of patch comes again, a little different
# each time. Does it? To find out we need a distance.
#
# ### Exercise 3: how far is every place from a given patch?
#
# For each place of the clip, average the squared difference between what is there and the patch `c a b d`.


# %% tags=["exercise"]
def distance_map(video, patch):
    """Mean squared difference to `patch` ('c a b d') at each place of `video` ('c t h w'): a map 't h w'."""
    a, b, d = patch.shape[1:]
    # hint: `unfold` three times, as above, with a, b and d for the sizes. Bring the axes of the place to the front; then
    # the patch can be subtracted from all places at once. `reduce(..., "mean")` averages over what is no place.
    # solution
    windows = video.unfold(1, a, 1).unfold(2, b, 1).unfold(3, d, 1)
    difference = rearrange(windows, "c t h w a b d -> t h w c a b d") - patch
    return reduce(difference**2, "t h w c a b d -> t h w", "mean")
    # end


# %%
check.distance_map(distance_map)

# %% [markdown]
# The package does the same without copying a single patch. It writes $(x - p)^2 = x^2 - 2xp + p^2$; the term in the middle
# is a convolution, with the patch as its kernel.
#
# We turn to a clip that was really filmed, and take a patch of 11 x 11 pixels in one frame: legs in mid-stride.

# %%
street = hp.load_clip("pedestrians", size=128).video
legs = patches.patch_at(street, (0, 29, 73), 11)
windows = street.unfold(2, 11, 1).unfold(3, 11, 1)
plain = reduce((windows - repeat(legs, "c b d -> c 1 1 1 b d")) ** 2, "c t h w b d -> t h w", "mean")
torch.testing.assert_close(plain, patches.distance_maps(street, legs[None])[0], atol=1e-5, rtol=0)

# %% [markdown]
# Where does it come again? We look in the same frame (without overlap), in the other frames, and in a copy of the clip at
# three quarters of its size. *Which of the three will be nearest?*

# %%
from hpvae_nb.lessons.l01_patches.views import find_picture, find_view

picture, sentence = find_picture(street, frame=0, row=34, column=78, size=11)
described(
    picture, "A patch at a walker's legs, and a map of differences that is darkest along the same walker. " + sentence
)

# %% [markdown]
# The map is darkest along the edges of the same walker, and somewhat dark along the other two. The nearest patch of all is
# in the next frame: the same legs, a tenth of a second later.
#
# Now choose your own. Try the plain ground, the chalk line, a head. *Which patches come again nearly unchanged? Which hardly
# at all?*

# %% tags=["nbval-ignore-output"]
view = find_view(street)
view

# %%
*_, picture, sentence = view.children
before = picture.value
with moved(view, row=60, column=100):
    assert picture.value != before, "another place must give another picture"

# %% [markdown]
# ## Was that luck?
#
# One patch proves nothing. We draw 200 at random, from the half of all patches that varies most (plain ground would be too
# easy), and look for the nearest of each. Two more places to look serve for comparison: another clip, and this clip with all its
# pixels shuffled, so that the colours are right and nothing else is.

# %%
other = hp.load_clip("bunny", size=128).video
found = experiment.recurrence(street, other, size=7)
described(
    figures.recurrence_figure(found),
    "Rising curves, from left to right: another frame, a smaller copy, the same frame, another clip, shuffled pixels.",
)

# %% [markdown]
# The further left a curve, the nearer the neighbours. The clip's own patches are better examples for it than those of another
# clip, of the same size and number. That is what Zontak and Irani found for photographs.

# %% tags=["nbval-ignore-output"]
middle = {name: values.median().item() for name, values in found.items()}
own = [middle[f"in {place}"] for place in ("another frame", "a smaller copy", "this frame")]
for name, distance in sorted(middle.items(), key=lambda item: item[1]):
    print(f"{name:20} {distance:.3f}")
assert own == sorted(own)
assert own[-1] < middle["in another clip"] < middle["in shuffled pixels"]

# %% [markdown]
# Two cautions. The other clip differs in its colours too, so not all of the distance is structure. And the camera stands
# still: in another frame, the same piece of ground is in the same place.

# %% [markdown]
# ## The same patch at several scales
#
# In a smaller copy of the clip, a patch of 11 pixels covers more of the scene. So the same network, with the same number of
# weights, can learn at the coarse scales how people stand in a street, and at the fine scales how a sleeve is lit.
#
# *At scale 0 the clip of the `laptop` preset is 24 x 14 pixels. How much of it does the box cover?*

# %%
laptop, clip = hp.preset("laptop"), hp.load_clip("pedestrians")
shapes = hp.scale_shapes(laptop, clip)
copies = [hp.pyramid.real_samples(laptop, clip, n, shapes[n])[0] for n in (0, 2, 4, 6)]
described(
    figures.scales_figure(copies, 11),
    "The clip at four sizes from 24 x 14 to 64 x 36 pixels, each with a box of 11 pixels: it covers most of the "
    "height of the smallest, a single walker's legs in the largest.",
)

# %%
for n, (t, h, w) in enumerate(shapes):
    print(f"scale {n}: {t:2} x {h:2} x {w:2}   K = {t * h * w:6} patches")

# %% [markdown]
# At scale 0 one patch sees a good third of the frame, and there are few of them, much alike. At the finest scale there are
# some twenty times as many, and each shows a detail. This is the *hierarchy* of Hierarchical Patch VAE-GAN.

# %% [markdown]
# ## What we found

# %% tags=["nbval-ignore-output"]
for name, value in sorted(middle.items(), key=lambda item: item[1]):
    print(f"{value:5.1f} % of the range to the nearest patch {name} (middle of 200 patches of 7 x 7 px)")

# %% [markdown]
# - A clip of $T \cdot H \cdot W$ pixels is as many overlapping patches: 29952 at the finest scale of the `laptop` preset.
# - Cutting and putting back is one line of einops each. Shuffled tiles keep the texture and lose what holds it together.
# - Patches come again: in space, in time and across scales, nearer than in another clip. That is what a model can learn from.
# - Where it fails: what occurs once and looks like nothing else has no second example. A model of patches can only copy it.
#
# ## Questions
#
# 1. Why is `(t a)` right and `(a t)` wrong when a clip is put back together? What would you see?
#    Answer: The last letter runs fastest. In `(t a)` the four frames of a tile follow each other, as they did before. In `(a t)`,
#    and so for rows and columns, first pixels of all tiles come together, then all second ones: you would see four by four
#    small copies of the frame side by side.
# 2. In how many patches of side 11 does a pixel lie that is far from every border?
#    Answer: In $11^3 = 1331$: it can be at any of 11 places along each of the three axes.
# 3. Which patches of the pedestrian clip have no near neighbour in their own frame, but one in the next?
#    Answer: Those that are there once in a frame, such as a head or a certain pair of legs. A tenth of a second later they are
#    still there, little changed.
# 4. A clip shows one thing, once: a rocket lifting off. At which scales would you expect this method to struggle?
#    Answer: At the coarse ones. There a patch holds all of the rocket, and there is one example of it for each moment, to be copied.
#    At the fine scales smoke, sky and metal come again and again.
#
# ## References
#
# - S. Gur, S. Benaim, L. Wolf: *Hierarchical Patch VAE-GAN: Generating Diverse Videos from a Single Sample*. NeurIPS 2020.
#   Section 3.1 has the patches.
# - M. Zontak, M. Irani: *Internal statistics of a single natural image*. CVPR 2011.
# - D. Glasner, S. Bagon, M. Irani: *Super-resolution from a single image*. ICCV 2009: patches that recur across scales.
# - O. Shahar, A. Faktor, M. Irani: *Space-time super-resolution from a single video*. CVPR 2011: and in time.
