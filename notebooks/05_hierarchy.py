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
# # 5. The hierarchy: what each scale adds, and what stays frozen
#
# **You will be able to** code equations (6) to (8), find out from a live graph which networks learn at which scale, and
# say why the others are frozen.
#
# **You need** lessons 3 (the patch-VAE) and 4 (the pyramid).
#
# **It takes** 25 minutes to read; all cells together run in about 20 seconds on a laptop, with or without a GPU.
#
# The patch-VAE of lesson 3 made a plan of a clip: a few blurry pixels in the right colours. Now networks are stacked on
# top of it. Each gets the clip from below, enlarged, and has one task: say what is missing.

# %%
import torch
import torch.nn.functional as F

import hpvae_nb as hp
from hpvae_nb.core import losses, steps
from hpvae_nb.core.steering import rms
from hpvae_nb.lab.diagram import hierarchy_diagram
from hpvae_nb.lab.live import moved
from hpvae_nb.lab.render import described
from hpvae_nb.lessons.l05_hierarchy import checks as check
from hpvae_nb.lessons.l05_hierarchy import experiment, figures

# %% [markdown]
# A model that was trained on the pedestrians comes with the package. This is the way of a clip through it, from the
# bottom to the top, with sizes read from its networks. Each scale enlarges what it is given (↑), and adds to it what its
# generator makes. *Scales 0 to 2 are called VAE, the others GAN: what is different about them on the right?*

# %%
model = hp.load_model("pedestrians_m3")
described(
    hierarchy_diagram(model.network, model.shapes),
    "Seven scales from bottom to top. E encodes the clip x0, and G0 decodes a clip of 4 x 14 x 24; above it, scales 1 to 6 "
    "enlarge the clip from below and add the output of G1 to G6, up to 13 x 36 x 64. Scales 0 to 2 train E, G0 and their own "
    "generator, scales 3 to 6 their own generator alone",
)

# %% [markdown]
# To watch the machinery we take the paper's objective on networks so small that a step takes no time. Then we let the
# hierarchy grow to scale 2: an encoder and three generators.

# %%
small = hp.preset("paper", scales=6, coarse_size=8, fine_size=16, step=None, channels=4, latent=4)
shapes = hp.pyramid.planned_shapes(small, aspect=9 / 16)
network = hp.make_hierarchy(small).eval()
network.grow()
network.grow()
print("scales 0, 1, 2:", shapes[:3])

# %% [markdown]
# ## Equation (6): add what is missing
#
# $$\bar x^n = \;\uparrow\!\bar x^{n-1} + G^n(\uparrow\!\bar x^{n-1})$$
#
# The arrow enlarges in space and time, as in lesson 4. *The clip from scale 0 has the first of the shapes above. What does
# $G^1$ see, and what does it put out?*
#
# ### Exercise 1
#
# Write one scale. `F.interpolate` with `mode="trilinear"` enlarges; mind the corners.


# %% tags=["exercise"]
def refine(below, shape, generator):
    """Equation (6): below is the clip of scale n-1, 'b 3 t h w'; shape is (T, H, W) of scale n."""
    # hint: the enlarged clip stands in the equation twice, so give it a name. First and last frame stay in place only with
    # `align_corners=True`, as in lesson 4.
    # solution
    up = F.interpolate(below, size=shape, mode="trilinear", align_corners=True)
    return up + generator(up)
    # end


# %%
check.refine(refine)

# %% [markdown]
# Now the same inside the library, step by step. (The paper's sum is plain. The released code, and with it our `laptop`
# preset, puts a tanh around every sum, so that values stay between -1 and 1.)

# %%
below = torch.rand(1, 3, *shapes[0]) * 2 - 1
up = F.interpolate(below, size=shapes[1], mode="trilinear", align_corners=True)
added = network.generators[1](up)
torch.testing.assert_close(up + added, network.refine(1, below, shapes[1]))
print(tuple(below.shape), "-> enlarged", tuple(up.shape), "-> added", tuple(added.shape))

# %% [markdown]
# ## What do trained scales add?
#
# Let the model of the picture above reconstruct its clip, and look over its shoulder at every scale. *Where will the second row be grey, that is, zero?*

# %%
clip = hp.load_clip("pedestrians", frames=13)
path = experiment.reconstruction_steps(model, clip)
print("scales that add something:", len(path))

# %%
described(
    figures.residual_sheet(path, model.config),
    "Scales 1 to 6 in columns. Row by row: the enlarged clip from below, what the scale added (mostly grey, with edges "
    "around the walkers), the sum, the real clip",
)

# %% [markdown]
# Grey where the ground is plain: enlarging gets that right. What is added sits at edges, and where people moved. Look at
# scale 2: interpolation in time has made two half-transparent ghosts out of one walker, and $G^2$ paints them over. A
# residual generator does not need to repeat what is already there, and one that puts out zeros does no harm.
#
# The same in numbers. *Why is the upper line a zigzag?*

# %%
described(
    figures.residual_sizes(path, model.config),
    "Three lines over the scales: the error before each generator, the smaller error after it, and the size of its addition",
)

# %% tags=["nbval-ignore-output"]
frames = [shape[0] for shape in model.shapes]
new = [n for n in range(1, len(frames)) if frames[n] > frames[n - 1]]
sizes = {n: rms(step.residual) for n, step in enumerate(path, start=1)}
for n, size in sizes.items():
    print(f"scale {n}: {frames[n - 1]:2} -> {frames[n]:2} frames, adds {size:.3f}")
assert sorted(sorted(sizes, key=sizes.get)[-len(new) :]) == new, "most must be added where frames are new"

# %% [markdown]
# Sharper pixels are a small correction. New moments in time are a large one: a frame that the scale below never had
# starts out as a blend of its neighbours.
#
# Two things more: the line after $G^n$ stays low, and it rises a little where GAN scales begin. They have a second aim
# beside reconstruction, to look sharp.

# %% tags=["nbval-ignore-output"]
for n, step in enumerate(path, start=1):
    before, after = rms(step.up - step.real), rms(step.out - step.real)
    print(f"scale {n}: error {before:.3f} -> {after:.3f}")
    assert after < before

# %% [markdown]
# ## Equations (7) and (8): what a VAE scale minimises
#
# $$\mathrm{Recon}(\bar x^n, x^n) = \|\bar x^n - x^n\|_2 \tag{7}$$
#
# $$\mathcal{L}_{vae} = \mathrm{Recon}(\bar x^n, x^n) + \mathrm{Recon}(\bar x^0, x^0) + \beta_{vae}\,\mathrm{KL}(x^0) \tag{8}$$
#
# There is one encoder, and it only ever sees $x^0$; so there is one KL. But the encoder is *trained* by what happens at
# scale $n$: if a finer scale needs to know something, the message must come from the coarse latent map.
#
# *Why the second term? What could $\bar x^0$ turn into without it?*
#
# ### Exercise 2


# %% tags=["exercise"]
def vae_loss(recon_n, real_n, recon_0, real_0, kl, beta):
    """Equation (8) for one clip. recon and real: '1 3 t h w' at scale n and at scale 0; kl and beta are numbers."""
    # hint: three terms, two of them norms of a difference (`torch.linalg.vector_norm`). No square is left once the root is taken, and β
    # stands before one term only.
    # solution
    at_n = torch.linalg.vector_norm(recon_n - real_n)
    at_0 = torch.linalg.vector_norm(recon_0 - real_0)
    return at_n + at_0 + beta * kl
    # end


# %%
check.vae_loss(vae_loss)

# %% [markdown]
# Without the second term nothing says that $\bar x^0$ is a picture: the end of the chain is all that counts, and the
# inner scales may pass on whatever code serves it. The term keeps scale 0 a small, honest clip.
#
# A whole step at scale 2, in the open, against the library's, with the same random numbers:

# %%
x0, x2 = (torch.rand(1, 3, *shapes[n]) * 2 - 1 for n in (0, 2))
draws = steps.draw(network, shapes, 2, 1, torch.Generator().manual_seed(0))
mu, logvar = network.encoder(x0)
recon_0 = network.generators[0](mu + draws.epsilon * (0.5 * logvar).exp())  # equation (4)
made_1 = network.refine(1, recon_0, shapes[1])  # equation (6), twice
made_2 = network.refine(2, made_1, shapes[2])
kl = losses.kl_divergence(mu, logvar, "sum")
ours = (made_2 - x2).norm() + (recon_0 - x0).norm() + small.beta * kl  # equation (8)
torch.testing.assert_close(ours, steps.vae_losses(network, shapes, 2, x0, x2, draws, hp.make_objective(small))["total"])
print("our step is the library's step")

# %% [markdown]
# ## Who learns?
#
# At scale 2 the paper trains $E$, $G^0$ and $G^2$. $G^1$ has had its turn and is frozen. We freeze it, go backwards, and
# ask every network for its gradients. *$G^1$ stands between $G^2$ and $G^0$. How can $G^0$ learn if $G^1$ does not?*

# %%
network.freeze_all_but(2)
steps.vae_losses(network, shapes, 2, x0, x2, draws, hp.make_objective(small))["total"].backward()
parts = {"E": network.encoder} | {f"G{n}": g for n, g in enumerate(network.generators)}
for name, part in parts.items():
    gradients = [weight.grad is not None for weight in part.parameters()]
    print(f"{name}: {sum(gradients)} of {len(gradients)} weight tensors have gradients")

# %% [markdown]
# Frozen is not cut off. A gradient *with respect to $G^1$'s input* passes through it, using its weights, on the way to
# $G^0$ and $E$; only the gradient *with respect to its weights* is never made. The diagram is drawn from such a live
# graph: a hook on every network's output notes whether a gradient came by.

# %%
flow = experiment.gradient_flow(small, scale=2)
print(flow)

# %%
described(
    figures.flow_diagram(flow, small),
    "E, G0, G1, G2 in a row; orange arrows run from G2 back to E; G1 is white: passed through, the others are yellow",
)

# %% [markdown]
# *And at a GAN scale, say 4: how far down will the orange arrows go?* Move the first slider. The second changes how many
# scales are VAEs.

# %% tags=["nbval-ignore-output"]
from hpvae_nb.lessons.l05_hierarchy.views import flow_view

view = flow_view(small)
view

# %%
*_, picture, text = view.children
before = picture.value
with moved(view, scale=4):  # and back again
    print(text.value)
    assert picture.value != before, "another scale must give another diagram"

# %% [markdown]
# At a GAN scale the arrows stop at once: $G^n$ and its discriminator learn, and nothing below is even in the graph. That
# makes such steps cheap, and it has a purpose. The scales below decided the layout. If the pressure to look sharp could
# reach them, the easiest way to look sharp would be to repeat the one sharp clip there is. The paper tried: with all
# levels trained, diversity fell by 51 % and the distance to real clips (SVFID) grew by 680 % (section 4.2).
#
# ### Exercise 3
#
# Write the rule. $M$ scales, 0 to $M-1$, are VAE scales. The check compares your rule with live graphs.


# %% tags=["exercise"]
def trained(n, vae_levels):
    """Names of the networks that learn at scale n, such as {"E", "G0"}; discriminators are called "D4" and so on."""
    # hint: move the slider of the diagram through all scales and read off the yellow boxes. Two cases are enough: is n below
    # `vae_levels` or not? `f"G{n}"` makes a name of a number.
    # solution
    if n < vae_levels:
        return {"E", "G0", f"G{n}"}
    return {f"G{n}", f"D{n}"}
    # end


# %%
check.trained(trained)

# %% [markdown]
# ## Fine-tuned with care
#
# $E$ and $G^0$ go on learning at scales 1 and 2, but more and more slowly: their learning rate is multiplied by 0.2 at
# each scale, or all that scale 0 found would be lost to the whims of an untrained $G^n$.

# %%
for n in range(3):
    rates = [small.lr * small.lr_decay**power for _, power in network.trained_at(n)]
    print(f"scale {n}:", [f"{rate:.0e}" for rate in rates])

# %% [markdown]
# Two facts to verify on a real, if short, training: sixty steps at each of three scales. *Which of the networks will be,
# bit for bit, what they were when scale 2 began?*


# %%
def weights(network):
    """All parameters, copied and joined."""
    return torch.cat([weight.detach().flatten().clone() for weight in network.parameters()])


short = hp.preset("laptop", coarse_size=16, iterations=60)
for event in hp.train(clip, short, seed=0):
    live = event.model.network
    if (event.scale, event.iteration) == (1, 60):
        before = {"E": weights(live.encoder), "G0": weights(live.generators[0]), "G1": weights(live.generators[1])}
    if (event.scale, event.iteration) == (2, 60):
        break

# %% tags=["nbval-ignore-output"]
after = {"E": weights(live.encoder), "G0": weights(live.generators[0]), "G1": weights(live.generators[1])}
for name in before:
    print(f"{name}: largest change at scale 2 is {(after[name] - before[name]).abs().max():.4f}")
assert torch.equal(before["G1"], after["G1"])
assert not any(torch.equal(before[name], after[name]) for name in ("E", "G0"))

# %% [markdown]
# ## A running start
#
# A new generator does not start from nothing: it is a copy of the one below ("we initialise $G^n$ with the weights of
# $G^{n-1}$"). *One copy cannot be complete. Which, and why?* Think of what $G^0$ reads.

# %%
fresh = hp.make_hierarchy(small)
fresh.grow()
fresh.grow()
for n in (1, 2):
    (name, new), (_, old) = (next(fresh.generators[k].named_parameters()) for k in (n, n - 1))
    print(f"first layer of G{n}: {tuple(new.shape)}, below it {tuple(old.shape)}; a copy: {torch.equal(new, old)}")

# %% [markdown]
# $G^0$ reads latent vectors and $G^1$ reads colours, so the first layer of $G^1$ is new. Everything above is copied: all
# scales enlarge the same world, and what helps at one helps at the next.
#
# ## Scale 0 decides
#
# Now from the other end: draw $z$ from the prior, and watch three samples grow through the scales. *At which scale can
# you tell where people will be?*

# %%
described(
    figures.growth_sheet(model, seed=0),
    "Three random samples in rows, scales 0 to 6 in columns: coloured blotches up to scale 2, then walkers where the "
    "blotches were",
)

# %% [markdown]
# The VAE scales give blotches in false colours. Then the first GAN scale takes each dark blotch for a walker, and from
# there on walkers stay where they are. That is the division of labour: the VAE scales propose, the GAN scales execute.
#
# Is it true that the plan is made at scale 0? Shrink sixteen finished samples to scale 0, and ask of each which of the
# sixteen plans it resembles most. By chance one would be right.

# %% tags=["nbval-ignore-output"]
plans, finished = (model.sample(16, seed=0, scales=scales) for scales in (1, model.scales))
shrunk = hp.pyramid.coarsest(model.config, finished, model.shapes[0])
distance = torch.cdist(shrunk.flatten(1), plans.flatten(1))
own = (distance.argmin(dim=1) == torch.arange(16)).sum().item()
print(own, "of 16 samples resemble their own plan most")
assert own > 8

# %% [markdown]
# ## What we found
#
# In this model, on this clip:

# %% tags=["nbval-ignore-output"]
print("scale   error before   after    added")
for n, step in enumerate(path, start=1):
    before_n, after_n = rms(step.up - step.real), rms(step.out - step.real)
    print(f"{n:5} {before_n:14.3f} {after_n:7.3f} {rms(step.residual):8.3f}")
print(f"{own} of 16 samples resemble their own plan most")

# %% [markdown]
# - A scale adds a residual, at edges and above all in new frames, and each brings the clip nearer to the real one.
# - VAE scales train $E$, $G^0$ and $G^n$, through a frozen middle. GAN scales train $G^n$ and $D^n$ alone.
# - Scale 0 decides the layout; freezing protects its decision.
# - **Where it fails**: what scale 0 gets wrong stays wrong. A pale blotch becomes a walker without a body, and no higher
#   scale takes it back.
#
# ## Questions
#
# 1. Why is there a KL term for $x^0$ only, and not one for each scale?
#    Answer: The KL is the price of a message, and there is one message: $E$ sees $x^0$ alone, and all scales are made from the one latent
#    map that it sends. The VAE scales above draw nothing of their own.
# 2. A frozen network passes gradients on. Which line of code would cut them off, and what would $E$ then learn at scale 2?
#    Answer: A `.detach()` on $\bar x^0$ or $\bar x^1$, or `with torch.no_grad():` around $G^1$. $E$ would then learn from the
#    reconstruction of $x^0$ and from the KL alone, as at scale 0, and nothing of what scale 2 needs to know.
# 3. If all of $G^n$'s weights were 0, what would $\bar x^n$ be? Why is that a good place to start from?
#    Answer: $\uparrow\!\bar x^{n-1}$, the clip from below, enlarged. That is right already wherever the clip is smooth, so what is left to learn is
#    small, and the error shows where: at edges and in new frames.
# 4. With $M = 1$ the paper sees memorised clips, with $M = 9$ blurry ones. Explain both from the diagram.
#    Answer: With $M = 1$ critics judge from scale 1 on, where a patch still covers much of the frame: the surest way to look real is to
#    repeat the one real layout. With $M = 9$ all scales but the last learn to reconstruct, which draws the mean of what might be,
#    and a single GAN scale is left to sharpen it.
#
# ## References
#
# - S. Gur, S. Benaim, L. Wolf: *Hierarchical Patch VAE-GAN*. NeurIPS 2020. Sections 3.2 and 4.2.
# - T. R. Shaham, T. Dekel, T. Michaeli: *SinGAN*. ICCV 2019. Where the residual pyramid comes from.
# - T. Hinz, M. Fisher, O. Wang, S. Wermter: *Improved Techniques for Training Single-Image GANs*. WACV 2021. What happens
#   if several scales are trained together.
