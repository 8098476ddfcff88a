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
# # 17. Ask people
#
# **You will be able to** let people rate clips without knowing who made them, turn a folder of their answers into table 3 with
# intervals, say how many raters and clips a study needs, and whether the raters agree at all.
#
# **You need** lessons 9 and 10 (what realism and diversity are, and what fools their measures), 12 (the other methods).
#
# **It takes** 25 minutes to read; all cells together run in ten seconds. To rate yourself: five minutes. A class that does so has
# a user study by the end of the hour.
#
# Measures are stand-ins for eyes. Table 3 asks the eyes: 50 users, 25 training videos, and beside each in a loop five new ones.
# The two questions, in the words of section 4.2:
#
# > (C1) How real does the generated video look? (C2) How different do the generated videos look?
#
# Answers go from 1 to 5; their mean is the *mean opinion score*. What the paper leaves open: what 1 and 5 stand for, different
# from *what*, who the users were, in which order they saw the methods, and how far its numbers can be trusted.

# %%
import json
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

import hpvae_nb as hp
from hpvae_nb.lab import show
from hpvae_nb.lab.live import moved
from hpvae_nb.lab.render import described, photo
from hpvae_nb.lessons.l17_ask_people import checks as check
from hpvae_nb.lessons.l17_ask_people import experiment, figures, views
from hpvae_nb.studies import opinions, people

# %%
print(
    *(f"{kind}: {method} {scores}" for kind, methods in opinions.PAPER.items() for method, scores in methods.items()),
    sep="\n",
)

# %% [markdown]
# ## Rate a few
#
# The package has samples of four methods on two clips (lesson 13), so there are 8 pages: one for each clip and method. They are
# 64 pixels wide and trained for minutes; nobody expects the paper's numbers of them.
#
# Invent a name, and take a folder that stays: `people.Study(items, "my_opinions", "blue heron")`. Here it is one that vanishes.
# Click, or press 1 to 5. Every answer is saved at once, and the same name goes on where it left off.

# %%
items = people.bundled()
folder = Path(tempfile.mkdtemp())
study = people.Study(items, folder, "blue heron")
print(study)

# %% tags=["nbval-ignore-output"]
page = study.view()
page

# %% [markdown]
# For images, with five pictures: `people.bundled("image")`. The page has four new clips and not five, since the evidence keeps
# four of each training. All methods must have the same number, and the same size, or you would soon know them by it.
#
# ## Blind
#
# *Suppose a rater knows which clips are ours, and is kind. Do more raters help?* No: the interval shrinks around the wrong
# number. The remedy is not to know. So the browser gets pictures and numbers, and nothing else:

# %%
sent = page.get_state()
print(len(sent["_media"]), "pictures,", len(sent["_pages"]), "pages of them, the first:", sent["_pages"][0])
visible = repr({name: value for name, value in sent.items() if name not in ("_esm", "_css")})
assert not any(item.method in visible or item.clip in visible for item in items)

# %% [markdown]
# You are still not blind to *everything*: VGPNN copies the clip's patches, and whoever has done lesson 12 may recognise that.
# The best raters have not read these lessons.
#
# ## In which order?
#
# Raters tire, and each page is seen in the light of the one before: after a bad one, a fair one looks good. Suppose answers
# lose 0.1 from place to place, and gain 0.3 for each point that the page before was worse. Four methods, A the best, then:

# %%
truth = {"A": 3.6, "B": 3.5, "C": 3.2, "D": 2.0}
same = ["ADBC"] * 4
shifted = ["ADBC"[start:] + "ADBC"[:start] for start in range(4)]
print({name: round(score, 2) for name, score in experiment.seen_in_order(truth, same).items()})

# %% [markdown]
# Everybody sees B after D, and B wins. *Is it enough that each rater begins one method later?* Then each method stands equally
# often at each place, and nobody suffers more from tired raters. But B still comes after D, three times in four.
#
# ### Exercise 1
#
# Williams (1949) balances both: each thing once at each place, *and* each once directly after each other. For an even number $n$:
# begin with the order $0, 1, n-1, 2, n-2, \dots$, whose steps all differ; then add 1, 2, ... to all of it, modulo $n$.


# %% tags=["exercise"]
def orders(count):
    """count: an even number. As many orders, each a list of the numbers from 0 to count - 1."""
    # hint: Write the first order for n = 6 by hand: 0, 1, 5, 2, 4, 3. Numbers at odd places go up from 1, those at
    # even places down from $n - 1$. The other orders are this one with 1, 2, ... added, modulo n.
    # solution
    first = [0]
    for k in range(1, count):
        first.append((k + 1) // 2 if k % 2 else count - k // 2)
    return [[(number + shift) % count for number in first] for shift in range(count)]
    # end


# %%
check.orders(orders)

# %%
williams = ["".join("ABCD"[number] for number in order) for order in people.williams(4)]
designs = {"the same for all": same, "shifted": shifted, "Williams": williams}
described(
    figures.orders_figure(designs),
    "Three tables of letters, four raters by four places. The same for all: four times ADBC. Shifted: each letter once in each "
    "column, but B nearly always after D. Williams: ABDC, BCAD, CDBA, DACB, where each letter follows each other once",
)

# %%
found = {title: experiment.seen_in_order(truth, lines) for title, lines in designs.items()}
described(
    figures.designs_figure(truth, found),
    "Three charts of four methods, with the true score as a line and the found one as a dot. With one order for all and with "
    "shifted orders B is found best; with Williams' orders A is, and the worse a method, the farther its dot lies below its line",
)

# %%
for title, scores in found.items():
    print(f"{title:>16}: best is {max(scores, key=scores.get)}")
ranks = [sorted(scores, key=scores.get) for scores in (truth, found["Williams"])]
assert ranks[0] == ranks[1] != sorted(found["shifted"], key=found["shifted"].get)

# %% [markdown]
# With Williams' orders the scores are off too. But they are off for all methods *by the same rule*, and so the ranking is right.
#
# `people.Study` does this with clips in between: as many rounds as clips, every method once in each round, another order in
# each, and the clips shuffled. Give raters numbers, and any four of them in a row are balanced exactly; names draw by chance.

# %%
numbered = [people.ordered(items, rater) for rater in range(4)]
for place in range(len(items)):
    assert {order[place].method for order in numbered} == set(experiment.TASTE)
print("rater 0:", ", ".join(f"{item.method} ({item.clip[:3]})" for item in numbered[0]))

# %% [markdown]
# ## A class of twelve
#
# Nobody sits at the machine that runs this notebook, so **these raters are made up**, and what they think of the methods is
# invented: it says nothing about the methods. That makes it a test: what comes out must be what we put in. Each of them is more
# or less strict, has moods, and finds some clips better than others.

# %%
print(pd.DataFrame(experiment.TASTE, index=list(opinions.QUESTIONS)))
for number in range(12):
    experiment.fill(people.Study(items, folder, number), number, ["bunny", "pedestrians"])
print(*sorted(file.name for file in folder.glob("*.json"))[:4], "...")

# %% [markdown]
# This is how a teacher does it: gather the small files in one folder, and read it. What is no file of answers, or damaged, is
# named and left out. *Will two clips and twelve raters be enough to find the order we put in?*

# %%
(folder / "shopping.json").write_text('["milk", "bread"]')
with warnings.catch_warnings(record=True) as said:
    table = opinions.read(folder)
print(str(said[0].message).replace(str(folder), "the folder"))
print(len(table), "pages of", table["rater"].nunique(), "raters")

# %%
print(opinions.report(table))

# %%
scores = opinions.scores(table)
for question, part in scores.groupby("question"):
    put_in = sorted(experiment.TASTE, key=lambda m: -experiment.TASTE[m][question == "diversity"])
    assert part.sort_values("mean", ascending=False)["method"].tolist() == put_in
described(
    figures.scores_figure(scores),
    "Two charts, realness and diversity: for four methods a dot with its interval, and hollow diamonds for the paper's scores. "
    "The order is the one that was put in; the intervals of neighbours overlap, and are about a point wide",
)

# %% [markdown]
# The order came out. The intervals say that we were lucky: neighbours overlap. The hollow marks are the paper's, other clips and
# other people; what may be compared with them is the order and the distances between methods, hardly the heights.
#
# ## How sure?
#
# 24 answers to each question about each method. *Is the interval that of the mean of 24 numbers?* No: they are answers of the
# same 12 people about the same two clips. A strict rater is strict on every page. So draw the *raters* anew, with replacement,
# then the *clips*, the same for all raters, since all see the same; and take the mean of what they answered (Owen 2007):

# %%
answers, methods = opinions.ratings(table, "realness")  # rater clip method
dice = np.random.default_rng(0)
raters, clips, _ = answers.shape
who = dice.multinomial(raters, [1 / raters] * raters, size=2000)  # how often each rater is drawn
what = dice.multinomial(clips, [1 / clips] * clips, size=2000)
means = np.einsum("br,bc,rcm->bm", who, what, answers) / (raters * clips)
np.testing.assert_allclose(means, opinions.resampled(answers))

# %%
low, high = np.percentile(means, [2.5, 97.5], axis=0)
naive = 2 * 1.96 * answers.std((0, 1), ddof=1) / (raters * clips) ** 0.5
for m, method in enumerate(methods):
    print(
        f"{method:>10}: from {low[m]:.1f} to {high[m]:.1f}; as if of 24 strangers, {naive[m]:.1f} wide in place of {high[m] - low[m]:.1f}"
    )

# %% [markdown]
# Which method is ahead? Not: do the intervals overlap? The same raters saw both, so that their strictness cancels in the
# *difference*, draw by draw:

# %%
ahead = means[:, :1] - means
for m, method in enumerate(methods[1:], 1):
    print(
        f"{methods[0]} is ahead of {method} by {ahead[:, m].mean():.1f}, from {np.percentile(ahead[:, m], 2.5):.1f} to {np.percentile(ahead[:, m], 97.5):.1f}"
    )

# %% [markdown]
# ## How many raters?
#
# *Twelve raters and two clips leave the first difference open. The paper has 50 users. Would 50 raters do, with our two clips?*

# %%
counts = [3, 6, 12, 25, 50]
by_clips = {clips: experiment.widths(counts, clips) for clips in (2, 5, 25)}
assert by_clips[25][2] < by_clips[2][4]
described(
    figures.widths_figure(counts, by_clips),
    "Three falling lines over the number of raters, from 3 to 50. With 2 clips the interval's width falls from 1.7 to 0.7, with "
    "25 from 1.0 to 0.4: twelve raters of 25 clips know more than 50 raters of two",
)

# %% [markdown]
# More raters help, and less and less: what is left is the clips. Methods do better on one clip than on another, and no crowd
# of raters can say how they do on clips that nobody has shown. Twelve raters of 25 clips know more than 50 of two. (And with
# two clips even these intervals are too narrow: two are too few to show how clips scatter.) Try it:

# %% tags=["nbval-ignore-output"]
view = views.raters_view()
view

# %%
*_, text = view.children
for raters, clips in ((12, 2), (50, 2), (12, 25)):
    with moved(view, raters=raters, clips=clips):
        print(text.value)

# %% [markdown]
# ## Do they agree?
#
# A mean exists even if everyone answers at random. Krippendorff's $\alpha$ asks whether two answers to the *same* page lie closer
# together than any two answers:
#
# $$\alpha = 1 - \frac{D_o}{D_e}, \qquad D_o = \text{mean } (x_{rp} - x_{sp})^2 \text{ over pages } p \text{ and raters } r \ne s,
# \qquad D_e = \text{the same over all pairs of answers}$$
#
# ### Exercise 2
#
# The mean squared difference over all pairs of $n$ numbers is twice their variance, with $n - 1$ below (`ddof=1`).


# %% tags=["exercise"]
def alpha(answers):
    """answers: an array 'rater page' without gaps. A number, 1 if all agree, 0 if as by chance."""
    # hint: Two variances with `ddof=1`: of each column, then their mean; and of all answers at once. The factor 2
    # stands in both.
    # solution
    same_page = 2 * answers.var(axis=0, ddof=1).mean()
    any_page = 2 * answers.var(ddof=1)
    return 1 - same_page / any_page
    # end


# %%
check.alpha(alpha)

# %%
calm, moody = (experiment.opinions_of(12, 25, mood=mood).reshape(12, -1) for mood in (0.6, 2.0))
at_random = np.random.default_rng(0).integers(1, 6, calm.shape).astype(float)
for answers in (calm, moody, at_random):
    within, overall = answers.var(axis=0, ddof=1).mean(), answers.var(ddof=1)
    np.testing.assert_allclose(opinions.alpha(answers, "interval"), 1 - within / overall)
described(
    photo(figures.answers_figure({"the class": calm, "moody": moody, "at random": at_random})),
    "Three maps of answers, twelve raters by a hundred pages. The class: dark at the left, light at the right, with some "
    "rows darker throughout, the strict raters. Moody: a hint of that. At random: noise",
)

# %% [markdown]
# The library's `alpha` also takes gaps, and by default counts answers as *ordinal*: 5 is above 4, but nobody knows how far.
# The 0.8 that is asked of people who code interviews is not to be had for matters of taste. What our class lacks is strictness, from
# which all methods suffer alike, and moods, which average out: low agreement is no verdict on a study with many raters, but it
# says what a single rater is worth.

# %%
print(opinions.agreement(table).round(2).to_string(index=False))

# %% [markdown]
# ## What is kept of a rater
#
# Nothing leaves the machine: no server, no account; the page talks to this notebook's kernel alone. And the file holds what
# is needed and no more: no time, no machine, and of the name only a pseudonym made from it.

# %%
content = json.loads((folder / "video_3.json").read_text(encoding="utf-8"))
print({name: value for name, value in content.items() if name != "pages"})
print(content["pages"][0])
print("blue heron would be", people.rater_id("blue heron"))

# %% [markdown]
# A pseudonym is no anonymity: whoever guesses a name can compute it again and compare. So names should be invented, and whoever
# hands out numbers should burn the list. The file does name the methods. Peeping ruins your own study, nobody else's.
#
# ## Your own study
#
# An item is a clip, a method's name, the real one, and new ones; five, as in the paper. Here the methods are models with 1, 3 and
# 7 VAE levels (lesson 9); `mine.view()` shows the pages. *Which will people find most real, and which most diverse?*

# %%
clip = hp.load_clip("pedestrians")
models = {f"M = {m}": hp.load_model(f"pedestrians_m{m}", device="cpu", precision="float32") for m in (1, 3, 7)}
real = show.real_at_last_scale(models["M = 3"], clip)
own = [people.Item("pedestrians", name, real, model.sample(5, seed=0), clip.fps) for name, model in models.items()]
mine = people.Study(own, folder / "levels", "blue heron")
print(mine)

# %%
described(
    photo(show.contact_sheet([("real", real)] + [(item.method, item.samples[0]) for item in own], frames=4)),
    "Four frames of the real pedestrians, and of a sample with M = 1, 3 and 7: dark figures at other places with M = 1 and 3, "
    "which come and go, and coloured blotches between them with M = 7",
)

# %% [markdown]
# ## What we found
#
# | question | answer |
# | --- | --- |
# | what is a mean opinion score? | a mean over raters and clips; as good as the choice of both |
# | why blind? | a bias is the same in every answer, and no number of raters averages it away |
# | why balanced? | with one order for all, or a shifted one, the second best method won; with Williams' orders the best did |
# | what did twelve raters of two clips recover? | the order that was put in, with intervals about a point wide |
# | more raters or more clips? | clips, from a dozen raters on: twelve raters of 25 clips know more than 50 raters of two |
# | do raters agree? | $\alpha$ says so: 1 if they do, 0 if as by chance; the rest is strictness and moods |
#
# **Where it fails.** Four samples at 64 pixels are not 25 videos at 256; raters who know the methods are not blind; "how different"
# leaves open from what, so some will compare the new ones with each other, others with the real one. Ours says "all alike" to
# "all different", which is a choice. And no study of ours has been run: all raters here were made up.
#
# ## Questions
#
# 1. The paper's $C_2$ gives ConSinGAN 1.8 on images. Which of *all alike* and *badly made* would you read from that number?
#    Answer: Neither by itself. *All alike* is what lesson 14 saw: ConSinGAN knows its picture by heart. Badly made
#    pictures would show in $C_1$. So read the two together.
# 2. A method shows five exact copies of the real clip. Which answers should it get to both questions? Add it as an item: what
#    would you learn of a rater who answers otherwise?
#    Answer: 5 for how real, and 1 for how different. It is a page with a known answer: who answers otherwise has not
#    looked, or has understood the questions in another way.
# 3. Why must a draw of the bootstrap take the same clips for all raters?
#    Answer: Because all raters see the same clips. A hard clip is hard for everybody, and does not average out over
#    raters. Drawn anew for each of them it would, and the intervals would be too narrow.
# 4. Your class rates three methods. How many raters until all orders of Williams have been seen?
#    Answer: Six. For an odd number of methods one square is not enough, and its mirror image is needed as well:
#    `people.williams(3)`.
# 5. $\alpha$ is 0.1, and the first method is ahead by 0.5 to 0.9. Which of the two do you report?
#    Answer: Both. The interval of the difference says that the first method is ahead; $\alpha$ says that a single
#    rater could not have told you. They do not contradict each other.
#
# ## References
#
# - Gur, Benaim, Wolf 2020, *Hierarchical Patch VAE-GAN*, section 4.2 and table 3: the questions and the scores.
# - Williams 1949, *Experimental designs balanced for the estimation of residual effects of treatments*.
# - Owen 2007, *The pigeonhole bootstrap*. Krippendorff 2011, *Computing Krippendorff's alpha-reliability*.
