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
# # 6. The critic: WGAN with gradient penalty
#
# **You will be able to** code equations (10) and (11); say what λ does to a critic, and check it against a number worked
# out by hand; write a layer whose second derivative is cheap; read a patch critic's map, and tell what it does not know.
#
# **You need** lessons 3 and 5: reconstruction, the hierarchy, what is frozen. Gradients of gradients are explained here.
#
# **It takes** 40 minutes to read; all cells together run in under a minute on a laptop. They are too small for a GPU to
# matter.
#
# VAE scales are good at variety and bad at sharpness: unsure where an edge is, they draw the mean of all places. So the
# scales above them get another teacher, a second network that looks at patches and gives marks: the *critic* D, which the
# paper calls discriminator. This lesson starts with two coordinates instead of thousands of pixels, where D can be drawn.

# %%
import math

import torch
from einops import rearrange

import hpvae_nb as hp
from hpvae_nb.lab.live import moved
from hpvae_nb.lab.render import described
from hpvae_nb.lessons.l06_wgan_gp import experiment, figures

real, fake = experiment.toy_points()
print(tuple(real.shape), tuple(fake.shape), "points, coordinates")

# %%
described(
    figures.points_figure(real, fake),
    "Two sets of points: 256 real ones on a ring of radius 2 and 256 fake ones in a blob inside it, right of the middle",
)

# %% [markdown]
# ## A critic without rules
#
# A critic gives every point of the plane a score. It is trained to put the real points high and the fake points low: the
# first two terms of equation (10), E[D(x)] - E[D(x̄_rand)], as large as possible.
#
# *Nothing else is asked. How large will the distance between the two means become?*


# %%
def train_without_rules(critic, steps):
    optimizer = torch.optim.Adam(critic.parameters(), lr=3e-3)
    for _ in range(steps):
        distance = critic(real).mean() - critic(fake).mean()
        optimizer.zero_grad()
        (-distance).backward()
        optimizer.step()
    return distance.item()


# %% tags=["nbval-ignore-output"]
critic = experiment.toy_critic()
after_50, after_100 = train_without_rules(critic, 50), train_without_rules(critic, 50)
print(f"distance after 50 steps: {after_50:.0f}, after 100: {after_100:.0f}")
assert after_100 > 2 * after_50 > 200

# %% [markdown]
# It has no end. The critic need not understand anything: to double its success it doubles its weights. The distance says
# nothing about the points, and a generator that follows such a slope is thrown about.
#
# ## A rule: no steeper than 1
#
# Let the critic rise by at most 1 for each step of length 1. Then the distance has a largest value, and it *means*
# something: the cost of carrying the fake points onto the real ones, each its own way, by the cheapest plan (the
# Wasserstein distance, W, which gives WGAN its name). With equally many points it is the mean length of the best pairing,
# and can be computed exactly.

# %%
cost = experiment.transport_cost(real, fake)
print(f"W = {cost:.1f}")
described(
    figures.points_figure(real, fake, pairs=256),
    "The same points; grey lines join every fake point to the real point it is carried to by the cheapest plan",
)

# %% [markdown]
# Why can no critic with slope at most 1 do better? Along each grey line its score rises by no more than the line is long.
#
# ## The gradient penalty
#
# How do you make a network no steeper than 1? Gulrajani et al. *ask* it to be: measure the slope at random places between
# real and fake, and charge for its distance from 1. That is the last term of equation (10):
#
# $$\lambda\, \mathbb{E}\big[(\|\nabla_{\hat x} D(\hat x)\|_2 - 1)^2\big], \qquad
# \hat x = \epsilon\, x + (1 - \epsilon)\, \bar x_{rand}, \quad \epsilon \sim U(0, 1)$$
#
# In torch, line by line:

# %%
epsilon = torch.rand(len(real), 1, generator=torch.Generator().manual_seed(0))
blend = (epsilon * real + (1 - epsilon) * fake).requires_grad_()
(slope,) = torch.autograd.grad(critic(blend).sum(), blend, create_graph=True)
penalty = (slope.norm(dim=1) - 1).square().mean()
library = hp.losses.gradient_penalty(critic, real, fake, generator=torch.Generator().manual_seed(0))
torch.testing.assert_close(penalty, library)
print(tuple(slope.shape), "one gradient a point; the penalty is one number, of shape", tuple(penalty.shape))

# %% [markdown]
# Two details carry the weight. `critic(blend).sum()`: no score depends on another point, so the gradient of the sum is
# every point's own gradient. `create_graph=True`: the slope must stay differentiable, because training will change the
# weights *so that the slope changes*: a gradient of a gradient.
#
# ## Exercise 1: the penalty for pictures
#
# Now for a batch `b c h w`, with ε given as `b 1 1 1`. Take **one norm for each sample**, over all its values, as
# Gulrajani et al. do. The critic returns a map of scores; differentiate its sum.


# %% tags=["exercise"]
def gradient_penalty(critic, real, fake, epsilon):
    """Mean of (norm of the critic's gradient - 1) squared, at blends of real and fake."""
    # hint: the five lines above, with two changes: ε is given, and a gradient is a picture now. Put all values of a sample into one
    # axis (`flatten(1)`) before you take its norm.
    # solution
    blend = (epsilon * real + (1 - epsilon) * fake).requires_grad_()
    (slope,) = torch.autograd.grad(critic(blend).sum(), blend, create_graph=True)
    norms = rearrange(slope, "b c h w -> b (c h w)").norm(dim=1)
    return (norms - 1).square().mean()
    # end


# %%
from hpvae_nb.lessons.l06_wgan_gp import checks as check

check.gradient_penalty(gradient_penalty)

# %% [markdown]
# ## What a gradient of a gradient costs
#
# In the plane it costs nothing. But a critic of clips is made of convolutions, and there the penalty can be the dearest
# part of a step. To see why, take the smallest such critic: one layer, whose score is the sum of its output.

# %%
import torch.nn.functional as F

dice = torch.Generator().manual_seed(0)
clips = torch.randn(2, 3, 5, 8, 12, generator=dice, dtype=torch.float64).requires_grad_()  # b c t h w
weight = torch.randn(4, 3, 3, 3, 3, generator=dice, dtype=torch.float64).requires_grad_()  # o c t h w


def plain(x, weight):
    return F.conv3d(x, weight, padding=1)


# %% [markdown]
# A training step needs the gradient of the penalty by the weights:


# %%
def penalty_gradient(layer):
    (slope,) = torch.autograd.grad(layer(clips, weight).sum(), clips, create_graph=True)
    penalty = (slope.norm(dim=1) - 1).square().mean()
    return torch.autograd.grad(penalty, weight)[0]


# %% [markdown]
# All of it is convolutions again. *The layer's kernel has 3 x 3 x 3 taps. How large are the kernels of the others?*

# %%
print("kernels:", experiment.kernels(lambda: penalty_gradient(plain)))

# %% [markdown]
# One has 5 x 8 x 12 taps: it is as large as the clip. Where does it come from? The weight at shift $\delta$ meets the
# layer's input $x$ at every site $s$. With $\mathrm{d}y$ for the gradient by the output, the weight's own gradient is
#
# $$\mathrm{d}w_\delta = \sum_s \mathrm{d}y_s\; x_{s + \delta},$$
#
# and that is $x$ convolved with $\mathrm{d}y$ as the kernel, at 27 shifts. For a *first* derivative PyTorch has a routine
# made for this sum. For the derivative of a derivative it follows a general rule, and calls a convolution that was made
# for small kernels: here with 480 taps, at the `laptop` preset's finest scale with 29 952. The result is right, but late.
#
# ## A layer that knows its way back
#
# So let us say the first derivative in words that PyTorch is quick at. The output at $s$ has read $x$ at $s + \delta$ with
# $w_\delta$. So $\mathrm{d}y$ at $s$ goes back to $s + \delta$ with that same $w_\delta$: a convolution too, which looks the
# other way. *In one dimension, with one channel and $w = (1, 2, 3)$: which kernel leads back? And which of the weight's
# axes `o c` belongs to what comes in, on the way back?*


# %%
def mirrored(weight):
    return rearrange(weight.flip(2, 3, 4), "o c t h w -> c o t h w")


dy = torch.randn(2, 4, 5, 8, 12, generator=dice, dtype=torch.float64)
(dx,) = torch.autograd.grad(plain(clips, weight), clips, dy)
torch.testing.assert_close(plain(dy, mirrored(weight)), dx)
print("back through", tuple(weight.shape), "is forward through", tuple(mirrored(weight).shape))

# %% [markdown]
# $(3, 2, 1)$, and the two channel axes change places. An `autograd.Function` says both directions. `backward` answers
# with the layer itself, so that it can be differentiated once more, by the same few lines:

# %%
from torch.nn.grad import conv3d_weight


class Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return plain(x, weight)

    @staticmethod
    def backward(ctx, dy):
        x, weight = ctx.saved_tensors
        for_x, for_weight = ctx.needs_input_grad
        dx = Convolution.apply(dy, mirrored(weight)) if for_x else None
        dw = conv3d_weight(x, weight.shape, dy, padding=1) if for_weight else None  # the routine for first derivatives
        return dx, dw


# %% [markdown]
# The library's is `hpvae_nb.core.convolution.convolve`. All three must agree, in what they compute and in the penalty's
# gradient. *Which kernels does ours need for it?*

# %%
from hpvae_nb.core.convolution import convolve, to_slope

for layer in (Convolution.apply, convolve):
    torch.testing.assert_close(layer(clips, weight), plain(clips, weight))
    torch.testing.assert_close(penalty_gradient(layer), penalty_gradient(plain))
print("kernels:", experiment.kernels(lambda: penalty_gradient(Convolution.apply)))

# %% [markdown]
# Small ones only. Now the clock, with two clips of the `laptop` preset's finest scale and its 32 channels. The library
# leaves one thing out: for the slope alone nobody needs $\mathrm{d}w$, and `to_slope` tells it so. *In which of the three
# parts of the work will ours differ from PyTorch's, and in which the library's from ours?*

# %%
large = torch.randn(2, 32, 13, 36, 64, generator=dice).requires_grad_()
many = torch.randn(32, 32, 3, 3, 3, generator=dice).div(30).requires_grad_()


def library(x, weight):
    with to_slope():
        return convolve(x, weight)


# %%
layers = {"PyTorch": plain, "ours": Convolution.apply, "library": library}
seconds = {name: experiment.penalty_seconds(layer, large, many) for name, layer in layers.items()}
described(
    figures.parts_figure(seconds),
    "Times of three parts for PyTorch, ours and the library. PyTorch's second derivative takes longest of all; the other "
    "two are quicker there, and ours is slower at the slope",
)

# %% tags=["nbval-ignore-output"]
for name, (_, _, second) in seconds.items():
    print(f"{name:8} {1000 * second:4.0f} ms for the second derivative")

# %% [markdown]
# The output costs all three the same. At the second derivative both of ours win. At the slope, the one from above pays for
# a $\mathrm{d}w$ that is thrown away, and the library's does not. (With a single small clip the library's wins more: there
# PyTorch takes a slow path on a CPU, around which `convolve` goes.)
#
# A whole critic has more layers with a LeakyReLU after each, which PyTorch differentiates for us; ours fits in between.
# From here on, all convolutions are the library's.
#
# ## What λ does
#
# A penalty is no law: the critic may be steeper and pay. How much steeper? Suppose its slope is s everywhere on the grey
# lines. Then the distance is s W, and it maximises
#
# $$s W - \lambda (s - 1)^2 \quad\Rightarrow\quad s = 1 + \frac{W}{2\lambda}, \qquad \text{distance} = W + \frac{W^2}{2\lambda}$$
#
# *W is 1.6. What slope do you expect for λ = 10, the usual value, and for λ = 0.1, the released code's?*

# %%
for weight in (0.1, 1, 10, 100):
    s, distance = experiment.expected(weight, cost)
    print(f"λ = {weight:5}: expect slope {s:5.2f}, distance {distance:5.2f}")

# %% [markdown]
# Train five critics and see (some seconds). The dashed lines are these expectations; the dotted line is W.

# %%
histories = {weight: experiment.train_toy(real, fake, weight) for weight in (0.0, 0.1, 1.0, 10.0, 100.0)}
described(
    figures.training_figure(histories, cost),
    "Slope and distance over 200 steps: with lambda 0 both grow without end; with 0.1, 1 and 10 they settle at the dashed lines",
)

# %% tags=["nbval-ignore-output"]
for weight, history in histories.items():
    print(f"λ = {weight:5}: slope {history[-1].slope:8.2f}, distance {history[-1].distance:8.2f} after 200 steps")
for weight in (0.1, 1.0, 10.0):
    slope, distance = experiment.expected(weight, cost)
    assert abs(histories[weight][-1].slope / slope - 1) < 0.2
    assert abs(histories[weight][-1].distance / distance - 1) < 0.2

# %% [markdown]
# A line of arithmetic predicts a network. With λ = 10 the critic's distance is W and a few percent. With λ = 0.1 it is
# nine times too steep: no longer a Wasserstein distance, but not unbounded either. (The paper gives no λ; its released
# code uses 0.1.) And λ = 100 is not the best of all: the penalty drowns the scores, and the critic is slow to learn who is
# real. 200 steps are not enough for it.
#
# ## Watch one being trained
#
# Left the score, right the steepness: white is 1, orange steeper, violet flatter. Press play, or move the step by hand;
# then change λ.
#
# *Where, do you think, will the critic be steep, and where is it free to do what it likes?*

# %% tags=["nbval-ignore-output"]
from hpvae_nb.lessons.l06_wgan_gp.views import toy_view

view = toy_view(histories, real, fake)
view

# %%
play, weight, step, picture, words = view.children
before = picture.value
with moved(view, step=0):  # and back again
    assert picture.value != before, "an untrained critic must look different"
    weight.value = 0.1
    assert words.value.startswith("Distance")
    assert step.value == 0

# %%
described(
    figures.surface_figure({"λ = 10": histories[10.0][-1], "λ = 0.1": histories[0.1][-1]}, real, fake),
    "Scores rise from the blob to the ring; with lambda 10 the steepness is near 1 between them, with 0.1 it is far above",
)

# %% [markdown]
# A funnel: low at the blob, rising to the ring all around. With λ = 10 the ground between blob and ring is nearly white.
# Outside the ring nobody measures: the scores go on rising there, though no real point ever lay so far out. Remember this for
# the end of the lesson.
#
# ## First reading: where does the -1 stand?
#
# The paper prints equation (10) with the -1 *inside* the norm: ||∇D - 1||². A slip of the pen, most likely; Gulrajani et
# al. and the released code have it outside. Does it matter? Inside, every *entry* of the gradient should be 1: the
# critic should rise to the right and upwards, everywhere.
#
# *The blob is right of the ring's centre, and above. Which of the two gets the higher score?*

# %% tags=["nbval-ignore-output"]
inside = experiment.train_toy(real, fake, 10.0, reading="inside")
print(f"mean score of the real points less that of the fakes: {inside[-1].distance:.2f}")
assert inside[-1].distance < 0 < histories[10.0][-1].distance

# %%
described(
    figures.surface_figure({"-1 inside": inside[-1]}, real, fake),
    "The score rises to the upper right across blob and ring alike; the steepness is around 1.4, with creases",
)

# %% [markdown]
# Around the points a tilted plane, with creases, and nothing of the funnel: with pictures it would say "brighter is more
# real". The penalty must fix how *steep* the critic is and leave open in which *direction*. So: norm first, then -1.
#
# ## Second reading: a norm over what?
#
# A patch critic returns a *map* of scores, and its input is a clip `c t h w`. Two norms are in use:
#
# | reading | norm over | who |
# | --- | --- | --- |
# | `"sample"` | everything in a sample, `c t h w` | Gulrajani et al. |
# | `"site"` | the channels `c`, one norm at each site `t h w` | the released code |
#
# In the plane there is no difference. On a map there is. Take the simplest critic, one that weighs the colours of each
# pixel, with weights of norm 1.
#
# *An image of 8x8 pixels, one gradient of norm 1 at each. What is the norm of the whole?*

# %%
colours = rearrange(torch.tensor([0.36, 0.48, 0.80]), "c -> c 1 1")
print("norm of the weights:", round(colours.norm().item(), 4))
pictures = torch.zeros(2, 1, 3, 8, 8)
for reading in ("site", "sample"):
    value = hp.losses.gradient_penalty(lambda x: (x * colours).sum(dim=1), *pictures, norm=reading)
    print(f"{reading:6} penalty {value.item():.2f}")

# %% [markdown]
# 64 sites of norm 1 make a norm of 8, so `"sample"` charges (8 - 1)² = 49 where `"site"` charges nothing. In general the
# two differ by the square root of the number of sites. At the `laptop` preset's finest scale that is

# %%
sites = math.prod(hp.scale_shapes(hp.preset("laptop"), hp.load_clip("pedestrians"))[-1])
print(sites, "sites, square root", round(sites**0.5))

# %% [markdown]
# so `"sample"` wants a map about 170 times flatter there, and a different slope at every scale. `"site"` means the same at
# each scale, though it is no longer the bound of the Wasserstein distance. The `paper` preset takes the first and the
# `released` and `laptop` presets the second.
#
# ## Exercise 2: the critic's loss
#
# Equation (10) is *maximised* over D; optimisers minimise. Given the critic's maps on real and random clips, the penalty,
# and λ, return the critic's loss. E is the mean over the map.


# %% tags=["exercise"]
def critic_loss(on_real, on_random, penalty, weight):
    """A scalar; minimising it trains D."""
    # hint: write down what D maximises, E[D(x)] - E[D(x̄)], and turn all signs. The penalty is a cost already, so it is added.
    # solution
    return on_random.mean() - on_real.mean() + weight * penalty
    # end


# %%
check.critic_loss(critic_loss)

# %% [markdown]
# ## Exercise 3: the generator's loss
#
# Equation (11): Recon(x̄ⁿ, xⁿ) + β_adv L_adv. The generator wants high scores for its random samples: L_adv is what is left
# of (10) when only Gⁿ can move, -E[D(x̄_rand)].


# %% tags=["exercise"]
def generator_loss(reconstruction, on_random, weight):
    """A scalar; minimising it trains Gⁿ. `reconstruction` is a number, `on_random` the critic's map, `weight` β_adv."""
    # hint: G lowers this number. It wants the error low and the critic's marks high: which sign has each? β_adv stands before the marks.
    # solution
    return reconstruction - weight * on_random.mean()
    # end


# %%
check.generator_loss(generator_loss)

# %% [markdown]
# Note which clip goes where. The *reconstruction* x̄ⁿ, made from the encoder's z, is compared with the clip pixel by pixel.
# The *random* sample, which is meant to differ from the clip, cannot be compared so; it is judged by the critic.
#
# ## A patch critic, trained
#
# Now the real thing, small: two VAE scales and one GAN scale on the walkers. `Trainer` makes the steps that `train` makes,
# and lets us get at the critic (it is not saved with a model: nobody needs it for sampling).

# %%
from hpvae_nb.training.trainer import Trainer

clip = hp.load_clip("pedestrians")
config = hp.preset("smoke", scales=3, fine_size=40, channels=16, latent=16, critic_layers=4, iterations=100)
trainer = Trainer(hp.HpVaeGan(), clip, config, seed=0, device="cpu", precision="auto")
for n in range(config.scales):
    trainer.enter_scale(n)
    for _ in range(60 if config.is_vae(n) else 100):
        losses = trainer.step()
print(sorted(losses))

# %%
r = hp.receptive_field(trainer.critic)
print("one score for each patch of", r, "sites; trained at", trainer.shapes[-1])

# %% [markdown]
# First, that our equations are those of its steps. In evaluation mode, so that spectral normalisation stands still:

# %%
from hpvae_nb.core import steps

D, xn = trainer.critic.eval(), trainer.reals_n
draws = steps.draw(trainer.network, trainer.shapes, 2, 1, torch.Generator().manual_seed(0))
reconstructed, random = steps.gan_outputs(trainer.network, trainer.shapes, 2, trainer.reals_0, draws)
terms = steps.critic_losses(D, xn, random, trainer.generator, trainer.objective)
ours = D(random).mean() - D(xn).mean() + config.penalty_weight * terms["penalty"]
torch.testing.assert_close(ours, terms["total"], rtol=1e-4, atol=1e-5)

# %%
terms = steps.generator_losses(D, xn, reconstructed, random, trainer.objective)
reconstruction = hp.losses.reconstruction(reconstructed, xn, config.reconstruction)
ours = config.reconstruction_weight * reconstruction - config.adversarial_weight * D(random).mean()
torch.testing.assert_close(ours, terms["total"], rtol=1e-4, atol=1e-5)
print(
    "weights: reconstruction",
    config.reconstruction_weight,
    "adversarial",
    config.adversarial_weight,
    "λ",
    config.penalty_weight,
)

# %% [markdown]
# Now show the critic four clips: the real one, a random sample of the generator it was trained against, the real clip cut
# into blocks of 4x4 pixels and shuffled, and plain noise. It was trained on the first two kinds only.
#
# *Which order of marks do you expect?*

# %%
from hpvae_nb.core.patches import shuffled

frames = trainer.shapes[-1][0]
clips = {
    "real": trainer.reals_n[0],
    "random sample": trainer.model.sample(1, seed=0)[0],
    "shuffled": shuffled(trainer.reals_n[0], (frames, 4, 4)),
    "noise": torch.rand(3, *trainer.shapes[-1], generator=torch.Generator().manual_seed(0)) * 2 - 1,
}
maps = {name: experiment.score_map(D, video) for name, video in clips.items()}
described(
    figures.maps_figure(clips, maps, frame=6),
    "Frame 6 of four clips above the critic's maps: in the real one the walkers shine and the ground is dim; noise is bright all over",
)

# %% [markdown]
# Look at the real clip's map: its marks come from the *walkers*. The ground gets much the same marks in the clip and in the
# sample; what tells them apart, so far, is dark people with sharp edges. A map says *where* the clip is unlike the sample.

# %% tags=["nbval-ignore-output"]
marks = {name: scores.mean().item() for name, scores in maps.items()}
pixels = experiment.score_map(D, shuffled(trainer.reals_n[0], (frames, 1, 1))).mean().item()
print({name: round(mark, 2) for name, mark in {**marks, "shuffled pixels": pixels}.items()})
assert marks["real"] > max(marks["random sample"], marks["shuffled"])
assert marks["shuffled"] > pixels

# %% [markdown]
# The map is the point. With one clip to learn from, a critic of whole clips could learn that clip by heart; this one has to
# judge thousands of overlapping patches, 9 sites wide, with the same few weights. Shuffled blocks keep every colour and most small
# textures, and lose marks because of their seams, though the critic never met any.
#
# Step through the frames:

# %% tags=["nbval-ignore-output"]
from hpvae_nb.lessons.l06_wgan_gp.views import critic_map_view

map_view = critic_map_view(D, clips)
map_view

# %%
_, picture, words = map_view.children
before = picture.value
with moved(map_view, frame=12):
    assert picture.value != before, "another frame must give another map"
    print(words.value.split(":")[0])

# %% [markdown]
# ## What a critic does not know
#
# Look at the mark for noise.

# %% tags=["nbval-ignore-output"]
print(f"noise {marks['noise']:.2f}, the real clip {marks['real']:.2f}")
assert marks["noise"] > marks["real"]

# %% [markdown]
# Plain noise does better than the real clip. That is not a mistake of training: this critic was asked about real clips,
# about its generator's samples, and (by the penalty) about the straight lines between them. Noise lies elsewhere, as the
# outside of the ring did. A critic is no detector of fakes in general; its marks compare its own generator's work with
# the clip, and are worth nothing as a measure of quality. The lesson on metrics needs other tools.
#
# ## What we found
#
# - Without a rule the distance grows without end; with the penalty it settles.
# - With λ the slope settles near 1 + W / 2λ and the distance near W + W² / 2λ: within a fifth for λ = 0.1, 1 and 10.
# - The -1 belongs outside the norm: inside, the critic ranked the fakes above the real points.
# - Over a map of K sites, the norms of the two readings differ by the square root of K: 173 at the `laptop` preset's finest scale.
# - On clips, the penalty's second derivative is slow for one convolution, whose kernel is as large as the clip. A layer that
#   says its own first derivative by a convolution gives the same numbers without it.
# - A critic trained for 100 steps puts the clip above the generator's samples, and above shuffled blocks it never saw; but
#   noise, which it never saw either, above the clip.
#
# ## Questions
#
# 1. Add 7 to every score of D. Which terms of (10) and (11) would notice?
#    Answer: In (10) none: E[D(x)] and E[D(x̄_rand)] grow alike, and the penalty sees slopes alone. In (11) L_adv falls by 7; its
#    gradient is what it was, so G learns the same.
# 2. Why is the slope measured on blends of real and fake, and not at the real points alone?
#    Answer: Because that is where the fakes have to go: the best critic rises by 1 a step along these lines. With a rule at the real points
#    alone it could jump between fake and real as steeply as it likes, and the distance would have no end again.
# 3. D is spectrally normalised: its layers' weights, as matrices, stretch nothing by more than 1. Why keep a penalty as well?
#    Answer: For convolutions that bound is not quite one: a site is read by many taps, whose outputs add up. And it is a bound from above only.
#    The penalty pulls the slope towards 1 from below too; several layers that each stretch a little less make a critic that is flat.
# 4. What would the map look like if D saw r = 1?
#    Answer: Each pixel would get a mark for its colour alone. No edges, no seams: the map of shuffled pixels would be the real one's map,
#    shuffled, with the same mean.
# 5. LeakyReLU consists of two straight lines. Which term does that take out of the penalty's gradient, and why would it be
#    there with tanh?
#    Answer: The term with the activation's second derivative. The penalty asks how a slope changes with the weights. Weights also shift what
#    goes into an activation; where that is a straight line, its slope stays as it is, and with tanh it does not.
#
# ## References
#
# - M. Arjovsky, S. Chintala, L. Bottou: *Wasserstein GAN*. ICML 2017.
# - I. Gulrajani, F. Ahmed, M. Arjovsky, V. Dumoulin, A. Courville: *Improved Training of Wasserstein GANs*. NeurIPS 2017,
#   equation (3).
# - S. Gur, S. Benaim, L. Wolf: *Hierarchical Patch VAE-GAN: Generating Diverse Videos from a Single Sample*. NeurIPS 2020,
#   equations (10) and (11).
# - PyTorch tutorials: *Double Backward with Custom Functions*.
# - T. Miyato, T. Kataoka, M. Koyama, Y. Yoshida: *Spectral Normalization for Generative Adversarial Networks*. ICLR 2018.
