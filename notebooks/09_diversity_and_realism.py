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
# # 9. Diversity and realism
#
# **You will be able to** say what the number of VAE levels $M$ trades for what, measure both sides, compute a Fréchet
# distance yourself, and choose an $M$ for a purpose.
#
# **You need** lesson 7 (the whole model), and what mean and covariance are.
#
# **It takes** 25 minutes to read; all cells together run in about a minute on a laptop.
#
# The lower $M$ scales are VAEs, the others GANs. Everything else stays the same, so $M$ is the one knob that makes the
# hybrid a hybrid. Here we turn it from one end to the other. Six models of each of two clips come with the package, so
# that you don't have to wait an hour for them; `make zoo` trains them anew, and `data/models` has a card for each.

# %%
import torch
from einops import rearrange, reduce

import hpvae_nb as hp
from hpvae_nb import metrics
from hpvae_nb.lab import show
from hpvae_nb.lab.live import moved
from hpvae_nb.lab.render import described
from hpvae_nb.lessons.l09_diversity_and_realism import checks as check
from hpvae_nb.lessons.l09_diversity_and_realism import experiment, figures
from hpvae_nb.metrics.diversity import lightness as lightness_of

LEVELS = (1, 2, 3, 4, 5, 7)
models = {m: hp.load_model(f"pedestrians_m{m}") for m in LEVELS}
clip = hp.load_clip("pedestrians")
real = show.real_at_last_scale(models[3], clip)
print("scales in all:", {model.scales for model in models.values()})
print("of these trained as VAE:", [model.config.vae_levels for model in models.values()])

# %% [markdown]
# ## First look, then measure
#
# *One VAE level leaves six to the GAN; seven leave it none. Which end will repeat itself? Which will be blurred?*

# %%
samples = {m: model.sample(10, seed=1) for m, model in models.items()}
rows = [("real", real)]
rows += [(f"M = {m}", samples[m][i]) for m in (1, 3, 7) for i in (0, 1)]
described(
    show.contact_sheet(rows, frames=5),
    "The real clip and two samples each for M = 1, 3 and 7. M = 1: sharp walkers with legs. M = 3: walkers in other "
    "numbers and places, less sharp. M = 7: dark blotches on ground full of ripples",
)

# %% [markdown]
# - With $M = 1$ the walkers have heads and legs. Six critics have seen to it.
# - With $M = 3$ they are in other numbers and places, and not quite as crisp.
# - With $M = 7$ no critic has ever looked. The decoder knows patches that came from the encoder; from random $z$ it makes
#   dark blotches, and ripples where plain ground should be.
#
# ## Diversity, in the open
#
# Take one pixel, the same frame and place in every sample, and ask how much its lightness varies. Average over all
# pixels, and divide by how much lightness varies within the clip, so that a pale clip is not punished.


# %% tags=["nbval-ignore-output"]
def spread(samples, real):
    lightness = torch.stack([torch.from_numpy(lightness_of(sample)) for sample in samples])
    return (lightness.std(dim=0, correction=0).mean() / lightness_of(real).std()).item()


torch.testing.assert_close(spread(samples[3], real), metrics.diversity(samples[3], real))
few, more = (spread(samples[levels], real) for levels in (1, 3))
print(f"diversity: one VAE level {few:.2f}, three {more:.2f}")
assert more > few

# %% [markdown]
# ## Realism: a distance between two piles of patches
#
# A sample looks real when its patches could have come from the clip: not the same patches in the same places, but a pile
# of patches like the pile that the clip makes. So describe each patch by a few numbers (*features*), and compare the two
# piles. The Fréchet distance compares them as if each were a normal distribution. For one feature it is
#
# $$d = (\mu_a - \mu_b)^2 + (\sigma_a - \sigma_b)^2$$
#
# and for many features, with a covariance $\Sigma$ in place of the variance (Dowson and Landau 1982),
#
# $$d = \|\mu_a - \mu_b\|^2 + \mathrm{tr}\bigl(\Sigma_a + \Sigma_b - 2\,(\Sigma_a \Sigma_b)^{1/2}\bigr).$$
#
# *With a single feature the second line must give the first. Does it?*
#
# ### Exercise 1
#
# The root is that of a matrix: the matrix which, multiplied by itself, gives the product. You need only its trace, which
# is the sum of its eigenvalues, and these are the roots of the product's; `torch.linalg.eigvals(...).real` has them.


# %% tags=["exercise"]
def frechet(mean_a, spread_a, mean_b, spread_b):
    """Fréchet distance of two normal distributions; means 'd', covariances 'd d'."""
    # hint: Three terms: the squared distance of the means; both traces; and twice the sum of the *roots* of the
    # product's eigenvalues, taken off. Rounding may leave an eigenvalue just below 0, which has no root:
    # `clamp_min(0)`.
    # solution
    eigenvalues = torch.linalg.eigvals(spread_a @ spread_b).real.clamp_min(0)
    means = (mean_a - mean_b).square().sum()
    return means + spread_a.trace() + spread_b.trace() - 2 * eigenvalues.sqrt().sum()
    # end


# %%
check.frechet(frechet)

# %% [markdown]
# Try it on the plainest features there are, the pixels of small patches: three frames, three by three pixels, in grey.


# %%
def small_patches(video):
    """Every patch 3 x 3 x 3 of a clip 'c t h w', in grey: 'k 27'."""
    grey = reduce(video, "c t h w -> t h w", "mean")
    cut = grey.unfold(0, 3, 1).unfold(1, 3, 1).unfold(2, 3, 1)
    return rearrange(cut, "t h w a b c -> (t h w) (a b c)")


real_features = small_patches(real)
print(tuple(real_features.shape), "patches, numbers in each")

# %%
noise = (
    torch.randn(real.shape, generator=torch.Generator().manual_seed(0)).mul(real.std()).add(real.mean()).clamp(-1, 1)
)
blurred = hp.resampling.upsample(real[None, :, :, ::3, ::3], real.shape[1:])[0]
shifted = real.roll((2, 4), dims=(-2, -1))
cases = {
    "the clip itself": real,
    "shifted": shifted,
    "blurred": blurred,
    "a sample, M = 3": samples[3][0],
    "noise": noise,
}
by_hand = {name: metrics.frechet_distance(small_patches(video), real_features) for name, video in cases.items()}
print("from most to least real:", *sorted(by_hand, key=by_hand.get), sep="\n  ")

# %% [markdown]
# The clip is at distance 0 from itself, and a shifted one at nearly 0: where patches lie does not count, only which there
# are. The rest is the seam that the shift has put into the picture.
#
# Yet pixels are poor features. Mean and covariance of pixels say how bright and how coarse a picture is, and no more. The
# paper asks a network instead (C3D, trained on a million sports clips, with 80 million weights). Our measure needs no
# weights: at two scales it describes each patch by how close it is to each of 32 *typical patches* of the clip. Such a
# number means nothing without the features behind it, so the two are printed together:

# %%
scores = {name: metrics.svfid(video[None], real) for name, video in cases.items()}
print(f"{scores['the clip itself']:.1f}")
ranking = sorted(scores, key=scores.get)
print(*ranking, sep=", ")

# %% [markdown]
# ## M on a slider
#
# Now both numbers for every model of both clips, on the same seeds.

# %%
measured = {"pedestrians": [experiment.measure(model, real, samples=10) for model in models.values()]}
bunny = {m: hp.load_model(f"bunny_m{m}") for m in LEVELS}
bunny_real = show.real_at_last_scale(bunny[3], hp.load_clip("bunny"))
measured["bunny"] = [experiment.measure(model, bunny_real, samples=10) for model in bunny.values()]

# %% tags=["nbval-ignore-output"]
from hpvae_nb.lessons.l09_diversity_and_realism.views import levels_view

view = levels_view(measured, clip.fps)
view

# %%
*_, picture, text = view.children
before = picture.value
with moved(view, levels=7):
    assert picture.value != before, "another M must give other samples"
    print(text.value.split(":")[0])

# %% [markdown]
# *In which of the two charts does the line go steadily up? In which not, and for which clip?*
#
# The whole picture, as in the paper's Fig. 5:

# %%
described(
    figures.curves(measured),
    "Two charts over M. Left, diversity: for the bunny it climbs from below one half to above 0.8; for the pedestrians it "
    "rises up to M = 3 and falls again. Right, SVFID: it rises with M for both clips, most of all towards M = 7",
)

# %% tags=["nbval-ignore-output"]
first, last = ({name: points[end] for name, points in measured.items()} for end in (0, -1))
for name in measured:
    factors = last[name].diversity / first[name].diversity, last[name].distance / first[name].distance
    print(f"{name:11} from M = 1 to M = 7: diversity x {factors[0]:.1f}, distance x {factors[1]:.1f}")
    assert factors[1] > 2
assert last["bunny"].diversity > 1.3 * first["bunny"].diversity

# %% [markdown]
# **Realism** does what the paper says: with every scale that is taken from the critics, patches get less like the clip's.
#
# **Diversity** does it for the bunny. For the pedestrians it rises from $M = 1$ to $3$, and falls again. Look at $M = 7$
# once more: people have faded into blotches, and the measure counts *contrast* that comes and goes. Where there is less of
# anything, less can vary. Diversity does not know what it is that varies.
#
# ## Which M?
#
# There is no best model, but there are bad ones: those that another beats in one number and equals or beats in the other.
#
# ### Exercise 2


# %% tags=["exercise"]
def unbeaten(points):
    """points: M -> (diversity, distance). The Ms that no other model beats: as good in both, better in one."""

    # hint: Write a small function first: does `a` beat `b`? At least as good in both, and not the same point. Then
    # keep every M whose point no other beats. More diversity is better, and less distance.
    # solution
    def beats(a, b):
        return a[0] >= b[0] and a[1] <= b[1] and a != b

    return {m for m, point in points.items() if not any(beats(other, point) for other in points.values())}
    # end


# %%
check.unbeaten(unbeaten)


# %% tags=["nbval-ignore-output"]
def both_numbers(points):
    return {point.levels: (point.diversity, point.distance.value) for point in points}


kept = {name: check.reference(both_numbers(points)) for name, points in measured.items()}
print("not beaten:", {name: [f"M = {levels}" for levels in sorted(best)] for name, best in kept.items()})
assert all(1 in best for best in kept.values()), "the most real model is beaten by none"
assert 7 not in kept["pedestrians"]

# %%
described(
    figures.plane(measured["pedestrians"], sorted(kept["pedestrians"])),
    "Diversity over distance for the six models of the pedestrians. M = 1 is the most real, M = 3 the most diverse, and "
    "M = 7 lies far to the right and low: beaten in both",
)

# %% [markdown]
# The paper chose $M = 3$ of ten scales, by the same reasoning. On this clip you would do the same: what lies further to
# the right pays for nothing. On the bunny each step to the right buys diversity, or nearly, and the choice is yours:
# copies with variations, or dreams.
#
# ## Two numbers are not enough
#
# Here is a generator with no network at all: it shifts the training clip by a few pixels. It learned nothing, and it
# invents nothing. *How will it do against six trained models?*

# %% tags=["nbval-ignore-output"]
shifts = [(y, x) for y in (-3, 0, 3) for x in (-5, 0, 5)]
cheat = torch.stack([real.roll(shift, dims=(-2, -1)) for shift in shifts])
cheat_score = metrics.svfid(cheat, real)
best = min(point.distance.value for point in measured["pedestrians"])
varied = metrics.diversity(cheat, real)
print(f"SVFID {cheat_score.value:.3f}, where the best model has {best:.3f}; diversity {varied:.2f}")
assert cheat_score.value < best
assert varied > 0.3

# %% [markdown]
# It wins on realism, and has the diversity of a generator that does something. What gives it away is a third question:
# *where did its patches come from?* All from one place each, shoulder to shoulder as they were filmed. Measures of
# **novelty** ask that. And blur your samples a little, and see what SVFID with patches says: our ranking above already
# has the blurred clip before the sample, although nobody would call it more real. Each number is blind somewhere.
#
# ## What we found
#
# - More VAE levels: less real, on both clips. The critics make the patches crisp.
# - More VAE levels: more diverse on the bunny; on the pedestrians only up to $M = 3$, since blotches have less to vary.
# - A number needs the name of its features beside it, and a picture beside both.
#
# ## Questions
#
# 1. Why does a model with one VAE level repeat the layout of the bunny's picture so closely?
#    Answer: Its critics begin at scale 1, where the picture is so small that a patch of 11 px holds most of it.
#    Whatever stands elsewhere than in the clip is called fake. With more VAE levels the first critic sees a larger
#    picture, of which a patch is a small part.
# 2. SVFID of a clip whose frames were shuffled is above 0. Which property of our patches sees the shuffling?
#    Answer: They are three frames deep, so each holds a piece of motion. In a shuffled clip a walker jumps within a
#    patch, and such patches the clip has none of.
# 3. Your clip is a flock of birds on a plain sky, and you want many different flocks. Which $M$ do you try first?
#    Answer: $M = 3$, as for the pedestrians, which are many small things on plain ground as well: up to there
#    diversity rose at a small price. Then look at samples, and try one more and one less.
#
# ## References
#
# - S. Gur, S. Benaim, L. Wolf: *Hierarchical Patch VAE-GAN*. NeurIPS 2020. Section 4.2, Figs. 5 and 6.
# - T. R. Shaham, T. Dekel, T. Michaeli: *SinGAN*. ICCV 2019. Section 3: SIFID; section 4.1: diversity.
# - M. Heusel et al.: *GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium*. NeurIPS 2017.
# - D. C. Dowson, B. V. Landau: *The Fréchet distance between multivariate normal distributions*. J. Multivariate Analysis, 1982.
# - A. Coates, H. Lee, A. Y. Ng: *An analysis of single-layer networks in unsupervised feature learning*. AISTATS 2011.
