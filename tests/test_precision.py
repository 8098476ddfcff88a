"""Which device and number format is chosen, and that the choice does not change what is computed."""

import pytest
import torch
from common import noise_clip

import hpvae_nb
from hpvae_nb import machine as precision
from hpvae_nb.errors import InputError
from hpvae_nb.training.plan import make_plan

CPU = torch.device("cpu")
CLIP = noise_clip(height=36, width=64)  # GPU machines need no video package


@pytest.mark.parametrize(("capability", "native"), [((7, 5), False), ((8, 0), True), ((9, 0), True)])
def test_a_gpu_is_asked_for_bfloat16(monkeypatch, capability, native):
    """Turing (the free Colab T4) only emulates it; Ampere and later multiply in it."""
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert precision.native_bfloat16(torch.device("cuda")) is native


@pytest.mark.parametrize(("avx", "amx"), [(False, False), (True, False), (False, True)])
def test_a_cpu_is_asked_for_bfloat16(monkeypatch, avx, amx):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    assert precision.native_bfloat16(CPU) is (avx or amx)
    assert precision.choose_precision("float32", CPU) == "float32"


def test_what_cannot_be_used_is_named():
    with pytest.raises(InputError, match="'quantum'.*'auto'"):
        precision.choose_device("quantum")
    with pytest.raises(InputError, match="'float8'.*'bfloat16'"):
        precision.choose_precision("float8", CPU)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_missing_gpu_is_said_before_training(pedestrians, tmp_path):
    with pytest.raises(InputError, match="'cuda' cannot be used here"):
        hpvae_nb.train(pedestrians, hpvae_nb.preset("smoke"), device="cuda", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_weights_and_results_stay_float32(pedestrians):
    model = hpvae_nb.fit(pedestrians, hpvae_nb.preset("smoke", iterations=1), precision="bfloat16")
    assert model.precision == "bfloat16"
    assert {weight.dtype for weight in model.network.parameters()} == {torch.float32}
    assert model.sample(1, seed=0).dtype == model.encode(pedestrians)[0].dtype == torch.float32


@pytest.mark.slow
def test_both_precisions_learn_alike(pedestrians):
    """The same steps from the same draws: the first scale's error falls alike in both."""
    config = hpvae_nb.preset("smoke", iterations=80, scales=1, vae_levels=1)
    ends = {}
    for number in ("float32", "bfloat16"):
        errors = [e.losses["reconstruction"] for e in hpvae_nb.train(pedestrians, config, precision=number)]
        ends[number] = sum(errors[-10:]) / 10
        assert ends[number] < errors[0] / 5
    assert abs(ends["bfloat16"] - ends["float32"]) < 0.15 * ends["float32"]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_gpu_and_cpu_make_the_same_samples():
    model = hpvae_nb.fit(CLIP, hpvae_nb.preset("smoke"), device="cuda", precision="float32")
    there = model.sample(3, seed=5)
    here = model.to("cpu", "float32").sample(3, seed=5)
    torch.testing.assert_close(there, here, atol=2e-4, rtol=0)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_run_resumes_on_a_cpu(tmp_path):
    config = hpvae_nb.preset("smoke")
    events = hpvae_nb.train(CLIP, config, device="cuda", out=tmp_path)
    for event in events:
        if event.scale == 2:
            break
    events.close()
    with pytest.warns(UserWarning, match="goes on in .* on cpu"):
        model = hpvae_nb.fit(CLIP, config, device="cpu", out=tmp_path, resume=True)
    assert model.scales == config.scales
    assert torch.isfinite(model.sample(1, seed=0)).all()


@pytest.mark.parametrize("kernel", [3, 4, 5])
def test_bfloat16_is_avoided_where_its_numbers_are_wrong(monkeypatch, kernel):
    monkeypatch.setattr(precision, "faster_in_bfloat16", lambda device: True)
    for frames in range(1, 7):
        layers = [(16, kernel), (frames, kernel)]
        right = frames >= kernel
        assert precision.sound_precision("auto", CPU, layers) == ("bfloat16" if right else "float32")
        if right:
            assert precision.sound_precision("bfloat16", CPU, layers) == "bfloat16"
            continue
        with pytest.raises(InputError, match=f"for {frames} frames? and a kernel of {kernel}: use 'float32'"):
            precision.sound_precision("bfloat16", CPU, layers)
    assert precision.sound_precision("bfloat16", CPU, []) == "bfloat16"


@pytest.mark.parametrize(
    ("changes", "chosen"),
    [
        ({}, "bfloat16"),
        ({"sampling_rates": (12, 1)}, "float32"),
        ({"encoder_kernel": 5}, "float32"),
        ({"decoder_kernel": 1}, "bfloat16"),
        ({"dims": 2}, "bfloat16"),
    ],
)
def test_a_plan_asks_that_of_every_scale_and_kernel(monkeypatch, changes, chosen):
    monkeypatch.setattr(precision, "faster_in_bfloat16", lambda device: True)
    config = hpvae_nb.preset("smoke", **changes)
    clip = hpvae_nb.Clip(CLIP.video[:, 0]) if config.dims == 2 else CLIP
    assert make_plan(clip, config, device="cpu").precision == chosen


@pytest.mark.parametrize("frames", [3, 4, 5])
def test_bfloat16_gradients_are_right_where_it_is_used(frames):
    """Memory that was never written to shows as a gradient that is far from that of float32, or no number at all."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 8, frames, 6, 10, generator=generator).bfloat16()
    weight = torch.randn(8, 8, 3, 3, 3, generator=generator).bfloat16()
    soiled = [torch.full((size,), float("nan")) for size in (500, 2000, 20_000) for _ in range(8)]
    gradients = []
    for number in (torch.bfloat16, torch.float32):
        kernel = weight.to(number).requires_grad_()
        made = torch.nn.functional.conv3d(x.to(number), kernel, padding=1)
        soiled.clear()
        (gradient,) = torch.autograd.grad(made.float().square().mean(), kernel)
        gradients.append(gradient.float())
    torch.testing.assert_close(*gradients, rtol=0.05, atol=0.02)


@pytest.mark.parametrize(("narrow", "wins"), [(0.5, True), (0.95, False), (2.0, False)])
def test_bfloat16_has_to_be_clearly_faster(monkeypatch, narrow, wins):
    monkeypatch.setattr(precision, "native_bfloat16", lambda device: True)
    monkeypatch.setattr(precision, "_racing_layer", lambda dtype: narrow if dtype == torch.bfloat16 else 1.0)
    monkeypatch.setattr(precision, "_seconds", lambda seconds: seconds)
    assert precision.faster_in_bfloat16.__wrapped__(CPU) is wins
    monkeypatch.setattr(precision, "native_bfloat16", lambda device: False)
    assert precision.faster_in_bfloat16.__wrapped__(CPU) is False


def test_threads_are_as_asked_or_as_the_environment_says(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert precision.choose_threads(3) == (3, "as asked")
    with pytest.raises(InputError, match="threads is 0, but must be a whole number of at least 1"):
        precision.choose_threads(0)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert precision.choose_threads() == (torch.get_num_threads(), "by OMP_NUM_THREADS")


@pytest.mark.parametrize(("slower", "chosen"), [({1: 2.0, 2: 1.0}, 2), ({1: 1.05, 2: 1.0}, 1), ({1: 1.0, 2: 11.0}, 1)])
def test_threads_that_wait_for_each_other_are_not_taken(monkeypatch, slower, chosen):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(precision, "_thread_race", lambda most: slower)
    threads, why = precision.choose_threads()
    assert threads == chosen
    assert why.startswith(f"by a short race: {3 - chosen} took ")


def test_the_thread_race_leaves_the_threads_as_they_were():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        seconds = precision._thread_race.__wrapped__(2)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert set(seconds) == {1, 2}
    assert all(value > 0 for value in seconds.values())
