"""Time left is true to within a factor of 1.3 wherever it is told: real step times replayed, and made-up ones."""

import dataclasses
import functools
import json
import random
import re
import warnings
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest
import torch
from common import SOURCE, cpu_trainer, noise_clip, run_python, same_weights, tiny_config
from hypothesis import given, settings
from hypothesis import strategies as st

import hpvae_nb.training.stopwatch
from hpvae_nb import Clip, baselines, cli, fit, train
from hpvae_nb.errors import TrainingError
from hpvae_nb.training.clock import AGAIN, FEW, HALF, TRYING, WARMING, WINDOW, Clock, Trial
from hpvae_nb.training.stopwatch import Stopwatch, try_scale

RECORDED = {
    file.stem: json.loads(file.read_text()) for file in (Path(__file__).parent / "data").glob("step_times*.json")
}
WITHIN = 1.3
KNOWN = 0.1  # share of the run after which time left must be told
NOTICED = 0.05  # share of the recorded run within which a change of speed must have been noticed
every_recording = pytest.mark.parametrize("name", sorted(RECORDED))
threefold = pytest.mark.parametrize("slower", [3.0, 1 / 3], ids=["slower", "faster"])
CPU = {"device": "cpu", "precision": "float32"}


@dataclass(frozen=True)
class Told:
    """What was told after a step, and what should have been.

    `share` of the run that was done then; `here`, steps made at this scale; `remaining`, as told; `truth`, if the
    machine stays as it is from then on; `since`, steps made, and `since_share`, share of the run, since the machine's
    speed changed; infinite if it did not.
    """

    share: float
    here: int
    remaining: float | None
    truth: float
    since: float
    since_share: float

    @property
    def right(self):
        return self.remaining is not None and self.truth / WITHIN <= self.remaining <= self.truth * WITHIN


class Machine:
    """Makes steps and trials that take given seconds; from the share `change` of the run on, `slower` times as many.

    Args:
        steps: seconds of each step, by scale.
        trial: what is found, and in how many seconds, when `wanted` is tried at `scale`.
    """

    def __init__(self, steps, trial, change=2.0, slower=1.0):
        self.steps, self.trial, self.change, self.slower = steps, trial, change, slower

    def run(self, clock, start=(0, 0)):
        """All that the clock tells after the step `start`, (scale, iteration)."""
        work = [(n, i, seconds) for n, scale in enumerate(self.steps) for i, seconds in enumerate(scale, 1)]
        work = [step for step in work if step[:2] > start]
        total, done, speed, told, since, changed = sum(step[2] for step in work), 0.0, 1.0, [], float("inf"), 0.0
        for n, i, seconds in work:
            clock.stepped(n, i, seconds * speed)
            if (wanted := clock.wanted()) is not None:
                tried, spent = self.trial(n, wanted)
                clock.tried(wanted, tried.times(speed), spent * speed)
                total, done = total + spent, done + spent
            done, since = done + seconds, since + 1
            since_share = since if since == float("inf") else done / total - changed
            told.append(Told(done / total, i, clock.remaining(), (total - done) * speed, since, since_share))
            if speed == 1.0 and done / total >= self.change:
                speed, since, changed = self.slower, 0, done / total
        return told


def recorded(iterations=300, name="step_times", **options):
    """The machine of a recording; each scale's steps after the first five are drawn from what was recorded of it."""
    found, draw = RECORDED[name], random.Random(0)
    penalty_every = found["changed"].get("penalty_every", 1)
    pool_every = 20 if "pool" in found["changed"] else 1

    def kind(i):
        return i % penalty_every == 0, i % pool_every == 0

    def step(scale, i):
        return scale[i] if i < 5 else draw.choice([scale[j] for j in range(5, len(scale)) if kind(j) == kind(i)])

    steps = [[step(scale, i) for i in range(iterations)] for scale in found["steps"]]
    trials = {int(at): tried for at, tried in found["trials"].items()}

    def trial(n, wanted):
        *found, spent = trials[max(at for at in trials if at <= n)][str(wanted)]
        return Trial(*found), spent

    return Machine(steps, trial, **options)


def even(seconds):
    """A trial of a scale whose steps are alike, and the seconds that it takes."""
    return Trial(seconds, seconds, 0.0), 3.4 * seconds


def assert_kept(told):
    """The promise: all that is told is within 1.3, and it is told from a tenth of the run on.

    No clock foresees a change of speed: before one, time left is what it would be without; for half a window after it,
    the clock may be wrong, and for a window it may be silent. It may be silent where a scale begins, too, for as long
    as it takes to try the later ones again.
    """
    steps = told[:-1]
    assert all(t.right for t in steps if t.since > WINDOW + WARMING and t.remaining is not None)
    assert sum(t.remaining is not None and not t.right for t in steps) <= HALF
    must = [t for t in steps if t.share > KNOWN and t.since > WINDOW + WARMING and t.here > 3 * WINDOW]
    assert all(t.remaining is not None for t in must)
    assert told[-1].remaining == 0


def clock(machine):
    return Clock([len(scale) for scale in machine.steps])


# What was recorded, replayed


@pytest.mark.slow
@every_recording
@pytest.mark.parametrize("iterations", [300, 1000])
def test_on_a_quiet_machine(iterations, name):
    machine = recorded(iterations, name)
    told = machine.run(clock(machine))
    assert_kept(told)
    assert all(t.right for t in told[:-1] if t.remaining is not None)


@pytest.mark.slow
@every_recording
@threefold
@pytest.mark.parametrize("change", [0.12, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9])
def test_on_a_machine_whose_speed_changes_threefold(change, slower, name):
    machine = recorded(name=name, change=change, slower=slower)
    told = machine.run(clock(machine))
    assert_kept(told)
    assert all(t.right for t in told[:-1] if NOTICED < t.since_share < float("inf") and t.here > 3 * WINDOW)


@pytest.mark.slow
@threefold
@pytest.mark.parametrize("early", [-8, -2, 0, 2, 8])
@pytest.mark.parametrize("scale", [4, 6])
def test_a_change_of_speed_near_a_new_scale_is_not_taken_for_a_bad_trial(scale, early, slower):
    """If it cannot be told from one, the scales still to come are tried again, and that is waited for."""
    machine = recorded()
    shares = [t.share for t in machine.run(clock(machine))]
    machine = recorded(change=shares[300 * scale + early], slower=slower)
    assert_kept(machine.run(clock(machine)))


@every_recording
@pytest.mark.parametrize("start", [(0, 100), (1, 0), (3, 299), (4, 150), (6, 0)])
def test_a_resumed_run_knows_as_soon(start, name):
    machine = recorded(name=name)
    assert_kept(machine.run(clock(machine), start))


@pytest.mark.slow
def test_a_recording_is_made_by_one_command(tmp_path):
    file = tmp_path / "recording" / "times.json"
    options = ["--preset", "smoke", "--steps", "6", "--device", "cpu", "--out", file]
    done = run_python(SOURCE / "benchmarks" / "step_times.py", *options)
    assert done.returncode == 0, done.stderr
    found = json.loads(file.read_text())
    assert all(found.keys() == recording.keys() for recording in RECORDED.values())
    assert [len(scale) for scale in found["steps"]] == [6] * 4
    assert {at: sorted(trials) for at, trials in found["trials"].items()} == {"0": ["1", "2", "3"], "2": ["3"]}
    assert "time" in found["recorded"]


# Made up


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    steps=st.lists(st.integers(200, 400), min_size=1, max_size=7),
    growth=st.floats(1.0, 2.5),
    jump=st.floats(1.0, 5.0),
    slower=st.sampled_from([1.0, 0.33, 0.5, 1.5, 3.0]),
    change=st.floats(0.3, 0.9),
    seed=st.integers(0, 2**32),
)
def test_on_machines_of_all_kinds(steps, growth, jump, slower, change, seed):
    """Costs grow from scale to scale, and jump at the middle one; steps and trials vary by a twentieth."""
    draw = random.Random(seed)
    costs = [growth**n * (jump if n >= len(steps) // 2 else 1.0) for n in range(len(steps))]
    taken = [
        [cost * draw.lognormvariate(0, 0.05) for _ in range(count)] for cost, count in zip(costs, steps, strict=True)
    ]

    def trial(n, wanted):
        return even(costs[wanted] * draw.lognormvariate(0, 0.05))

    told = Machine(taken, trial, change, slower).run(Clock(steps))
    # With only a few steps left, no number is within 1.3 of what they happen to take.
    settled = [t for t in told if t.since > WINDOW + WARMING and t.share < 0.98]
    assert all(t.right for t in settled if t.remaining is not None)


def test_costs_do_not_come_from_the_plan_and_may_fall():
    """From some size on, scales are trained on crops and cost the same; another machine may even be faster there."""
    costs = [1.0, 8.0, 3.0, 3.0]
    machine = Machine([[cost] * 300 for cost in costs], lambda _, wanted: even(costs[wanted]))
    assert_kept(machine.run(clock(machine)))


def test_a_pause_is_not_taken_for_a_slow_machine():
    """Whoever reads events may stop to look, or draw what it sees."""
    machine = recorded()
    machine.steps[4][150] *= 100
    told = machine.run(clock(machine))
    paused = 4 * 300 + 150
    assert all(t.right for t in told[paused : paused + WINDOW])


# Silence


def test_nothing_is_told_before_every_later_scale_was_tried():
    machine, tried = recorded(), set()
    told, trial = Clock([300] * 7), machine.trial
    machine.trial = lambda n, wanted: tried.add(wanted) or trial(n, wanted)
    for t in machine.run(told):
        if t.remaining is not None:
            break
    else:
        pytest.fail("time left was never told")
    assert tried == set(range(1, 7))


def test_nothing_is_told_while_the_pace_changes():
    left = Clock([1000])
    for i in range(100):
        left.stepped(0, i + 1, 1.0)
    assert left.remaining() == pytest.approx(900)
    said = []
    for i in range(100, 200):
        left.stepped(0, i + 1, 3.0)
        said.append(left.remaining())
    silent = [i for i, seconds in enumerate(said) if seconds is None]
    assert HALF / 2 - 1 <= silent[0] < HALF
    assert silent == list(range(silent[0], silent[-1] + 1))
    assert said[WINDOW:] == pytest.approx([3 * (1000 - 101 - i) for i in range(WINDOW, 100)])


@threefold
def test_a_trial_made_while_the_pace_changes_is_made_again(slower):
    left, tries = Clock([300, 300]), 0
    for i in range(100):
        speed = slower if i >= 15 else 1.0
        left.stepped(0, i + 1, speed)
        if left.wanted() is not None:
            tries += 1
            left.tried(1, even(2 * speed)[0], 0.0)
    assert tries > 1
    assert left.remaining() == pytest.approx(slower * (200 + 2 * 300))


def test_what_was_unknown_is_told_once_others_leave_the_machine():
    """Trials come to nothing while others use it, but do not run out."""
    draw, machine = random.Random(0), recorded()
    for scale in machine.steps[:4]:
        scale[:] = [seconds * draw.choice([1, 1, 5]) * 3 ** (i // 12 % 2) for i, seconds in enumerate(scale)]
    told = machine.run(clock(machine))
    assert sum(t.remaining is None for t in told[300:1200]) > 600
    assert all(t.right for t in told[1200 + 8 * WINDOW : -1])


def test_short_runs_are_not_held_up_by_trials():
    left = Clock([FEW - 1] * 3)
    for n, i in product(range(3), range(1, FEW)):
        left.stepped(n, i, 1.0)
        assert left.wanted() is None
        expected = FEW - 1 - i if n == 2 and (i >= WARMING + HALF or i == FEW - 1) else None
        assert left.remaining() == (None if expected is None else pytest.approx(expected))


def test_trials_take_their_share_of_time_and_no_more():
    """Even where each surprises: the share allowed, and one trial."""
    draw, left, spent = random.Random(0), Clock([300] * 6), 0.0
    stepping, tries = 0.0, [0] * 6
    for n, i in product(range(6), range(1, 301)):
        stepping += 2**n
        left.stepped(n, i, 2**n)
        if (wanted := left.wanted()) is not None:
            assert wanted > n
            assert spent <= TRYING * stepping
            trial, took = even(2**wanted * draw.choice([0.3, 1, 3]))
            left.tried(wanted, trial, took)
            spent, tries[wanted] = spent + took, tries[wanted] + 1
    assert max(tries) > 1
    assert spent <= AGAIN * stepping + sum(3.4 * 2**n * (300 // FEW) for n in range(6))


# Wrong clocks, which these tests must find


class AllStepsAlike(Clock):
    """As progress bars guess."""

    def remaining(self):
        done = sum(self.steps[: self.scale]) + self.iteration
        return self.stepping / done * (sum(self.steps) - done)


class MachineNeverChanges(Clock):
    """Trials are right, but the pace is the one at which the first of them were made."""

    first = 0.0

    def remaining(self):
        told = super().remaining()
        self.first = self.first or (self._pace() if told else 0.0)
        return told and told / self._pace() * self.first


class LongMemory(Clock):
    """The pace is that of all steps so far, quick and slow."""

    def _notice(self):
        pass

    def _steady(self):
        return True


class Hasty(Clock):
    """Takes later scales, until they are tried, to cost what this one does."""

    def remaining(self):
        tried, here = self.costs, self.costs[self.scale]
        self.costs = {n: tried.get(n, here) for n in range(len(self.steps))}
        told, self.costs = super().remaining(), tried
        return told


@pytest.mark.parametrize("wrong", [AllStepsAlike, MachineNeverChanges, LongMemory, Hasty])
def test_a_wrong_clock_breaks_the_promise(wrong):
    machine = recorded(change=0.4, slower=3.0)
    with pytest.raises(AssertionError):
        assert_kept(machine.run(wrong([300] * 7)))


# In training


@functools.cache
def small():
    return noise_clip(), tiny_config(scales=2, vae_levels=1, iterations=FEW)


@pytest.fixture
def counted(monkeypatch):
    """The scales that were tried, one after another."""
    scales = []

    def counting(trainer, scale):
        trial = try_scale(trainer, scale)
        scales.append(scale)
        return trial

    monkeypatch.setattr(hpvae_nb.training.stopwatch, "try_scale", counting)
    return scales


@pytest.mark.parametrize("dims", [2, 3])
def test_a_trial_leaves_no_trace(dims):
    video = noise_clip().video
    clip, config = Clip(video if dims == 3 else video[:, 0], fps=24, name="noise"), tiny_config(dims=dims)
    trainer = cpu_trainer(clip, config)
    for scale in range(3):
        trainer.enter_scale(scale)
        trainer.step()
        before, random_state = checkpoint_of(trainer), torch.get_rng_state()
        assert min(dataclasses.astuple(try_scale(trainer, 3))) > 0
        assert checkpoint_of(trainer) == before
        assert torch.equal(torch.get_rng_state(), random_state)
    assert trainer.step()


def checkpoint_of(trainer):
    tensors, values = trainer.state()
    return {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}, json.dumps(values)


@pytest.mark.slow
def test_training_is_the_same_with_trials_and_without(counted, tmp_path, capfd):
    clip, config = small()
    with warnings.catch_warnings(action="error"):
        events = train(clip, config, out=tmp_path, **CPU)
        for event in events:
            if (event.scale, event.iteration) == (0, FEW // 2):
                events.close()
        assert counted == [1]
    resumed = fit(clip, config, out=tmp_path, resume=True, **CPU)
    assert capfd.readouterr() == ("", "")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Clock, "wanted", lambda self: None)
        assert same_weights(resumed, fit(clip, config, **CPU))


@pytest.mark.parametrize("method", ["singan", "consingan", "patch_vae"])
def test_other_methods_are_tried_too(method, counted):
    config = small()[1].replace(fine_size=20)
    events = train(noise_clip(), config, method=baselines.make_method(method), **CPU)
    scales = set()
    for event in events:
        scales.add(event.scale)
        if counted:
            events.close()
    assert counted == [1]
    assert scales == {0}


def test_windows_and_a_pool_are_tried_too():
    saving = {"fine_size": 20, "window": 1500, "pool": 8, "penalty_every": 4, "pool_every": 5}
    trainer = cpu_trainer(noise_clip(), tiny_config(**saving))
    trainer.enter_scale(0)
    before = checkpoint_of(trainer)
    found = try_scale(trainer, 3)
    assert 0 < found.typical <= found.mean  # some steps do more than others
    assert found.entering > 0
    assert checkpoint_of(trainer) == before
    assert trainer.config.pool == 8


@pytest.mark.slow
def test_a_run_goes_on_when_its_copy_fails(monkeypatch):
    def fail(trainer, scale):
        raise TrainingError("not finite")

    monkeypatch.setattr(hpvae_nb.training.stopwatch, "try_scale", fail)
    clip, config = small()
    told = [(event.scale, event.remaining) for event in train(clip, config, **CPU)]
    assert all(remaining is None for scale, remaining in told if scale == 0)
    assert told[-1] == (1, 0.0)


@pytest.mark.slow
def test_the_bar_tells_progress_of_the_run_and_the_scale_but_no_time_that_it_does_not_know(tmp_path, capsys):
    clip, config = noise_clip(), tiny_config(iterations=5)
    cli._watch(train(clip, config, **CPU), clip, tmp_path)
    bars = capsys.readouterr().err.replace("\n", "\r").split("\r")
    assert any(re.search(r"100% of all steps.* scale 4/4, step 5/5, .*, 0 s left  ", bar) for bar in bars)
    assert not any(re.search(r"\bleft\b|\?|<", bar) for bar in bars if "step 5/5" not in bar or "scale 4/4" not in bar)
    assert [(tmp_path / f"preview_scale_{n}.png").exists() for n in range(4)] == [True] * 4


def test_the_plan_is_of_all_scales():
    assert Stopwatch(cpu_trainer(noise_clip(), tiny_config(iterations=7))).left.steps == [7] * 4
