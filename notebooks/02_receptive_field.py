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
# # 2. How far a network sees
#
# **You will be able to** compute the receptive field $r$ of a network from its layers, measure it from gradients, and choose
# it for a clip.
#
# **You need** lesson 1 (patches), and to know what a convolution does.
#
# **It takes** half an hour to read and to solve; all cells together run in about 20 seconds on a CPU, with or without a GPU.
#
# Lesson 1 cut a clip into patches with a knife. The networks of this method never cut anything. They are stacks of
# convolutions, and the patch is simply what one output *can see*. So the size of the patches is decided by kernels and depth.

# %%
import json

import torch

import hpvae_nb as hp
from hpvae_nb.core.receptive_field import gradient_map
from hpvae_nb.lab.live import moved
from hpvae_nb.lab.render import described
from hpvae_nb.lessons.l02_receptive_field import checks as check
from hpvae_nb.lessons.l02_receptive_field import experiment, figures

# %% [markdown]
# ## One layer
#
# A convolution with a kernel of 3 x 3. We ask one pixel of its output, the one in the middle: which inputs would change you?
# That is a gradient, and PyTorch computes it.
#
# *How many ones will there be, and where?*

# %%
layer = torch.nn.Conv2d(1, 1, kernel_size=3, padding=1)
x = torch.randn(1, 1, 7, 7, requires_grad=True)
layer(x)[0, 0, 3, 3].backward()
print((x.grad[0, 0] != 0).int().numpy())

# %% [markdown]
# ## Several layers
#
# Now the same question to stacks of such layers, with a LeakyReLU between them. *How wide is the field after two layers? After
# five?*

# %%
depths = (1, 2, 3, 5)
maps = [gradient_map(experiment.stack(depth), (1, 33, 33)) for depth in depths]
described(
    figures.maps_figure(maps, ["1 layer", "2 layers", "3 layers", "5 layers"], window=13),
    "Four grey squares, 3, 5, 7 and 11 pixels wide: what one output sees after 1, 2, 3 and 5 layers. The wider "
    "ones are dark in the middle and pale at the rim.",
)

# %% [markdown]
# 3, 5, 7, 11: each layer of kernel $k$ adds $k - 1$. With a *dilation* of $d$ the taps of the kernel lie $d$ sites apart, so it
# adds $(k - 1)\,d$. And after a *stride* of $s$, one step of all later layers is $s$ steps of the input:
#
# $$r_l = r_{l-1} + (k_l - 1)\,d_l\,j_{l-1}, \qquad j_l = j_{l-1}\,s_l, \qquad r_0 = j_0 = 1.$$
#
# ### Exercise 1: compute it
#
# The lists hold one entry for each layer, from the one nearest to the input.


# %% tags=["exercise"]
def field(kernels, strides, dilations):
    """The receptive field r of a chain of layers."""
    r, jump = 1, 1
    # hint: go through the layers with `zip(kernels, strides, dilations)`. Each one adds to `r` by the formula above;
    # `jump` is the $j$ of the layers before it, so change it after `r`.
    # solution
    for kernel, stride, dilation in zip(kernels, strides, dilations, strict=True):
        r += (kernel - 1) * dilation * jump
        jump *= stride
    return r
    # end


# %%
check.field(field)

# %% [markdown]
# The package reads kernel, stride and dilation from the layers themselves, for every axis.

# %%
for depth, kernel, dilation in [(5, 3, 1), (5, 5, 1), (3, 3, 2)]:
    (r, _) = hp.receptive_field(experiment.stack(depth, kernel, dilation))
    print(f"{depth} layers, kernel {kernel}, dilation {dilation}: r = {r}")
    assert r == 1 + depth * (kernel - 1) * dilation

# %% [markdown]
# ## Measured, not believed
#
# A formula describes the network we think we built. A gradient asks the one that is there. From the map of gradients we only
# have to read off how far it reaches.
#
# ### Exercise 2: from a map to a size
#
# The map is `t h w`, zero where the input does not matter. Beware: dilated kernels leave holes.


# %% tags=["exercise"]
def extent(gradient):
    """How far the non-zero entries reach along time, height and width: three numbers."""
    # hint: `torch.nonzero` lists the sites that matter, one a row. What counts are the first and the last along each axis, and
    # both belong to the field.
    # solution
    sites = torch.nonzero(gradient)
    return (sites.max(dim=0).values - sites.min(dim=0).values + 1).tolist()
    # end


# %%
check.extent(extent)

# %%
net = experiment.stack(3, dilation=2, dims=3)
gradient = gradient_map(net, (1, 17, 17, 17))
sites = torch.nonzero(gradient)
measured = tuple((sites.max(dim=0).values - sites.min(dim=0).values + 1).tolist())
print("measured", measured, "| the package measures", hp.empirical_receptive_field(net, (1, 17, 17, 17)))
print("computed", hp.receptive_field(net), "| sites that matter", len(sites), "of", 13**3)

# %% [markdown]
# Both agree on 13. But with a dilation of 2 only every second site counts: a wide view with holes in it.
#
# ## The networks of this method
#
# The paper says its networks have "an effective receptive field of $r = 11$". We build them, few channels wide because width does
# not matter here, and do both: compute and measure. E is the encoder, G a generator, D a discriminator.

# %%

for name in ("paper", "released", "laptop"):
    config = hp.preset(name, channels=2, latent=2)
    for net, channels in (
        (hp.make_encoder(config), 3),
        (hp.make_generator(config, 0), 2),
        (hp.make_discriminator(config), 3),
    ):
        (r, *_), (m, *_) = hp.receptive_field(net), hp.empirical_receptive_field(net, (channels, 17, 17, 17))
        print(f"{name:9} {type(net).__name__:14} computed {r:2}, measured {m:2}")

# %% [markdown]
# Eleven is right for the paper's G and D, with five layers each. Its encoder has two heads of one more layer, on top of those
# five, so it sees 13. The code its authors released is another matter: 9 for E, 15 for G and D. Such differences are why one
# measures.
#
# ## In space and in time
#
# The kernels have three axes, so a field of 11 is 11 pixels wide, 11 high *and 11 frames long*. Here it lies over a clip.
# Left a frame. Right one row of pixels, frame below frame: who walks draws a slanted line.

# %%
laptop, clip = hp.preset("laptop"), hp.load_clip("pedestrians")
shapes = hp.scale_shapes(laptop, clip)
copies = [hp.pyramid.real_samples(laptop, clip, n, shapes[n])[0] for n in range(7)]
described(
    figures.field_figure(copies[6], (11, 11, 11), (6, 18, 32)),
    "Left: a street with walkers and a box of 11 x 11 pixels at its centre. Right: one row of pixels over 13 frames, "
    "with a box over 11 of the frames; walkers are slanted dark stripes.",
)

# %% [markdown]
# Now with sliders. *How deep must a network of kernel 3 be to see a whole walker at scale 6? And at scale 2?*

# %% tags=["nbval-ignore-output"]
from hpvae_nb.lessons.l02_receptive_field.views import field_view

view = field_view(copies)
view

# %%
*_, picture, sentence = view.children
before = picture.value
with moved(view, kernel=5):  # and back again
    assert picture.value != before, "a larger kernel must give another picture"
    print(sentence.value)

# %% [markdown]
# At scale 0 five layers already see nearly as far as the frame is high, and further than its four frames: the box sticks
# out. What lies outside are zeros. We come back to that.
#
# ## What it can see, and what it looks at
#
# The maps above were pale at the rim. An input in the outermost corner reaches the output by a single path, one in the middle by
# very many. We average the gradients of 32 random stacks of five layers.
#
# *How large a window holds 90 % of the gradient: 11, 9, 7 or 5 pixels?*

# %%
average = experiment.average_map(5)
described(
    figures.effective_figure(average, 11),
    "Left: the average gradient of one output, a dark spot inside a box of 11 x 11; a smaller dashed box holds 90 % of it. "
    "Right: the part of the gradient inside a window against its size, rising steeply at first and flat at the end.",
)

# %% tags=["nbval-ignore-output"]
inside = {side: experiment.share_within(average, side) for side in (1, 3, 5, 7, 9, 11)}
for side, share in inside.items():
    print(f"the middle {side:2} x {side:2}: {side**2 / 11**2:4.0%} of the area, {share:4.0%} of the gradient")
assert abs(inside[11] - 1) < 1e-5
assert inside[7] > 0.7
print("smallest window that holds 90 %:", experiment.side_holding(average))
assert experiment.side_holding(average) == 9

# %% [markdown]
# The theoretical field is a bound. What counts, the *effective* field, is smaller, and shaped like a bell. With five layers the
# difference is modest. Luo and others showed in 2016 that the effective field grows only like the square root of the depth, if
# weights are random. *How wide will it be after 28 layers, which in theory see 57 pixels?*

# %%
depths = (1, 2, 3, 5, 8, 12, 16, 20, 28)
effective = [experiment.side_holding(experiment.average_map(depth, repeats=8)) for depth in depths]
described(
    figures.depth_figure(depths, effective),
    "Against depth, the theoretical field rises in a straight line to 57 pixels; the window with 90 % of the gradient "
    "rises ever more slowly.",
)

# %% tags=["nbval-ignore-output"]
part = [e / (1 + 2 * depth) for e, depth in zip(effective, depths, strict=True)]
print("part of the field that is used:", {depth: f"{p:.0%}" for depth, p in zip(depths, part, strict=True)})
assert part[0] > part[3] > part[-1]

# %% [markdown]
# Does training change that? The encoder of a trained model tells. It computes 9 frames of 9 x 9 pixels into one latent.

# %% tags=["nbval-ignore-output"]
model = hp.load_model("pedestrians_m3", device="cpu")
trained = gradient_map(model.network.encoder, (3, 17, 17, 17))
even, share = 5**3 / 9**3, experiment.share_within(trained, 5)
print(f"in the middle 5 x 5 x 5: {share:.0%}, where a uniform gaze would have {even:.0%}")
assert hp.receptive_field(model.network.encoder) == (9, 9, 9)
assert share > 2 * even

# %% [markdown]
# ## Three fields of one latent
#
# The paper's Figure 3 asks three questions about one latent vector $z_i$:
#
# 1. What does it see of the clip? The patch $w_i$, by the field of the encoder.
# 2. Which latents shape that patch when it is decoded? Those within reach of the generator, from any pixel of the patch.
# 3. What does $z_i$ itself sway in the output? Whatever sees it: the field of the generator.
#
# *The encoder sees 9, the generator 11. How wide is the region of latents that shape a patch of 9?*

# %%
from hpvae_nb.lessons.l02_receptive_field.views import latent_picture, latent_view

small = hp.load_clip("pedestrians", size=48).video
config = hp.preset("laptop", channels=4, latent=4)
encoder, generator = hp.make_encoder(config), hp.make_generator(config, 0)
picture, sentence = latent_picture(small, encoder, generator, frame=6, row=13, column=24)
described(picture, sentence)

# %% [markdown]
# The grey shades are measured gradients, the boxes are computed. Shades are strongest near the middle, as they should be.
#
# The middle panel is the important one. A patch of 9 x 9 pixels is *not* made by one latent. All within 19 x 19 take part, each also
# taking part in its neighbours' patches. That is how the generator learns to make neighbours agree, which shuffled tiles could not.

# %%
shaping = gradient_map(generator, (4, 23, 23, 23), patch=(9, 9, 9))
reach = torch.nonzero(shaping)
print("latents that shape a patch of 9:", (reach.max(dim=0).values - reach.min(dim=0).values + 1).tolist())
print("computed:", 9 + 11 - 1)

# %% tags=["nbval-ignore-output"]
view = latent_view(small, encoder, generator)
view

# %%
*_, picture, sentence = view.children
before = picture.value
with moved(view, frame=0, row=2, column=5):
    assert picture.value != before, "another latent must give another picture"

# %% [markdown]
# In a corner of the clip most of the box hangs over the border. The latent there sees zeros, so it *knows* that it is in a corner.
#
# ## Choosing r for a clip
#
# Too small a field, and the network never sees a whole thing. Too large, and all it sees is the one arrangement it was given.
#
# ### Exercise 3: how many layers?


# %% tags=["exercise"]
def depth_for(size, kernel):
    """The fewest layers of `kernel`, without stride or dilation, whose field is at least `size`."""
    # hint: solve $1 + \text{depth} \cdot (\text{kernel} - 1) = \text{size}$ for the depth. There are no halves of a layer:
    # in which direction must you round?
    # solution
    return -(-(size - 1) // (kernel - 1))  # rounded up
    # end


# %%
check.depth_for(depth_for)

# %% [markdown]
# For the balloons we know every size exactly. We draw them at each scale, against a field of 11.
#
# *Which balloons does it see whole, at which scales?*

# %%
facts = json.loads((hp.io.clips.data_dir() / "balloons.json").read_text(encoding="utf-8"))
sizes = {b["name"]: 2 * b["radius"] / facts["width"] for b in facts["balloons"]}
chosen = {name: sizes[name] for name in sorted(sizes, key=sizes.get)[::3]}
described(
    figures.choice_figure(shapes, chosen, 11),
    "Left: the diameter of three balloons in pixels, rising with the scale; only the largest comes near the line of "
    "11 pixels, at the last scale. Right: frames of the clip at each scale, from 4 to 13, with a line at 11.",
)

# %% [markdown]
# Every balloon fits, the largest only just at the last scale. In time it is otherwise: a field of 11 reaches five frames
# back and five ahead. Up to scale 3, where the clip has at most five frames, every site sees all of them: the network
# knows at each moment how the story begins and ends.
#
# How many sites see beyond a border? Those whose field does not fit inside: exercise 2 of lesson 1, subtracted from all.

# %%
for n, (t, h, w) in enumerate(shapes):
    space, time = experiment.border_share((h, w), (11, 11)), experiment.border_share((t,), (11,))
    print(f"scale {n}: {t:2} x {h:2} x {w:2}   beyond an edge: {space:4.0%}   beyond first or last frame: {time:4.0%}")

# %% [markdown]
# At scale 0 most sites see beyond an edge, so they can tell where they are. That is one reason why samples keep the ground below and
# the sky above, although convolutions are said not to know where they are. It is also a reason why borders look odd in samples.

# %% [markdown]
# ## What we found

# %% tags=["nbval-ignore-output"]
for side, value in inside.items():
    print(f"five layers, random weights: {value:4.0%} of the gradient within {side} x {side} px")
print(f"trained encoder: {experiment.share_within(trained, 5):4.0%} within 5 x 5 x 5")

# %% [markdown]
# - Each layer adds (kernel - 1) x dilation x the strides before it. Five layers of kernel 3 see 11.
# - Gradients confirm it: 11 for the paper's G and D, 13 for its E with heads; 15 and 9 in the released code.
# - The effective field is smaller than the theoretical one, and falls ever further behind with depth.
# - One patch is shaped by many latents: 19 x 19 x 19 of them for a patch of 9 and a generator of 11.
# - Where it fails: in time, 11 frames are nearly all of a clip of 13. This method learns patches in space, but hardly any in time.
#
# ## Questions
#
# 1. Why is the order of strides important, but not that of dilations?
#    Answer: A stride multiplies the steps of all layers after it, so an early one widens many views and a late one few. A dilation
#    widens its own layer's view alone, and a sum does not depend on the order of its terms.
# 2. A network of five layers of kernel 3, or one of a single layer of kernel 11: same field. Which has fewer weights in 3D?
#    Answer: The five layers, with $5 \cdot 3^3 = 135$ for each pair of channels, against $11^3 = 1331$. And there are activations
#    between them.
# 3. What would you expect of an encoder with $r = 1$? Lesson 3 tries it.
#    Answer: Its latent vector can tell the colour of one pixel, and nothing of what is around it. So the decoder has to keep the
#    layout to itself, where it is the same for all samples.
# 4. Normalisation over all sites (as in G) lets every output see every input. Why do we leave it out when we measure?
#    Answer: Mean and spread depend on all inputs, a little on each. Every gradient would be above 0, the measured field as large as
#    the clip, and nothing would be left to see of kernels and depth.
#
# ## References
#
# - S. Gur, S. Benaim, L. Wolf: *Hierarchical Patch VAE-GAN: Generating Diverse Videos from a Single Sample*. NeurIPS 2020.
#   Section 3.1 and Figure 3.
# - W. Luo, Y. Li, R. Urtasun, R. Zemel: *Understanding the effective receptive field in deep convolutional neural networks*.
#   NeurIPS 2016.
# - A. Araujo, W. Norris, J. Sim: *Computing receptive fields of convolutional neural networks*. Distill, 2019.
# - M. A. Islam, S. Jia, N. D. B. Bruce: *How much position information do convolutional neural networks encode?* ICLR 2020.
