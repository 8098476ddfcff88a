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
# # 3. The patch-VAE
#
# **You will be able to** derive and code equations (1) to (5) of the paper, draw a sample that gradients can pass
# through, and read a map of what each patch costs.
#
# **You need** lessons 1 (patches) and 2 (receptive field); what a gradient and a normal distribution are.
#
# **It takes** 35 minutes to read; all cells together run in about 40 seconds on a laptop, with or without a GPU.
#
# Lesson 1 saw one clip as a thousand patches. This lesson learns their *distribution*: a rule that says which patches
# are likely, so that new ones can be drawn. The tool is a variational autoencoder (VAE), with one twist: it does not
# give the clip one latent vector, but one to each patch.

# %%
import math

import torch
import torch.nn.functional as F
from einops import reduce

import hpvae_nb as hp
from hpvae_nb.core import losses, steps
from hpvae_nb.lab.diagram import patch_vae_diagram
from hpvae_nb.lab.live import moved
from hpvae_nb.lab.render import described
from hpvae_nb.lessons.l03_patch_vae import checks as check
from hpvae_nb.lessons.l03_patch_vae import experiment, figures

# %% [markdown]
# Everything happens at the coarsest scale of a rendered clip of balloons: few pixels, every fourth frame. (We start even
# smaller than the `laptop` preset does, so that a whole training takes a few seconds.)
#
# *Before you run the cell: there is one patch around every pixel of every frame. How many latent vectors will we have?*

# %%
clip = hp.load_clip("balloons", frames=13)
config = hp.preset("laptop", coarse_size=16, iterations=300)
shape = hp.scale_shapes(config, clip)[0]
x0 = hp.pyramid.real_samples(config, clip, 0, shape)
print(tuple(x0.shape), "batch, channel, time, height, width")
print("K =", math.prod(shape), "patches")

# %% [markdown]
# This is what we are going to build and train. Every number in the picture was read from the networks of this lesson; a
# white bar is a convolution, a dashed box a loss. *Where does chance come in?*

# %%
network = hp.make_hierarchy(config).eval()
described(
    patch_vae_diagram(network.encoder, network.generators[0], shape),
    "The patch-VAE. The clip x0 of 3 x 4 x 9 x 16 numbers passes the trunk of E, three convolutions; two heads make mu and "
    "log sigma squared of it, 64 entries each. With epsilon, drawn from N(0, I), they make z', 576 latent vectors, which "
    "G0 decodes in five convolutions. Losses: beta KL at the heads, Recon between the clip and its reconstruction. For a "
    "new clip, z is drawn from N(0, I)",
)

# %% [markdown]
# ## Equation (1): two networks, two distributions
#
# $$z \sim E(x) = q(z\,|\,x), \qquad x \sim G(z) = p(x\,|\,z)$$
#
# The encoder $E$ looks at the clip and says, for every patch, which latent vectors $z_i$ could have caused it. The
# decoder $G$ goes the other way. Both are stacks of convolutions with padding, so the latent map has the clip's size.
#
# $E$ ends in two heads that read the same features: the paper calls them $M$ (for the mean) and $S$ (for the spread).
# Here they are in the open.

# %%
encoder = network.encoder
features = encoder.trunk(x0)  # b 32 t h w
mu = F.conv3d(features, encoder.to_mu.weight, encoder.to_mu.bias, padding=1)  # M
logvar = F.conv3d(features, encoder.to_logvar.weight, encoder.to_logvar.bias, padding=1)  # S
print("features", tuple(features.shape), "-> mu and logvar", tuple(mu.shape))

# %%
theirs = encoder(x0)
torch.testing.assert_close(mu, theirs[0])
torch.testing.assert_close(logvar, theirs[1])
print("the library's encoder does the same")

# %% [markdown]
# Each of the 576 sites has 64 numbers that say *where* its latent vector lies and 64 that say *how surely*. The second
# head gives $\log \sigma^2$ rather than $\sigma$: a network may put out any number, but a standard deviation must be
# positive, and $\exp$ takes care of that. (The paper writes $\sigma_i = S(z_i)$; its released code reads it as we do.)
#
# One latent vector sees a cube of the clip, and the clip is small.

# %%
print("one latent vector sees", hp.receptive_field(encoder), "frames, rows, columns of", shape)
print("one pixel is shaped by", hp.receptive_field(network.generators[0]), "latent vectors")

# %% [markdown]
# ## Equation (2): what a VAE minimises
#
# $$\mathcal{L}_{VAE}(x) = -\mathbb{E}_{z \sim q(z|x)}\left[\log p(x\,|\,z)\right] + \mathrm{KL}\left[q(z\,|\,x)\,\|\,p(z)\right]$$
#
# Two wishes that pull against each other:
#
# - **Tell me everything.** The first term is small when the decoder, given $z$, finds the clip likely.
# - **Say as little as you can.** The second is small when the encoder's answer is near the *prior* $p(z) = N(0, I)$,
#   the distribution we will draw from when we want something new.
#
# With the first alone you get an archive. With the second alone you get a decoder that ignores $z$.

# %% [markdown]
# ## Equation (3): the price of a message
#
# How far is $q = N(\mu, \sigma)$ from $p = N(0, 1)$, in one dimension? By definition
# $\mathrm{KL}[q\|p] = \mathbb{E}_q[\log q(z) - \log p(z)]$, with
#
# $$\log q(z) = -\log\sigma - \frac{(z-\mu)^2}{2\sigma^2} - \tfrac12\log 2\pi, \qquad \log p(z) = -\frac{z^2}{2} - \tfrac12\log 2\pi.$$
#
# Under $q$, the mean of $(z-\mu)^2$ is $\sigma^2$ and the mean of $z^2$ is $\mu^2 + \sigma^2$. So the constants cancel,
# and what is left is
#
# $$\mathrm{KL} = \tfrac12\left(\mu^2 + \sigma^2 - 1 - \log\sigma^2\right).$$
#
# Algebra can be checked by throwing dice: a million draws from $q$, and the mean of $\log q - \log p$. For $\mu = 0.8$ and
# $\sigma = 0.5$ the formula says $\tfrac12(0.64 + 0.25 - 1 + 1.386) = 0.638$.

# %% tags=["nbval-ignore-output"]
m, s = 0.8, 0.5
z = m + s * torch.randn(1_000_000, generator=torch.Generator().manual_seed(0))
log_q = -math.log(s) - (z - m) ** 2 / (2 * s**2)
log_p = -(z**2) / 2
dice = (log_q - log_p).mean().item()
print(f"dice {dice:.3f} nats")
assert abs(dice - 0.638) < 0.005

# %% [markdown]
# *Before you look: which is dearer, a message of μ = 2 at σ = 1, or σ = 0.1 at μ = 0?*

# %%
described(
    figures.kl_landscape(), "Contours of KL over mu and sigma: an egg around mu 0, sigma 1, steep towards sigma 0"
)

# %% [markdown]
# They cost nearly the same, about 2 nats (a nat is 1.44 bits). Being far from 0 costs, and so does being sure. Only
# $\mu = 0, \sigma = 1$ is free, and it says nothing.
#
# ### Exercise 1
#
# The 64 entries of a patch's vector are independent, so their KLs add up. Write the *map* of the KL of every patch;
# equation (3) is then its sum over all $K$ sites.


# %% tags=["exercise"]
def kl_map(mu, logvar):
    """KL of each patch in nats. mu and logvar: 'b c t h w', logvar is log sigma squared. Returns 'b t h w'."""
    # hint: write the formula for every entry, with `logvar` where it says $\log\sigma^2$; what must be done to `logvar` to get
    # $\sigma^2$ itself? Then add up along the axis of the entries, `c`, and no other.
    # solution
    kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar)
    return reduce(kl, "b c t h w -> b t h w", "sum")
    # end


# %%
check.kl_map(kl_map)

# %% [markdown]
# ## Sum or mean?
#
# The paper sums the KL over all sites and measures the reconstruction by a norm. The released code *averages* the KL over
# all entries and uses a mean squared error. Both are fine, but a `beta` means nothing until you know which.
#
# *By what factor do sum and mean of the KL differ here? You know the size of the latent map.*

# %%
total, mean = (losses.kl_divergence(mu, logvar, kind) for kind in ("sum", "mean"))
torch.testing.assert_close(total, losses.kl_divergence(mu, logvar, "sites").sum())
torch.testing.assert_close(total, mean * mu.numel())
print("the sum is the mean times", mu.numel(), "=", mu.shape[1], "x", math.prod(shape))

# %% [markdown]
# ## Equation (4): a sample that gradients pass through
#
# The encoder names a distribution, the decoder wants one vector: so we draw. But what is the gradient of a die?

# %%
mu = torch.zeros(4, requires_grad=True)
drawn = torch.normal(mu, torch.ones(4))
(slope,) = torch.autograd.grad(drawn.sum(), mu)
print("move mu by 1, and the sum of four samples moves by", slope.sum().item())

# %% [markdown]
# That is wrong: it moves by 4. PyTorch cannot see through a die, and gives zeros without a warning: drawing is where the
# chain ends. The way out is to draw *somewhere else*. Take $\varepsilon \sim N(0, 1)$,
# which depends on nothing, and move it to where the sample should lie:
#
# $$z'_i = \mu_i + \varepsilon\,\sigma_i$$
#
# That is the same distribution, written as a sum and a product, and those have gradients.

# %%
sample = mu + torch.randn(4)  # sigma is 1 here
(slope,) = torch.autograd.grad(sample.sum(), mu)
print("now it moves by", slope.sum().item())

# %% [markdown]
# ### Exercise 2


# %% tags=["exercise"]
def reparameterize(mu, logvar, epsilon):
    """A sample of N(mu, sigma) from epsilon ~ N(0, 1). All 'b c t h w'; logvar is log sigma squared."""
    # hint: equation (4) wants $\sigma$, and you have $\log\sigma^2 = 2\log\sigma$. The die is thrown already: it is `epsilon`.
    # solution
    sigma = (0.5 * logvar).exp()
    return mu + epsilon * sigma
    # end


# %%
check.reparameterize(reparameterize)

# %% [markdown]
# If $p(x|z)$ is a Gaussian around the decoder's picture, then $-\log p(x|z)$ is the squared error, up to a factor and a
# constant. The paper takes its root,
#
# $$\mathrm{Recon}(x) = \|x - G(z')\|_2, \tag{4}$$
#
# and the released code its mean. One is a function of the other:

# %%
a, b = torch.randn(1, 3, *shape), torch.randn(1, 3, *shape)
norm, mse = losses.reconstruction(a, b, "l2"), losses.reconstruction(a, b, "mse")
torch.testing.assert_close(norm, (mse * a.numel()).sqrt())
print("norm = square root of (mse x", a.numel(), "values)")

# %% [markdown]
# ## Equation (5): the whole loss
#
# $$\mathcal{L}_{vae}(x) = \mathrm{Recon}(x) + \beta\,\mathrm{KL}(x) \tag{5}$$
#
# The new letter, $\beta$, says how much a nat costs.
#
# ### Exercise 3
#
# Write equation (5) as the paper has it: a norm, and a sum over the patches.


# %% tags=["exercise"]
def vae_loss(x, reconstructed, mu, logvar, beta):
    """Equation (5) for one clip. x, reconstructed: '1 3 t h w'; mu, logvar: '1 c t h w'. Returns one number."""
    # hint: `torch.linalg.vector_norm` takes the root of the summed squares of all numbers. The KL is that of exercise 1, summed over
    # everything. Which of the two does β weigh?
    # solution
    recon = torch.linalg.vector_norm(x - reconstructed)
    kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum()
    return recon + beta * kl
    # end


# %%
check.vae_loss(vae_loss)

# %% [markdown]
# One whole step now, encoder to loss, in the weights of the released code: $10 \cdot \mathrm{mse} + \beta \cdot
# \mathrm{mean\ KL}$. (That code applies equation (8), the subject of lesson 5, at scale 0 too, and so counts the same
# error twice: 20 in all.) Then the library's step, with the same random numbers.

# %%
draws = steps.draw(network, [shape], 0, 1, torch.Generator().manual_seed(0))
mu, logvar = network.encoder(x0)
z = mu + draws.epsilon * (0.5 * logvar).exp()
x = torch.tanh(network.generators[0](z))  # the released code's tanh
ours = 20 * losses.reconstruction(x, x0) + config.beta * losses.kl_divergence(mu, logvar)
torch.testing.assert_close(
    ours, steps.vae_losses(network, [shape], 0, x0, x0, draws, hp.make_objective(config))["total"]
)
print("our step is the library's step")

# %% [markdown]
# ## Train it
#
# Three hundred such steps, and we stop when scale 0 is done: training is a generator, and it is safe to walk away.

# %%
for event in hp.train(clip, config, seed=0):
    if event.scale_done:
        break
model = event.model
seen = experiment.look(model)
assert seen.error < 0.1
print("scales in the model:", model.scales)

# %%
described(
    figures.vae_sheet(model),
    "Four frames of real balloons and of a nearly equal reconstruction; a KL map that is bright at the balloons; "
    "random samples: blue above, white below, coloured smudges between",
)

# %% [markdown]
# Left: the reconstruction is close. Right: nobody filmed these. They have sky above and haze below, and smudges of
# balloon colours in other places. Sharp they are not: a VAE at 16 pixels gives a *plan* of a clip; the scales above
# will draw it.
#
# ## Read the KL map
#
# The map shows where the encoder spends its nats. *Which patches will be dear: the common or the odd ones?* To find out,
# plot each patch's cost against how odd the colour in its middle is.

# %%
described(
    figures.kl_against_oddness(seen.kl, seen.real),
    "A scatter of all patches: blue and white dots are cheap or dear, the red and yellow ones are all among the dear",
)

# %% tags=["nbval-ignore-output"]
odd = experiment.oddness(seen.real).flatten()
nats = seen.kl.flatten()[odd.argsort()]
common, oddest = nats[: len(nats) // 2].mean(), nats[-len(nats) // 10 :].mean()
print(f"nats a patch: {common:.1f} in the common half, {oddest:.1f} in the oddest tenth")
assert oddest > 2 * common

# %% [markdown]
# - Red and yellow patches are dear: the decoder would not guess a balloon, it must be told.
# - Plain sky is cheap, but sky beside a balloon is not: a vector speaks for a patch, not for a pixel.
# - At the border nearly everything is cheap. Zero padding makes a picture's edge look special, so the decoder knows
#   where it is and needs no message. Keep that in mind: what it knows by heart it will not vary.
#
# **A patch that costs nothing is drawn from the prior even while reconstructing.** If its pixels are right all the same,
# the decoder got them from the neighbours' vectors or from memory.
#
# ## Turn the price
#
# *With messages a hundred times cheaper, what will random samples look like: better, or worse? And a hundred times
# dearer?*


# %%
def trained_with(**settings):
    """A model of scale 0, with some settings changed."""
    for event in hp.train(clip, config.replace(**settings), seed=0):
        if event.scale_done:
            return event.model


models = {"β = 0.01": trained_with(beta=0.01), "β = 1": model, "β = 100": trained_with(beta=100.0)}

# %%
described(
    figures.compare(models),
    "Three values of beta. Small: exact reconstruction, bright KL map, random samples of coloured noise. "
    "Large: wrong colours, dark KL map, random samples all alike and grey-blue",
)

# %% tags=["nbval-ignore-output"]
cheap, fair, dear = (experiment.look(m) for m in models.values())
for name, row in zip(models, (cheap, fair, dear), strict=True):
    print(f"{name:8}: {row.nats:6.2f} nats a patch, error {row.error:.3f}, diversity {row.diversity:.2f}")
assert cheap.nats > 10 * fair.nats > 100 * dear.nats
assert cheap.error < fair.error < dear.error
assert cheap.diversity > fair.diversity > dear.diversity

# %% [markdown]
# - **Too cheap**: every patch sends a precise message, and messages fill only a few corners of the latent space. A draw
#   from $N(0, I)$ lands between them, where the decoder was never trained: coloured noise.
# - **Too dear**: the encoder falls silent, and the decoder gives nearly the same average clip whatever you draw.
# - **Between** lies what we want, and no formula says where. Look for it yourself: move the slider, and the model is
#   trained anew while you watch. Move it again before the bar is full, and it starts again.

# %% tags=["nbval-ignore-output"]
from hpvae_nb.lessons.l03_patch_vae.views import beta_view

view = beta_view(clip, model)
view

# %%
slider, bar, picture, text = view.children
before = picture.value
with moved(view, beta=10):  # overtaken by the next line before it has begun
    slider.value = 0.1
    view.wait(60)
    assert picture.value != before, "another β must give another model"
    print("shown is the last that was asked for:", text.value.split(":")[0])

# %% [markdown]
# ## Why r = 1 fails
#
# What if a patch is a single pixel? Set every kernel to 1, in the decoder or in the encoder, and leave the other network
# as it is. *What will a decoder make that turns each random vector into a pixel, without looking at its neighbours?*

# %%
models = {
    "r > 1": model,
    "decoder r = 1": trained_with(decoder_kernel=1),
    "encoder r = 1": trained_with(encoder_kernel=1),
}
print("r of the new decoder:", hp.receptive_field(models["decoder r = 1"].network.generators[0]))

# %%
described(
    figures.compare(models),
    "Three rows. Ours: smudges in varied places. Decoder with r 1: every random sample is confetti of single pixels. "
    "Encoder with r 1: random samples that resemble each other, a pale red smudge always at the left",
)

# %% tags=["nbval-ignore-output"]
ours, confetti, alike = (experiment.look(m) for m in models.values())
for name, row in zip(models, (ours, confetti, alike), strict=True):
    print(f"{name:13}: error {row.error:.3f}, diversity {row.diversity:.2f}")
assert confetti.diversity > ours.diversity > alike.diversity
assert max(ours.error, confetti.error, alike.error) < 0.15

# %% [markdown]
# - **Decoder r = 1: confetti.** Neighbouring pixels come from unrelated draws, so nothing holds together. The colours are
#   the clip's, and nothing else is. It scores the highest diversity of all: diversity is not quality.
# - **Encoder r = 1: samples that are alike.** A vector that sees one pixel can report its colour and nothing more, so the
#   decoder has to keep the layout to itself. What is kept in the decoder is the same in every sample.
# - **All of them reconstruct.** A low reconstruction error does not tell you that a model can make anything new.
#
# This is the paper's Figure 9 (b) and (c), in half a minute.
#
# ## What we found
#
# On the balloons, scale 0 (4 x 9 x 16), 300 steps; your numbers will be near these:

# %% tags=["nbval-ignore-output"]
print("                 error   nats a patch   diversity")
rows = {"β = 0.01": cheap, "β = 1": fair, "β = 100": dear, "decoder r = 1": confetti, "encoder r = 1": alike}
for name, row in rows.items():
    print(f"{name:15} {row.error:7.3f} {row.nats:14.2f} {row.diversity:11.2f}")

# %% [markdown]
# - The KL is a price in nats, paid patch by patch; odd patches pay most.
# - $\beta$ trades reconstruction against a latent space without holes, and only pictures show whether the trade is good.
# - Patches must overlap, for the encoder and for the decoder: without it samples are noise or all the same.
# - **Where it fails**: even at its best the samples are smudges. Sharpness is the task of lessons 5 and 6.
#
# ## Questions
#
# 1. What is the KL of a patch with $\mu = 0$ and $\sigma = 1$ in all 64 entries? What does the decoder learn about it?
#    Answer: It is 0, and the decoder learns nothing: the vector that it gets is drawn from the prior, whatever the clip shows there.
# 2. The paper has $\beta = 0.1$ with a sum and a norm. Why can't you use that number with a mean and a mean squared error?
#    Answer: $\beta$ weighs one number against another, and both change. Here the mean of the KL is 36864 times smaller than the sum;
#    the mean squared error is smaller than the norm by a factor that even changes as the error falls.
# 3. Reconstruction uses $z = \mu$ when showing, but $z'$ when training. What would go wrong if training used $\mu$?
#    Answer: The decoder would meet single points and never their surroundings. Being sure would be free: $\sigma$ has no part in the
#    reconstruction, so the KL alone sets it, to 1. A draw from the prior would fall between the points, into the unknown.
# 4. Why is confetti more diverse than what we want, and which number would have caught it?
#    Answer: Every pixel is a draw of its own, so every place varies as much as the clip's colours allow. Diversity looks at one pixel
#    at a time. A number that compares patches with the clip's patches catches it, such as the SVFID of lesson 10.
#
# ## References
#
# - D. P. Kingma, M. Welling: *Auto-Encoding Variational Bayes*. ICLR 2014.
# - I. Higgins et al.: *beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework*. ICLR 2017.
# - S. Gur, S. Benaim, L. Wolf: *Hierarchical Patch VAE-GAN*. NeurIPS 2020. Section 3.1 and Figure 9.
