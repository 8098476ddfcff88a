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
# # 7. The whole model, trained on a clip of your choice
#
# **You will be able to** write equation (9), which makes a clip out of nothing; say what is random in it; train the whole
# model, stop it, go on; and do all that with a clip of your own.
#
# **You need** lessons 3 (the patch-VAE), 5 (the hierarchy) and 6 (the critic).
#
# **It takes** 25 minutes to read; all cells together run in about half a minute on a laptop, with or without a GPU. A model
# that makes good clips takes five minutes more, and you can read on meanwhile.
#
# All parts are on the table: a patch-VAE that proposes, residual generators that refine, critics that demand sharpness.
# Here they become one machine.

# %%
import re
import tempfile
import time

import torch
import torch.nn.functional as F

import hpvae_nb as hp
from hpvae_nb.core import steps
from hpvae_nb.core.latents import normal_maps
from hpvae_nb.lab.diagram import training_diagram
from hpvae_nb.lab.live import moved
from hpvae_nb.lab.progress import watch
from hpvae_nb.lab.render import described
from hpvae_nb.lessons.l07_hp_vae_gan import checks as check
from hpvae_nb.lessons.l07_hp_vae_gan import figures

# %% [markdown]
# Here it is as a whole, drawn from a model that was trained for a few minutes on the pedestrians. Two clips pass the
# same generators: the upper one begins with the real clip, the lower one with chance alone. Below stands which networks
# learn while a scale is trained. *Where does chance enter, and at which scales does nobody judge what it makes?*

# %%
clip = hp.load_clip("pedestrians", frames=13)
model = hp.load_model("pedestrians_m3", device="cpu", precision="float32")
described(
    training_diagram(model.network, hp.make_discriminator(model.config), model.shapes),
    "Seven scales from left to right, the first three VAE, the others GAN. Two paths run through G0 to G6: a reconstruction, "
    "from the real clip by way of E, and a random clip, from z. At GAN scales noise z3 to z6 enters the random path, and "
    "critics D3 to D6 judge what comes out. Below: VAE scales train E, G0 and their own generator; GAN scales their own "
    "generator and critic",
)

# %% [markdown]
# ## Equation (9): a clip out of nothing
#
# $$\bar x^0_{rand} = G^0(z), \quad z \sim N(0, I)$$
#
# $$\bar x^n_{rand} = \;\uparrow\!\bar x^{n-1}_{rand} + G^n\big(\uparrow\!\bar x^{n-1}_{rand} + z_n\big)$$
#
# You know the second line from lesson 5, but for one letter: $z_n$, fresh noise in the input of every GAN generator. At
# VAE scales there is none ($z_n = 0$).
#
# *Why noise? Think of $G^6$ without it: which of its outputs would be possible for one given clip from below?*
#
# ### Exercise 1
#
# Write one GAN scale. The noise comes with standard deviation 1, and an amplitude says how much of it is wanted.


# %% tags=["exercise"]
def random_scale(below, shape, generator, noise, amplitude):
    """Equation (9) at a GAN scale: below is 'b 3 t h w' of scale n-1; noise is 'b 3 T H W', shape is (T, H, W)."""
    # hint: First bring `below` to the new size (lesson 5). Then mind where the noise stands in equation (9): in the
    # sum, in the generator's input, or in both?
    # solution
    up = F.interpolate(below, size=shape, mode="trilinear", align_corners=True)
    return up + generator(up + amplitude * noise)
    # end


# %%
check.random_scale(random_scale)

# %% [markdown]
# Now the whole of equation (9), with the model of the picture. (It computes in float32, so that our arithmetic and the
# library's agree to the last digits. The tanh around each sum is the released code's.)

# %%
network, shapes, levels = model.network, model.shapes, model.config.vae_levels
z = normal_maps((model.config.latent, *shapes[0]), 3, range(1), 0)  # seed 3, its first sample, scale 0
print("z", tuple(z.shape), "-> a clip", (3, *shapes[-1]))

# %% [markdown]
# *Before you run the cell: how many convolutional networks does $z$ pass on its way?*

# %%
with torch.no_grad():
    x = torch.tanh(network.generators[0](z))
    for n in range(1, model.scales):
        up = F.interpolate(x, size=shapes[n], mode="trilinear", align_corners=True)
        z_n = torch.zeros_like(up)
        if n >= levels:
            z_n = network.amplitudes[n] * normal_maps((3, *shapes[n]), 3, range(1), n)
        x = torch.tanh(up + network.generators[n](up + z_n))
        print(f"scale {n}: {tuple(x.shape)}", "with noise" if n >= levels else "")

# %%
torch.testing.assert_close(x, model.sample(1, seed=3), atol=1e-4, rtol=1e-4)
print("the library samples in the same way")

# %% [markdown]
# The library's names for these lines: `network.base(z)` is the first, `network.refine(n, x, shape, z_n)` one turn of the
# loop, and `network.decode(z, shapes, noise)` all of them. Without noise it is equation (6):

# %%
with torch.no_grad():
    y = network.decode(z, shapes[:levels])
torch.testing.assert_close(y, model.sample(1, seed=3, scales=levels), atol=1e-4, rtol=1e-4)
print("the VAE scales alone:", tuple(y.shape))

# %% [markdown]
# ## Who decides what?
#
# Two things are random: $z$ and the noise. Take one $z$, call it plan A, with two draws of the noise; then another plan
# with the first draw. *Which will change more, and where?*

# %%
described(
    figures.noise_sheet(model),
    "Plan A with two draws of noise looks the same; plan B has walkers in other places. Difference maps: nearly black for "
    "noise, bright walkers for the plan",
)

# %% tags=["nbval-ignore-output"]
samples = model.decode(model.latent(2, seed=0), seed=1)
again = model.decode(model.latent(1, seed=0), seed=2)
by_noise, by_plan = ((samples[0] - other).square().mean().sqrt() for other in (again[0], samples[1]))
print(f"the noise changes the clip by {by_noise:.3f}, the plan by {by_plan:.3f}")
assert by_plan > 5 * by_noise

# %% [markdown]
# The plan decides where people walk. The noise touches their edges, and of the plain ground nothing at all: where
# everything is certain, the generators have learned to ignore it.
#
# Play with all three. *At which strength does the noise begin to invent things?*

# %% tags=["nbval-ignore-output"]
from hpvae_nb.lessons.l07_hp_vae_gan.views import noise_view

sliders = noise_view(model)
sliders

# %%
*_, picture, text = sliders.children
before = picture.value
with moved(sliders, strength=0):
    silent = picture.value
    print(text.value)
with moved(sliders, strength=0, draw=5):
    assert picture.value == silent != before, "without noise, its seed must be of no matter"

# %% [markdown]
# ## How strong is the noise?
#
# It should stand in for what a scale cannot know. The paper gives no number. The released code measures: at the moment
# scale $n$ begins, before its first step, let the model reconstruct its clip, and take
#
# $$a_n = 0.1 \cdot \sqrt{\mathrm{mean}\big((\bar x^n - x^n)^2\big)}.$$
#
# ### Exercise 2


# %% tags=["exercise"]
def noise_amplitude(reconstructed, real):
    """A tenth of the root mean squared error, a number. reconstructed and real: 'b 3 t h w'."""
    # hint: Read the name from right to left: *error*, *squared*, *mean*, *root*. The factor 0.1 comes last.
    # solution
    return 0.1 * (reconstructed - real).square().mean().sqrt()
    # end


# %%
check.noise_amplitude(noise_amplitude)

# %%
described(
    figures.noise_sizes(model),
    "Bars of the noise amplitude for scales 1 to 6: the VAE scales are hatched and largest, the GAN scales lie between one "
    "and two and a half grey levels",
)

# %% [markdown]
# One or two grey levels of 255. Too little to see, enough to break ties.
#
# ## The whole training is two loops
#
# Scale by scale, step by step. A `Trainer` holds networks and optimisers; entering a scale adds a generator, freezes what
# is below (lesson 5) and fixes the amplitude; a step is equation (5), (8), or (10) and (11). Very small networks and eight
# steps a scale are enough to see the machine turn.

# %%
from hpvae_nb.training.trainer import Trainer

tiny = hp.preset("smoke")
trainer = Trainer(hp.HpVaeGan(), clip, tiny, seed=0, device="cpu", precision="float32")
for n in range(3):
    trainer.enter_scale(n)
    for _ in range(tiny.iterations):
        terms = trainer.step()
    print(f"scale {n} ({'VAE' if tiny.is_vae(n) else 'GAN'}):", *terms)

# %% [markdown]
# One scale is left; enter it slowly. The trainer draws its random numbers from one generator: we keep a copy of its state,
# so that we can measure the amplitude with the same $z'$.

# %%
dice = trainer.generator.clone_state()
trainer.enter_scale(3)

# %%
x0, x3 = (hp.pyramid.real_samples(tiny, clip, n, trainer.shapes[n]) for n in (0, 3))
draws = steps.draw(trainer.network, trainer.shapes, 0, 1, dice)
with torch.no_grad():
    reconstructed = steps.reconstruct(trainer.network, trainer.shapes, 3, x0, draws)
measured = 0.1 * (reconstructed - x3).square().mean().sqrt()
torch.testing.assert_close(measured.item(), trainer.network.amplitudes[3])
print("a tenth of the error with which the scale begins")

# %% [markdown]
# Eight more steps, and the two loops are through. The library's own training ends at the same weights:

# %%
for _ in range(tiny.iterations):
    trainer.step()
theirs = hp.fit(clip, tiny, seed=0, device="cpu", precision="float32")
for ours, expected in zip(trainer.network.parameters(), theirs.network.parameters(), strict=True):
    torch.testing.assert_close(ours, expected)
print("two loops, the same model")

# %% [markdown]
# ## Watch it
#
# `hp.train` is the same two loops as a *generator*: it hands you an event after every step. Whoever wants to watch, count
# or stop just reads events. `watch` notes their losses and draws at the end.
#
# *Before you look: the reconstruction error falls along a scale. What will it do where a new scale begins?*

# %% tags=["nbval-ignore-output"]
config = hp.preset("smoke", iterations=40)
described(
    watch(clip, config, seed=0),
    "Above: the reconstruction error falls within each VAE scale and jumps where a scale begins; the KL climbs; the critic's "
    "distance swings around a small positive value. Below: the real clip and one random sample of each scale",
)

# %% [markdown]
# - It **jumps up**: a new scale asks for details (and frames) that no one below has made.
# - The **KL climbs**: to reconstruct, the encoder has to say something, and pays for it.
# - In the GAN scales the reconstruction error hardly falls any more. It is no longer the only judge, and the **critic's
#   distance** does not fall to zero: generator and critic pull at it from two sides, as in lesson 6.
# - The samples are poor. These networks have eight channels and had seconds. The steps are the real ones.
#
# ### Exercise 3
#
# You have an event in hand; you can also decide that it was enough. Events know the `seconds` since the start. Closing a
# generator (`events.close()`) lets the training write its last checkpoint.


# %% tags=["exercise"]
def train_for(events, limit):
    """Read events until one has reached `limit` seconds or none is left; close the training; return the last model."""
    # hint: A `for` loop over `events` with a `break`; what stands after the loop is done in both cases, whether time
    # is up or no event is left.
    # solution
    for event in events:
        if event.seconds >= limit:
            break
    events.close()
    return event.model
    # end


# %%
check.train_for(train_for)

# %% [markdown]
# ## The dashboard
#
# The same events, live. **Train** begins. **Stop** ends after the step that is being made, **Continue** goes on from there.
# Training runs beside the notebook, so you can scroll and run other cells. Close the notebook, even kill its kernel: run
# the cell again, and it finds what was trained, in the folder `runs`, and offers to go on. **Start anew** forgets it.
# After the last scale **Sample** shows another clip at each press, **Save** writes the model as a file, and **Go on
# training** adds steps at the finest scale.

# %% tags=["nbval-ignore-output"]
from hpvae_nb.lab.dashboard import dashboard

view = dashboard(clip, config)
view

# %% [markdown]
# For those who read this without a mouse, the next cell presses the buttons of a second dashboard, which is not shown
# and keeps its training elsewhere: train, stop in the middle, go on.

# %%
trial = dashboard(clip, config, out=tempfile.mkdtemp())
training = trial.training
trial.buttons["train"].click()
while training.state == "running" and training.progress.steps < 50:
    time.sleep(0.05)
trial.buttons["stop"].click()
print("after Stop:", training.wait())
assert training.progress.steps > config.iterations, "a scale must be finished"
trial.buttons["train"].click()
print("after Continue:", training.wait(), "after", training.progress.steps, "steps")

# %% [markdown]
# *Was anything lost by stopping?* Train without a stop, and compare every weight.

# %%
straight = hp.fit(clip, config, seed=0)
pairs = zip(straight.network.state_dict().values(), training.model.network.state_dict().values(), strict=True)
print("largest difference of two weights:", max((a - b).abs().max().item() for a, b in pairs))

# %% [markdown]
# ## Your own clip
#
# Press **Upload your own clip** in the dashboard and choose a video file, however large; or write its path into the field
# beside the button. Then **Train**. The first 13 frames are used; for others, `hp.load_clip("my.mp4", start=200)` and
# `dashboard(that, config)`. Nothing leaves your machine: the file goes to the notebook's kernel and no further. The flyers
# of the paper's Figure 1 are one download away: `hp.load_clip(hp.download_clip("wingsuit"))`.
#
# For pictures worth looking at, take `hp.preset("laptop-128")`, some minutes, and a clip like this:
#
# - **many small things on plain ground** (birds, boats, people from above): that is where patches recur;
# - a camera that stands still;
# - things that stay smaller than a third of the frame: a face that fills it comes back scrambled.
#
# Has it no above and below, as a pond seen from above? Then `hp.preset("laptop-128", padding="replicate")`: lesson 8 shows
# what that does.
#
# A file that is no video gets a sentence, not a traceback. We try it on the dashboard that is not shown:

# %%
trial.receive("diary.mp4", b"Dear diary, ")  # what the upload button calls
said = trial.children[2].value
print(re.sub(r"<.*?>| \(.*?\)", "", said))
assert 'role="alert"' in said
assert "diary.mp4" in said
assert trial.training is training, "the clip from before must still be there"

# %% [markdown]
# ## What will it cost?
#
# Seconds depend on the machine (the dashboard measures yours); operations do not. Count those of the `laptop` preset, and of
# the paper's own, with its 20 000 steps a scale. *Guess the ratio.*

# %%
from hpvae_nb.training.cost import step_flops


def operations(recipe):
    """Floating-point operations of a whole training, scale by scale."""
    sizes = hp.pyramid.planned_shapes(recipe, aspect=9 / 16)
    return [recipe.iterations * step_flops(recipe, sizes, n) for n in range(recipe.scales)]


small, large = (operations(hp.preset(name)) for name in ("laptop", "paper"))
print("laptop:", [f"{flops / sum(small):.0%}" for flops in small], "of the work at each scale")
print("paper: ", [f"{flops / sum(large):.0%}" for flops in large])
print(f"the paper's recipe is {sum(large) / sum(small):,.0f} times the work")

# %% [markdown]
# Half of it is spent at the last scale alone: that one has the most pixels *and* all the frames, and the critic looks at
# each of them many times a step. What takes a laptop minutes would take it more than a month at full size.
#
# ## What we found

# %% tags=["nbval-ignore-output"]
print(f"changed by another noise: {by_noise:.3f}, by another plan: {by_plan:.3f} (root mean square, values span 2)")
print("noise amplitudes of the GAN scales:", [round(a, 3) for a in network.amplitudes[levels:]])
print(f"the bundled model took {model.facts['seconds']:.0f} s, {model.config.iterations} steps a scale")

# %% [markdown]
# - A clip is made by one draw of $z$, which is the plan, and a little noise at each GAN scale, which is the finish.
# - The noise is a tenth of the error that a scale begins with: one or two grey levels here.
# - Training is two loops. It can be stopped between any two steps, and goes on to the same weights.
# - **Where it fails**: losses do not tell you whether samples are good. The curves of the smoke preset look healthy, and its
#   samples are blotches. No term asks whether a *random* clip is sensible below the first GAN scale. Look at samples.
#
# ## Questions
#
# 1. Why does plain ground ignore the noise? What in the reconstruction path taught the generators to?
#    Answer: When a clip is reconstructed, no noise is added, and plain ground needs no correction at all. So a
#    generator learns: whatever small differences there are on plain ground, the residual is nothing. At the edge of a
#    walker small differences decide much, and there noise counts as well.
# 2. The amplitude is fixed when a scale begins, and not adapted. What would happen to it if it followed the error down?
#    Answer: It would go to zero with the error. But it stands for what a scale cannot know, and that does not get
#    less while the scale learns; with noise that fades, the generator would in the end be trained for hardly any, and
#    have nothing to break ties with.
# 3. Why does a stopped training have to save the optimisers and the state of the dice, and not just the weights?
#    Answer: Adam keeps running means of gradients and of their squares: without them the first steps after the stop
#    are of another size. And other dice give other $z$, noise and windows. Both models would be as good; they would
#    not be the same, and nothing could be compared or repeated.
# 4. You film your desk with a moving camera. Which of the assumptions of lesson 1 does that break?
#    Answer: That patches come again. With a moving camera the whole picture changes from frame to frame, there is no
#    plain ground that stays, and things leave for good that have been seen once only. Frames that are far apart, as
#    at coarse scales, then have little in common.
#
# ## References
#
# - S. Gur, S. Benaim, L. Wolf: *Hierarchical Patch VAE-GAN*. NeurIPS 2020. Equations (9) to (11), appendix A.1.
# - T. R. Shaham, T. Dekel, T. Michaeli: *SinGAN*. ICCV 2019. Section 2; its noise amplitude is the one used here.
