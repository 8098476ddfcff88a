"""The state of a training on a set of many clips: one scale, a generator, and the critics of a method."""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from hpvae_nb.baselines.many import Game, ManyClips
from hpvae_nb.errors import InputError
from hpvae_nb.io import checkpoint
from hpvae_nb.io.clip_sets import ClipSet
from hpvae_nb.machine import choose_device, computing, sound_precision
from hpvae_nb.model import Model
from hpvae_nb.recipe.config import Config
from hpvae_nb.recipe.pyramid import planned_shapes
from hpvae_nb.training.record import Record
from hpvae_nb.training.trainer import seeded


class SetTrainer(Record):
    """Plays a method's rounds on batches drawn from a set; the counterpart of `Trainer`, with the same face.

    Attributes, beside those of `Record`, whose scale is always 0:
        game: generator, critics, optimisers and random numbers.
        network: what samples are made with: the generator's running average where `config.average` is above 0.
    """

    def __init__(
        self,
        method: ManyClips,
        clips: ClipSet,
        config: Config,
        *,
        seed: int = 0,
        device: str | torch.device = "auto",
        precision: str = "auto",
    ) -> None:
        super().__init__()
        self.method, self.clips, self.config, self.seed = method, clips, config, seed
        self.shapes = planned_shapes(config, aspect=1.0)
        _check(method, clips, config, self.shapes[0])
        self.device = choose_device(device)
        self.precision = sound_precision(precision, self.device, method.kernels(config, self.shapes))
        with seeded(seed, 0):
            generator = method.build(config, self.shapes, seed).to(self.device)
            critics = method.critics(config, self.shapes).to(self.device)
        optimizers = method.optimizers(config, generator, critics)
        randomness = torch.Generator(self.device).manual_seed(seed)
        self.game = Game(config, generator, critics, optimizers, randomness)
        self.network = copy.deepcopy(generator).requires_grad_(False) if config.average else generator
        self.network.eval()
        facts = self.facts | {"clips": len(clips)}
        about: dict[str, Any] = {"fps": clips.fps, "name": clips.name, "facts": facts, "precision": self.precision}
        self.model = Model(self.network, self.shapes, config, method=method, coarse=None, **about)

    def enter_scale(self, scale: int) -> None:
        """Begin: there is one scale, 0."""
        self.history.append([])

    def step(self) -> dict[str, float]:
        """One round of the game; its losses before weighting.

        Raises:
            TrainingError: when a loss is not finite.
        """
        self.settled = False
        game = self.game
        game.network.train()
        game.critics.train()
        with computing(self.device, self.precision):
            losses = self.method.update(game, self._pick())
        game.network.eval()
        values = self.finite_values(losses)
        self._average()
        self.stepped(values)
        game.iteration = self.iteration
        return values

    def _pick(self) -> Tensor:
        """Clips of this round, drawn without repetition."""
        order = torch.randperm(len(self.clips), generator=self.game.generator, device=self.device)
        return self.clips.batch(order[: self.config.batch].cpu()).to(self.device)

    @torch.no_grad()
    def _average(self) -> None:
        """A GAN's weights circle around what they are after; their running average does less."""
        if not self.config.average:
            return
        for mean, value in zip(_numbers(self.network), _numbers(self.game.network), strict=True):
            mean.lerp_(value, 1 - self.kept)

    def finite(self) -> bool:
        """Whether every weight is a finite number."""
        return all(bool(torch.isfinite(value).all()) for net in self._players().values() for value in _numbers(net))

    def _players(self) -> dict[str, nn.Module]:
        return {"network": self.network, "generator": self.game.network, "critics": self.game.critics}

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Everything needed to go on: tensors, and plain values."""
        tensors = {"random": self.game.generator.get_state()}
        for name, player in self._players().items():
            tensors |= checkpoint.pack(name, {key: value.clone() for key, value in player.state_dict().items()})
        for name, optimizer in self.game.optimizers.items():
            tensors |= checkpoint.pack_optimizer(f"optimizer of {name}", optimizer)
        return tensors, self.written()

    def restore(self, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        """The inverse of `state`, on a fresh trainer of the same clips, configuration and seed.

        On another kind of device, or in another precision, the run goes on, but not to the same weights.
        """
        self.take_up(values)
        self.game.iteration = self.iteration
        for name, player in self._players().items():
            player.load_state_dict(checkpoint.unpack(name, tensors))
        for name, optimizer in self.game.optimizers.items():
            checkpoint.unpack_optimizer(f"optimizer of {name}", optimizer, tensors)
        self.take_up_random(self.game.generator, tensors, values)


def _numbers(network: nn.Module) -> list[Tensor]:
    """All of a network that is learned or gathered, but for what counts."""
    return [value for value in network.state_dict().values() if value.is_floating_point()]


def _check(method: ManyClips, clips: ClipSet, config: Config, shape: tuple[int, ...]) -> None:
    if config.scales != 1 or config.dims != 3:
        raise InputError(f"{method.name} has one scale of clips, but preset {config.preset!r} is for another method")
    if clips.shape != shape:
        wanted, given = (f"{t} frames of {h}x{w} px" for t, h, w in (shape, clips.shape))
        way = f"load_set(..., size={shape[1]}, frames={shape[0]}), or set fine_size={clips.shape[1]}"
        raise InputError(f"{clips.name!r} has {given}, but {config.preset!r} learns {wanted}: use {way}")
    if len(clips) < config.batch:
        raise InputError(f"{clips.name!r} has {len(clips)} clips, but a round takes {config.batch}: set batch lower")
