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
# # 4. The space-time pyramid
#
# **You will be able to** choose sizes and frame rates for every scale; say why a training slice has LCM(Ω) + 1 frames;
# write the upsampling ↑ and tell what goes wrong when its corners are not aligned.
#
# **You need** lessons 1 to 3: patches, the receptive field r, and the patch-VAE.
#
# **It takes** 25 minutes to read; all cells together run in about 15 seconds on a laptop. Nothing is trained, so a GPU
# changes nothing.
#
# Lesson 3 trained a model of *one* small version of a clip. Here we build the other versions, from coarse to fine
# (section 3.2 of the paper). Two questions: how many **pixels** at each scale, and how many **frames**?

# %%
import math

import torch
import torch.nn.functional as F
from einops import rearrange

import hpvae_nb as hp
from hpvae_nb.lab.live import moved
from hpvae_nb.lab.render import described
from hpvae_nb.lessons.l04_space_time_pyramid import experiment, figures

walkers, balloons = hp.load_clip("pedestrians", frames=25), hp.load_clip("balloons", frames=13)
config = hp.preset("paper", scales=7, fine_size=144)
print(tuple(walkers.video.shape), tuple(balloons.video.shape), "channel, time, height, width")

# %% [markdown]
# `config` is the paper's recipe, cut to our clips: they are 144 pixels high where the paper's are 256, so seven scales
# do where the paper has ten.
#
# ## Why scales at all
#
# A network with five 3x3x3 convolutions sees r = 11 pixels at a time (lesson 2). It sees 11 pixels at *every* scale.
#
# *Before you run the next cell: at which scale does an 11-pixel patch hold a whole balloon, and at which only a bit of
# its stripes?*

# %%
described(
    figures.patch_reach(config, balloons, field=11, scales=(0, 2, 4, 6)),
    "The balloon clip at four scales with an 11 pixel square: it covers a balloon at scale 0, one stripe at scale 6",
)

# %%
for n in (0, 2, 4, 6):
    _, height, width = hp.scale_shapes(config, balloons)[n]
    print(f"scale {n}: a patch covers {11 * 11 / (height * width):.1%} of the frame")

# %% [markdown]
# At scale 0 the patch is a scene: a balloon and the sky it hangs in. At scale 6 it is texture. So the same small network
# decides *what is where* at the coarse scales and *what it is made of* at the fine ones. (Colours of scale names: blue
# for VAE scales, pink for GAN scales, in all lessons.)
#
# ## Pixels: a fixed step, with a cap
#
# The paper starts at height 32, multiplies by 1.33 from scale to scale, and stops at 256 (appendix A.1).
#
# *Ten scales: does the height reach 256 at the last one, or before?*

# %%
paper, released = hp.preset("paper"), hp.preset("released")
heights = [min(round(32 * 1.33**n), 256) for n in range(10)]
print(heights)
assert heights == [hp.pyramid.side_length(paper, n) for n in range(10)]

# %% [markdown]
# Before: scales 8 and 9 have the same height. They differ in time alone, as we shall see.
#
# The released code does it the other way round. It fixes both *ends* and spaces the scales evenly between them: from 32
# to 256 in nine steps makes each step 8 to the power 1/9, which is 1.26. And it counts **width** where the paper counts
# height.

# %%
widths = [hp.pyramid.side_length(released, n) for n in range(10)]
print(widths)
print("the step:", round((256 / 32) ** (1 / 9), 2))

# %% [markdown]
# 33 where 32 was asked for? The released code rounds up, and `256 * (1/8)**(9/9)` computed in floating point is a hair
# above 32. Harmless; but load weights trained with that code, and every size must be the very same. So our `released`
# preset repeats its order of operations.
#
# ## Frames: which ones to keep
#
# Coarse in space should go with slow in time: where a walker is five pixels wide, one frame hardly differs from the
# next. So scale 0 keeps every 4th frame, and the finest keeps all: sampling rates Ω = {4, 3, 2, 1}.
#
# *Take a slice of 12 frames, numbers 0 to 11. Which is the last frame that each rate keeps?*

# %%
for rate in (4, 3, 2, 1):
    print(f"every {rate}:", list(range(0, 12, rate)))

# %%
described(
    figures.kept_frames(walkers, (4, 3, 2, 1), frames=12),
    "Frames kept of twelve by rates 4, 3, 2, 1: the rows end at frames 8, 9, 10 and 11; only rate 1 keeps the last",
)

# %% [markdown]
# Each rate ends somewhere else. Scale 0 would learn a story that ends at frame 8, and the scale above it would have to
# invent how it goes on. We want a length at which *every* rate keeps both the first and the last frame.
#
# ## Exercise 1: the shortest slice
#
# Given the rates, return the smallest number of frames, more than one, such that every rate keeps the last frame.


# %% tags=["exercise"]
def slice_length(rates):
    """Frames in the shortest slice whose ends every rate keeps; rates is a tuple such as (4, 3, 2, 1)."""
    # hint: a rate keeps the last frame when it divides the number of *gaps* between frames. Which is the smallest number that all
    # rates divide? The module `math` knows it. And how many frames have so many gaps?
    # solution
    return math.lcm(*rates) + 1
    # end


# %%
from hpvae_nb.lessons.l04_space_time_pyramid import checks as check

check.slice_length(slice_length)

# %% [markdown]
# With the answer, 13 frames for the paper's rates, the columns close. This is the paper's Figure 4.

# %%
print(config.frames, "frames:", math.lcm(4, 3, 2, 1), "+ 1")
described(
    figures.kept_frames(walkers, (4, 3, 2, 1), frames=13),
    "Frames kept of thirteen by rates 4, 3, 2, 1: all four rows have frames 0 and 12; they hold 4, 5, 7, 13 frames",
)

# %% [markdown]
# Why 12 + 1 and not 12? Because what counts are the *gaps*. 12 gaps divide evenly by 4, 3, 2 and 1; the frames are the
# fence posts, one more than gaps. So T = 12 / ω + 1 frames at rate ω.
#
# Move the slider: which lengths beside 13 close all the columns? Which rates ask for the shortest slice?

# %% tags=["nbval-ignore-output"]
from hpvae_nb.lessons.l04_space_time_pyramid.views import kept_frames_view

view = kept_frames_view(walkers)
view

# %%
rates, frames, picture, words = view.children
with moved(view):  # back to what was shown first
    for frames.value in (12, 13, 14, 25):
        print(words.value.split(" The ")[0])
    rates.value = (2, 1)
    print(words.value)

# %% [markdown]
# ## Exercise 2: which scale gets which rate
#
# Ten scales, four rates. The paper: scale 0 has the highest rate, scale N the lowest, "linearly indexing between the
# possible values of Ω". That is: let the index into Ω grow linearly with n, from 0 at scale 0 to its last value at
# scale N, and round it down.


# %% tags=["exercise"]
def rate_of(scale, scales, rates):
    """The sampling rate at `scale` (0 .. scales - 1); rates is a tuple from highest to lowest, as (4, 3, 2, 1)."""
    # hint: the last scale is number `scales - 1`, the last index `len(rates) - 1`. Which share of the way from first to last has
    # `scale` made? `//` divides and rounds down.
    # solution
    return rates[scale * (len(rates) - 1) // (scales - 1)]
    # end


# %%
check.rate_of(rate_of)

# %% [markdown]
# ## The two schedules, side by side
#
# Here is everything for a wide clip (144 rows for 256 columns), by the paper's rules and by those of its released code.
#
# *Rounding down has a price. How many of the ten scales will see all 13 frames?*

# %%
by_paper, by_code = (hp.pyramid.planned_shapes(recipe, 144 / 256) for recipe in (paper, released))
print("scale      rate   paper: T, H, W    released: T, H, W")
for n, (ours, theirs) in enumerate(zip(by_paper, by_code, strict=True)):
    kind = "VAE" if paper.is_vae(n) else "GAN"
    print(f"{n}  {kind:5} {hp.pyramid.sampling_rate(paper, n):6}   {ours!s:16}  {theirs}")

# %%
described(
    figures.schedules({"paper": paper, "released": released}, 144 / 256),
    "Height, frames (the same in both) and sites per scale: the paper's heights reach 256 at scale 8; frames are 4, 4, 4, 5, 5, 5, 7, 7, 7, 13",
)

# %%
largest, smallest = math.prod(by_paper[9]), math.prod(by_paper[0])
print("sites at scale 9 for each at scale 0:", largest // smallest)
print("sites in the paper's schedule for each in the released one:", round(largest / math.prod(by_code[9]), 1))
assert math.prod(by_code[9]) < largest / 3

# %% [markdown]
# Only one: the last. (Both recipes have the same T, so their lines coincide.) And look at the blue dots. With three VAE levels the VAE scales *all* have T = 4: the variety of the
# samples, who walks where, is decided on four frames. Every frame between them is made by GAN scales.
#
# The jumps in T are where the work is, as you will see below: at scales 3, 6 and 9 there are suddenly frames that no
# scale has drawn before.
#
# ## The clip at a scale
#
# Resize every frame, keep every ω-th. In the open, for scale 2 of our own seven:

# %%
T, H, W = hp.scale_shapes(config, balloons)[2]
frames_first = rearrange(balloons.video, "c t h w -> t c h w")
small = F.interpolate(frames_first, size=(H, W), mode="bilinear", align_corners=False)
x2 = rearrange(small, "t c h w -> 1 c t h w")[:, :, :: hp.pyramid.sampling_rate(config, 2)]
torch.testing.assert_close(x2, hp.pyramid.real_samples(config, balloons, 2, (T, H, W)))
print(tuple(x2.shape), "batch, channel, time, height, width")

# %% [markdown]
# Space is *interpolated*, time is *sub-sampled*: frames in between are thrown away. Why not average them?
#
# *What would the mean of four frames of people walking look like?*

# %%
described(
    figures.kept_or_averaged(walkers, rate=4, at=8),
    "Left one frame with three sharp walkers; right the mean of four frames, where each walker is a grey smear",
)

# %% [markdown]
# Ghosts. The paper: sub-sampled frames "are less subjected to motion blur or pixel interpolation". Every kept frame is a
# real picture. But ghosts come back in the next section, through another door.
#
# ## Back up: the arrow ↑
#
# Equation (6), x̄ⁿ = ↑x̄ⁿ⁻¹ + Gⁿ(↑x̄ⁿ⁻¹), needs the scale below at the size of scale n. ↑ is trilinear interpolation:
# linear along width, height and time. Time is the interesting one.
#
# ## Exercise 3: stretch time
#
# Four frames lie at moments 0, 4, 8, 12. You want 13. Frame i of the new clip lies at `i * (t - 1) / (frames - 1)` on the
# old clip's axis, mostly between two frames: mix these two, each weighing more the closer it is. First and last frame stay
# as they are.


# %% tags=["exercise"]
def stretch(video, frames):
    """'c t h w' to 'c frames h w' by linear interpolation in time; both ends stay in place."""
    # hint: `torch.linspace(0, t - 1, frames)` gives the place of every new frame on the old axis. Its whole part is the frame on
    # the left, the rest how much the right one weighs. The last frame has no right neighbour: see that you ask for none.
    # solution
    t = video.shape[1]
    place = torch.linspace(0, t - 1, frames)
    left = place.floor().long().clamp(max=t - 2)
    right_weight = rearrange(place - left, "t -> t 1 1")
    return (1 - right_weight) * video[:, left] + right_weight * video[:, left + 1]
    # end


# %%
check.stretch(stretch)

# %% [markdown]
# PyTorch does the same, along all three axes at once, when asked for `align_corners=True`. The library's ↑ is no more
# than that:

# %%
shape = hp.scale_shapes(config, balloons)[4]
up = F.interpolate(x2, size=shape, mode="trilinear", align_corners=True)
torch.testing.assert_close(up, hp.resampling.upsample(x2, shape))
print(tuple(x2.shape), "->", tuple(up.shape))
first = hp.resampling.upsample(x2, (7, H, W))[:, :, 0]
print("largest change of the first frame:", (first - x2[:, :, 0]).abs().max().item())

# %% [markdown]
# To see what interpolation mixes, feed it the four "frames" of a unit matrix and ask for five, the step from rate 4 to
# rate 3. Row i then lists what frame i is made of.
#
# *Frame 1 lies at moment 3, between the kept moments 0 and 4. How much of each?*

# %%
units = rearrange(torch.eye(4), "kept t -> 1 kept t 1 1")
mixture = rearrange(hp.resampling.upsample(units, (5, 1, 1)), "1 kept t 1 1 -> t kept")
print(mixture)

# %% [markdown]
# A quarter of the frame at moment 0 and three quarters of that at 4; the frame in the middle is half and half. Here are
# the ghosts again: a walker who moved in the meantime is seen twice, half transparent. The generator of that scale gets
# the ghosts as its input, and must make walkers of them.
#
# Left its input ↑x, in the middle what it should become, right the difference: what Gⁿ has to add.

# %%
thirteen = hp.load_clip("pedestrians", frames=13)
described(
    figures.what_is_missing(config, thirteen, scale=2, moment=6),
    "Upsampled frame with every walker double and transparent, the real frame, and their difference: walkers and anti-walkers",
)

# %% [markdown]
# Move to other scales. At scales 1, 3 and 5 nothing happens in time and only edges are missing. At 2, 4 and 6 new frames
# appear, and between kept moments whole walkers are missing.

# %% tags=["nbval-ignore-output"]
from hpvae_nb.lessons.l04_space_time_pyramid.views import what_is_missing_view

missing_view = what_is_missing_view(config, thirteen)
missing_view

# %%
*_, picture, words = missing_view.children
before = picture.value
with moved(missing_view, scale=3, moment=12):
    print(words.value)
    assert picture.value != before, "another frame must give another picture"

# %% [markdown]
# The same over all frames, as root mean square:


# %%
def missing(clip, n):
    below, real = (hp.pyramid.real_samples(config, clip, k, hp.scale_shapes(config, clip)[k]) for k in (n - 1, n))
    return (real - hp.resampling.upsample(below, tuple(real.shape[2:]))).square().mean().sqrt().item()


new_frames = [missing(thirteen, n) for n in (2, 4, 6)]
same_frames = [missing(thirteen, n) for n in (1, 3, 5)]

# %% tags=["nbval-ignore-output"]
print("walkers, new frames: ", [round(value, 2) for value in new_frames])
print("walkers, same frames:", [round(value, 2) for value in same_frames])
print("balloons, all scales:", [round(missing(balloons, n), 2) for n in range(1, 7)])
assert min(new_frames) > 1.5 * max(same_frames)

# %% [markdown]
# The balloons drift by two or three pixels from kept frame to kept frame, and new frames cost little. The walkers move by
# about their own width. A clip suits this pyramid when its things move less than their size between two kept frames;
# otherwise choose smaller rates.
#
# ## Without aligned corners
#
# `align_corners=False` is PyTorch's default, and right for photographs: it treats a pixel as a little square, and leaves
# half a pixel at each border. In time that means: half a frame before the first, half a frame after the last.
#
# *Take moments 0, 4, 8, 12 as "frames" and stretch them to 13. Aligned, frame i shows moment i. And if not?*

# %%
for aligned in (True, False):
    moments = experiment.shown_times(4, 13, aligned=aligned)
    print(f"aligned: {aligned!s:6}", [round(moment, 1) for moment in moments.tolist()])

# %%
described(
    figures.alignment(4, 13),
    "Without aligned corners the first two and the last two frames stand still, and time runs 23 percent too fast between",
)

# %% [markdown]
# The end frames survive, because PyTorch repeats the border. But the motion breaks: the clip stands still for two frames
# at each end and runs too fast in between. A walker would stop, hurry, stop. And the frames that scale 0 *had*, at
# moments 4 and 8, are not there any more: a GAN scale could not even copy them.

# %%
kept = thirteen.video[None, :, ::4]
for aligned in (True, False):
    same = [
        torch.equal(
            experiment.stretched(kept, thirteen.video.shape[1:], aligned=aligned)[:, :, i], thirteen.video[None, :, i]
        )
        for i in (0, 4, 8, 12)
    ]
    print(f"aligned: {aligned!s:6} frames 0, 4, 8, 12 unchanged: {same}")

# %% [markdown]
# How much too fast? In between, time advances by 4/13 of a kept gap instead of 3/12. And it does not help to go in
# several steps: over 4 to 5 to 7 to 13 frames the factors multiply to the same.

# %%
speed = experiment.shown_times(4, 13, aligned=False).diff()[5]
assert math.isclose(speed, (4 / 13) / (3 / 12), rel_tol=1e-5)
print(f"too fast by {speed:.3f}; (4 / 13) / (3 / 12) = {(4 / 13) / (3 / 12):.3f}")
steps = [(a / b) / ((a - 1) / (b - 1)) for a, b in ((4, 5), (5, 7), (7, 13))]
print("in three steps:", round(math.prod(steps), 3))

# %% [markdown]
# ## And in space?
#
# The paper aligns corners in space too, though it shrinks frames by ordinary resizing, which does not. Is that
# consistent? Take an image whose value *is* the column number, shrink it to scale 0's 57 columns, and bring it back.

# %%
columns = torch.arange(256.0).expand(1, 1, 2, 144, 256)
small = hp.resampling.resize(columns, (32, 57))
aligned_error = (hp.resampling.upsample(small, (2, 144, 256)) - columns)[0, 0, 0, 0]
half_pixel_error = (hp.resampling.resize(small, (144, 256)) - columns)[0, 0, 0, 0]
for name, error in (("aligned", aligned_error), ("half pixel", half_pixel_error)):
    print(f"{name:10} off by", [round(error[column].item(), 1) + 0.0 for column in (0, 20, 64, 128, 192, 235, 255)])

# %% [markdown]
# It is not, quite. With aligned corners everything is pushed a little outwards, by up to 1.7 of 256 pixels near the
# sides; half-pixel interpolation brings the inside back exactly. So aligning is what *time* needs, because sub-sampling
# keeps end frames, and a slight mismatch in *space*. It costs little: each scale's generator is trained with ↑ as it
# is, and can learn to undo the shift.
#
# ## Design your own
#
# Every choice of this lesson is a field of the configuration. Here for a slow clip, with a longer stride at scale 0.
#
# *The same 13 frames, but rates 6, 4, 2, 1. How many frames at scale 0?*

# %%
slow = hp.preset("laptop", scales=6, coarse_size=16, fine_size=96, sampling_rates=(6, 4, 2, 1))
print("frames needed:", slow.frames)
print(hp.scale_shapes(slow, balloons))

# %% [markdown]
# What the pyramid cannot do, it says before anything is trained. *How many frames do rates 5, 2, 1 need? And 5, 4, 3?*

# %%
for rates in ((5, 2, 1), (5, 4, 3, 1), (5, 4, 3)):
    try:
        print(rates, "need", hp.preset("laptop", sampling_rates=rates).frames, "frames")
        hp.scale_shapes(hp.preset("laptop", sampling_rates=rates), walkers)
    except hp.InputError as error:
        print(error)

# %% [markdown]
# ## What we found
#
# - The same r = 11 patch covers 6.6 % of the frame at scale 0 and 0.3 % at scale 6: one network size, from scenes to texture.
# - All rates of Ω keep both ends when the slice has LCM(Ω) + 1 frames: 13 for {4, 3, 2, 1}, with T = 4, 5, 7, 13.
# - In both schedules only the last of ten scales sees all 13 frames, and the VAE scales decide everything on 4.
# - Where T grows, ↑ makes ghosts. For the walkers such scales leave at least one and a half times as much to the generator
#   as the others (measured above); for slowly drifting balloons they do not.
# - Without aligned corners time stands still at the ends and runs 23 % too fast between, in one step or in many.
# - In space aligned corners shift things outwards by up to 1.7 of 256 pixels. The generators have to undo that.
#
# ## Questions
#
# 1. Your clip has 9 frames. Which sets of rates can you use?
#    Answer: Those whose least common multiple is at most 8: (2, 1), which needs 3 frames, (4, 2, 1) with 5, (3, 2, 1) with 7, or
#    (8, 4, 2, 1), which uses all 9. The paper's rates need 13.
# 2. Scales 8 and 9 of the paper's schedule have the same height. What is left for G⁹ to do?
#    Answer: Time. From 7 to 13 frames, every second frame is new, and ↑ fills it with ghosts. G⁹ has to make people of them.
# 3. Would you rather have a VAE scale at T = 13? What would it cost, and what might it gain?
#    Answer: It might gain variety of motion: who turns and who stops would be drawn, and not interpolated. It costs more than three times
#    the sites of T = 4. And a VAE draws the mean of what might be, here of places in time as well: blur where things move.
# 4. A clip loops: its last frame is its first. What would you change about ↑?
#    Answer: Leave out the repeated frame and interpolate in a circle: the neighbour to the right of the last frame is the first. T frames
#    then have T gaps, and the networks' padding in time should go round as well.
#
# ## References
#
# - S. Gur, S. Benaim, L. Wolf: *Hierarchical Patch VAE-GAN: Generating Diverse Videos from a Single Sample*. NeurIPS 2020,
#   section 3.2, Figure 4 and appendix A.1.
# - T. R. Shaham, T. Dekel, T. Michaeli: *SinGAN: Learning a Generative Model from a Single Natural Image*. ICCV 2019. The
#   image pyramid this one grew from.
