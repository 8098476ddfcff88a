"""Coarse while a control moves, the finest when it rests: what is drawn when, and what is never shown."""

import io
import itertools
import threading
from types import SimpleNamespace

import ipywidgets
import pytest
import torch
from PIL import Image

from hpvae_nb import preset
from hpvae_nb.errors import InputError
from hpvae_nb.lab import finer, show
from hpvae_nb.lab.finer import AIM, REST, Outdated, Stage, by_scale, given_up, scale_stages
from hpvae_nb.lab.live import live
from hpvae_nb.lessons.l00_quickstart.views import sample_picture, seed_view
from hpvae_nb.lessons.l07_hp_vae_gan.views import noise_view
from hpvae_nb.lessons.l08_sampling_and_interpolation import views as steering
from hpvae_nb.model import Model
from hpvae_nb.recipe.build import make_hierarchy
from hpvae_nb.recipe.pyramid import planned_shapes

STAGES = [Stage(1, "coarse, 8 px"), Stage(3, "coarse, 16 px"), Stage(10, "coarse, 32 px")]


@pytest.fixture
def clock(monkeypatch):
    """Time that passes only where a test says so, and timers that go off only when told to."""
    clock = SimpleNamespace(now=0.0, timers=[])

    class Timer:
        def __init__(self, seconds, function, args=()):
            assert seconds == REST
            self.go, self.cancelled = lambda: function(*args), False
            clock.timers.append(self)

        def start(self):
            pass

        def cancel(self):
            self.cancelled = True

    def rest():
        """The controls rest: what was asked for last is drawn."""
        (timer,) = (timer for timer in clock.timers if not timer.cancelled)
        clock.timers.clear()
        timer.go()

    clock.rest = rest
    monkeypatch.setattr(finer, "Timer", Timer)
    monkeypatch.setattr(finer, "perf_counter", lambda: clock.now)
    return clock


@pytest.fixture
def view(clock):
    """A view whose pictures take `clock.pace` seconds for a unit of work, with a list of what was drawn."""
    clock.pace = 0.1

    def draw(a, scales=None):
        view.calls.append((a, scales))
        clock.now += clock.pace * STAGES[(scales or len(STAGES)) - 1].work
        return f"{a} at {scales or 'finest'}".encode(), f"a = {a}"

    view = SimpleNamespace(calls=[])
    view.box = live(draw, stages=lambda a: STAGES, a=ipywidgets.IntSlider(0, 0, 100))
    view.a, view.picture, view.text = view.box.children
    return view


def test_the_first_picture_is_the_finest(view, clock):
    assert view.calls == [(0, None)]
    assert (view.picture.value, view.text.value) == (b"0 at finest", "a = 0")
    assert view.box.wait(0)
    assert not clock.timers


def test_what_is_slow_comes_coarse_and_then_fine(view, clock):
    view.a.value = 7
    assert (view.picture.value, view.text.value) == (b"7 at 1", "a = 7 <small>(coarse, 8 px)</small>")
    assert view.picture.tooltip == "a = 7 (coarse, 8 px)"
    assert not view.box.wait(0)
    clock.rest()
    assert (view.picture.value, view.text.value, view.picture.tooltip) == (b"7 at finest", "a = 7", "a = 7")
    assert view.box.wait(0)
    assert view.calls == [(0, None), (7, 1), (7, None)]


@pytest.mark.parametrize(
    ("pace", "scales"),
    [(0.001, None), (AIM / 11, None), (AIM / 9, 2), (AIM / 4, 2), (AIM / 2, 1), (2 * AIM, 1), (9, 1)],
)
def test_the_largest_scale_there_is_time_for(view, clock, pace, scales):
    clock.pace = pace
    view.a.value = 1
    clock.rest()  # the finest tells the pace
    view.calls.clear()
    view.a.value = 2
    assert view.calls == [(2, scales)]
    assert bool(clock.timers) == (scales is not None), "what is finest already is not drawn again"


def test_a_quick_machine_draws_once(clock):
    calls = []
    a, picture, text = live(
        lambda a, scales=None: (calls.append((a, scales)), b"%d" % a)[1], stages=lambda a: STAGES, a=slider()
    ).children
    for a.value in (1, 2, 3):
        assert (picture.value, text.value) == (b"%d" % a.value, "")
    assert calls == [(0, None), (1, None), (2, None), (3, None)]
    assert not clock.timers


def test_a_view_without_stages_is_never_asked_for_scales(clock):
    def draw(a):
        clock.now += 99
        return b"%d" % a

    a, picture, _ = live(draw, a=slider()).children
    a.value = 1
    assert picture.value == b"1"
    assert not clock.timers


def test_a_move_puts_off_the_finest(view, clock):
    for view.a.value in (1, 2, 3):
        pass
    assert [timer.cancelled for timer in clock.timers] == [True, True, False]
    clock.rest()
    assert view.calls == [(0, None), (1, 1), (2, 1), (3, 1), (3, None)]


def test_a_timer_that_goes_off_too_late_draws_nothing(view, clock):
    view.a.value = 1
    (late,) = clock.timers
    view.a.value = 2
    late.go()
    assert view.calls[-1] == (2, 1)
    assert view.picture.value == b"2 at 1"


def overtaken(view, clock, draw_finest):
    """The control is moved to 2 while the finest for 1 is being drawn; returns the texts that were seen."""
    seen = []

    def draw(a, scales=None):
        if scales is None and a == 1:
            box.children[0].value = 2
            draw_finest()
        clock.now += 1
        return b"%d, %s" % (a, b"coarse" if scales else b"finest"), f"a = {a}"

    box = live(draw, stages=lambda a: STAGES, a=slider())
    box.children[0].value = 1
    box.children[2].observe(lambda change: seen.append(change["new"]), names="value")
    clock.rest()
    assert box.children[1].value == b"2, coarse"
    assert not box.wait(0), "the finest for 2 is still to come"
    clock.rest()
    assert box.children[1].value == b"2, finest"
    assert box.wait(0)
    return seen


def test_a_finest_picture_that_was_overtaken_is_never_shown(view, clock):
    seen = overtaken(view, clock, lambda: None)
    assert seen == ["a = 2 <small>(coarse, 8 px)</small>", "a = 2"]


def test_an_error_that_was_overtaken_is_never_told(view, clock):
    seen = overtaken(view, clock, lambda: 1 / 0)
    assert seen == ["a = 2 <small>(coarse, 8 px)</small>", "a = 2"]


def test_what_was_overtaken_stops_at_the_next_function_of_pytorch(view, clock):
    reached = []
    overtaken(view, clock, lambda: (torch.ones(2).add(1), reached.append("too far")))
    assert not reached


def test_given_up():
    outdated = []
    with given_up(lambda: bool(outdated)):
        assert torch.ones(3).sum() == 3
        outdated.append(True)
        with pytest.raises(Outdated):
            torch.ones(3).sum()
    assert torch.ones(3).sum() == 3
    with pytest.raises(Outdated), given_up(lambda: True):
        pytest.fail("what is outdated is not begun")


def test_other_threads_go_on():
    results = []
    other = threading.Thread(target=lambda: results.append(torch.ones(3).sum().item()))
    outdated = []
    with given_up(lambda: bool(outdated)):
        outdated.append(True)
        other.start()
        other.join(5)
    assert results == [3]


@pytest.mark.parametrize(
    ("error", "said"),
    [(InputError("3 < 4"), "No finer picture for these values. 3 &lt; 4"), (KeyError("x"), "KeyError")],
)
def test_what_goes_wrong_at_the_finest_is_said_below_the_coarse_picture(clock, error, said):
    def draw(a, scales=None):
        clock.now += 1
        if a == 3 and scales is None:
            raise error
        return b"%d" % a

    box = live(draw, stages=lambda a: STAGES, a=slider())
    a, picture, text = box.children
    a.value = 3
    clock.rest()
    assert said in text.value
    assert 'role="alert"' in text.value
    assert picture.value == b"3"
    assert box.wait(0)
    a.value = 4
    clock.rest()
    assert (picture.value, text.value) == (b"4", "")


def test_what_goes_wrong_at_once_is_not_tried_again_at_the_finest(view, clock):
    def draw(a, scales=None):
        clock.now += 1
        if a == 3:
            raise InputError("not 3")
        return b"%d" % a

    box = live(draw, stages=lambda a: STAGES, a=slider())
    box.children[0].value = 3
    assert "No picture for these values. not 3" in box.children[2].value
    assert box.wait(0)
    assert not clock.timers


@pytest.mark.parametrize("part", ["box", "picture"])
def test_after_closing_nothing_is_drawn(view, clock, part):
    view.a.value = 5
    (timer,) = clock.timers
    getattr(view, part).close()
    assert timer.cancelled
    timer.go()
    assert view.calls[-1] == (5, 1)
    assert view.box.wait(0), "nothing is left to wait for"


def test_closing_while_the_finest_is_shown_raises_nothing(view, clock):
    def close(_):
        view.box.close()
        raise AttributeError("'NoneType' object has no attribute 'send'")

    view.a.value = 5
    view.picture.observe(close, names="value")
    clock.rest()
    assert view.picture.value == b"5 at finest"


def test_at_the_end_of_the_program_nobody_waits_for_a_picture(view, clock, monkeypatch):
    view.a.value = 5
    monkeypatch.setattr(finer.threading, "main_thread", lambda: SimpleNamespace(is_alive=lambda: False))
    clock.rest()
    assert view.calls[-1] == (5, 1)


def test_the_finest_leaves_the_kernel_free(monkeypatch):
    """With real threads: while the finest for 1 is being drawn, 2 is answered; then comes the finest for 2."""
    monkeypatch.setattr(finer, "REST", 0.01)
    monkeypatch.setattr(finer, "perf_counter", itertools.count(0, 1000).__next__)  # no machine is quick enough
    begun, go_on, shown = threading.Event(), threading.Event(), []

    def draw(a, scales=None):
        if a == 1 and scales is None:
            begun.set()
            go_on.wait(5)
        return b"%d at %d" % (a, scales or 3), ""

    box = live(draw, stages=lambda a: STAGES, a=slider())
    a, picture, _ = box.children
    picture.observe(lambda change: shown.append(bytes(change["new"])), names="value")
    a.value = 1
    assert begun.wait(5)
    a.value = 2
    assert shown == [b"1 at 1", b"2 at 1"]
    go_on.set()
    assert box.wait(5)
    assert shown == [b"1 at 1", b"2 at 1", b"2 at 3"]


def slider():
    return ipywidgets.IntSlider(0, 0, 100)


# With models


@pytest.fixture(scope="module")
def large():
    """An untrained model which is large in name only, by a bound that is lower than usual."""
    config = preset("smoke", channels=4, latent=4)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = make_hierarchy(config)
        for _ in range(1, config.scales):
            network.grow()
    network.amplitudes = [0.1] * config.scales
    network.requires_grad_(False)
    shapes = planned_shapes(config, 9 / 16)
    return Model(network, shapes, config, coarse=None, fps=12.0, name="untrained", precision="float32")


@pytest.fixture
def slow(monkeypatch, clock):
    """Every picture takes so long that the next one is drawn with one scale."""
    monkeypatch.setattr(finer, "SMALL", 0)
    monkeypatch.setattr(finer, "perf_counter", itertools.count(0, 1000).__next__)
    return clock


def test_only_large_models_are_drawn_coarse():
    def model(*shape):
        return SimpleNamespace(shapes=[(4, 14, 24), shape, (99, 999, 999)], scales=2)

    assert by_scale(model(13, 36, 64)) is None
    (coarse, finest) = by_scale(model(13, 72, 128))(seed=1)
    assert (coarse.name, coarse.work) == ("coarse, 24 px", 4 * 14 * 24)
    assert finest.work == 4 * 14 * 24 + 13 * 72 * 128


def test_stages_count_what_is_drawn(large):
    whole, last = large.shapes[0], large.shapes[-1]
    voxels = [torch.Size(shape).numel() for shape in large.shapes]
    assert [stage.work for stage in scale_stages(large)] == [sum(voxels[: n + 1]) for n in range(len(voxels))]
    assert [stage.work for stage in scale_stages(large, start=2, times=3)][:3] == [0, 0, 3 * voxels[2]]
    assert len(scale_stages(large, scales=2)) == 2
    wider = scale_stages(large, size=(last[0], last[1], 2 * last[2]))
    assert wider[-1].name == f"coarse, {2 * last[2]} px"
    assert 1.8 < wider[-1].work / sum(voxels) < 2.2
    assert scale_stages(large)[0].name == f"coarse, {whole[-1]} px"


def test_a_seeds_coarse_picture_is_of_the_same_clip(large, slow):
    seed, picture, text = seed_view(large).children
    assert picture.value == sample_picture(large, 0, count=1), "drawn at once, by a plain call too"
    seed.value = 3
    assert text.value == "a clip, drawn from seed 3 <small>(coarse, 12 px)</small>"
    small = large.decode(large.latent(1, seed=3), scales=1)[0]
    like = large.shapes[-1]
    assert picture.value == show.animation(small, large.fps, like=like) == sample_picture(large, 3, count=1, scales=1)
    coarse = Image.open(io.BytesIO(picture.value))
    slow.rest()
    assert picture.value == sample_picture(large, 3, count=1)
    finest = Image.open(io.BytesIO(picture.value))
    assert coarse.size == finest.size, "the page must not jump"
    assert seconds(coarse) == pytest.approx(seconds(finest), rel=0.01)


def seconds(picture):
    total = 0
    for frame in range(picture.n_frames):
        picture.seek(frame)
        picture.load()
        total += picture.info["duration"]
    return total / 1000


VIEWS = {
    "noise": (lambda model, clip: noise_view(model), 0),
    "steer": (lambda model, clip: steering.steer_view(model, clip), 0),
    "start": (lambda model, clip: steering.steer_view(model, clip), 2),
    "loop": (lambda model, clip: steering.loop_view(model), 0),
    "border": (lambda model, clip: steering.border_view(model), 0),
    "box": (lambda model, clip: steering.box_view(model), 1),
    "size": (lambda model, clip: steering.size_view(model), 2),
}


@pytest.mark.parametrize("name", VIEWS)
def test_every_view_of_clips_comes_coarse_and_then_fine(name, large, pedestrians, slow):
    make, moved = VIEWS[name]
    *controls, picture, text = make(large, pedestrians).children
    before = picture.value
    controls[moved].value = controls[moved].max
    assert "<small>(coarse, " in text.value
    coarse = picture.value
    slow.rest()
    assert "alert" not in text.value
    assert "coarse" not in text.value
    assert len({before, coarse, picture.value}) == 3
    assert len({Image.open(io.BytesIO(drawn)).size for drawn in (coarse, picture.value)}) == 1


def test_a_way_that_is_there_is_shown_at_once(large, slow):
    a, _, moment, _, text = steering.loop_view(large).children
    moment.value = 1.0
    assert "coarse" not in text.value
    a.value = 9
    moment.value = 0.0
    assert "coarse" in text.value
    slow.rest()
    moment.value = 1.0
    assert "coarse" not in text.value
    assert not slow.timers


def test_a_start_above_the_scales_shows_the_real_clip(large, pedestrians):
    real = show.real_at_last_scale(large, pedestrians)
    noise = [1.0] * (large.config.scales - large.config.vae_levels)
    options = {"seed": 0, "noise_seed": 0, "noise": noise, "start": 3, "real": real}
    picture, words = steering.steer_picture(large, **options, scales=2)
    assert words.startswith("The real clip stands for scale 2;")
    small = torch.nn.functional.interpolate(real[None], large.shapes[1], mode="trilinear", align_corners=True)[0]
    assert picture == show.animation(small, large.fps, like=large.shapes[-1])
