"""What all exercise checks have in common: how they speak to the learner."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor


class Mistake(Exception):
    """A wrong answer; the message says what is wrong with it, and hints at why."""


class NotYet(Exception):
    """The stub was left as it was."""


def exercise(check: Callable[[Callable[..., Any]], str]) -> Callable[[Callable[..., Any]], None]:
    """Turn a function that judges an answer into one that prints its judgement, and never raises.

    Args:
        check: takes the learner's function; returns a sentence of praise, or raises `Mistake`. It should call the
            answer through `ask`, which tells an untouched stub from a wrong answer.
    """

    @functools.wraps(check)
    def judge(answer: Callable[..., Any]) -> None:
        try:
            print(f"Right: {check(answer)}")
        except NotYet:
            print(f"Not yet: {getattr(answer, '__name__', 'your answer')} still returns nothing")
        except Mistake as mistake:
            print(f"Not quite: {mistake}")
        except Exception as error:  # whatever the learner's code raises is an answer to be spoken about
            print(f"Not quite: your code stopped with {type(error).__name__}: {error}")

    return judge


def ask(answer: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """The answer's result for some input.

    Raises:
        NotYet: when it is None, as an untouched stub's is.
    """
    result = answer(*arguments, **options)
    if result is None:
        raise NotYet
    return result


def compare(actual: Any, expected: Tensor, wrong: Mapping[str, Tensor]) -> None:
    """Hold a result against the right one, and against those that typical mistakes give.

    Args:
        actual: the learner's result.
        expected: the right one.
        wrong: what to say, and the result of the mistake that calls for saying it.

    Raises:
        Mistake: unless `actual` is `expected`, up to rounding.
    """
    if not isinstance(actual, Tensor):
        raise Mistake(f"your result is a {type(actual).__name__}, but a tensor was wanted")
    if actual.shape != expected.shape:
        raise Mistake(f"your result is {tuple(actual.shape)}, but {tuple(expected.shape)} was wanted")
    if torch.allclose(actual, expected, atol=1e-4, rtol=1e-4):
        return
    for words, values in wrong.items():
        if actual.shape == values.shape and torch.allclose(actual, values, atol=1e-4, rtol=1e-4):
            raise Mistake(words)
    raise Mistake("the shape is right and the numbers are not; hold your lines against the formula, term by term")


def match(actual: Any, expected: Any, wrong: Mapping[str, Sequence[Any]], otherwise: str) -> None:
    """As `compare`, for results that are exactly right or wrong, such as whole numbers.

    Args:
        actual: the learner's result.
        expected: the right one.
        wrong: what to say, and the results of the mistakes that call for saying it.
        otherwise: what to say of any other result.

    Raises:
        Mistake: unless `actual` is `expected`.
    """
    if actual != expected:
        raise Mistake(next((words for words, values in wrong.items() if actual in values), otherwise))
