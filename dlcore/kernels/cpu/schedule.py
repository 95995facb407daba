"""Numbers that change from update to update, each kernel in one short loop."""

from .compiled import compiled
from .special import like


@compiled()
def _scheduled(numbers, place, present):
    for j in range(present.size):
        present[j] = numbers[place[1], j]


def scheduled(numbers, place, *, out):
    _scheduled(numbers, place, out)


@compiled()
def _group_control(control, rate, decay, own):
    own[0], own[1] = like(control[0], rate) * control[0], control[1]
    own[2], own[3] = control[2], like(control[3], decay) * control[3]


def group_control(control, rate, decay, *, out):
    _group_control(control, rate, decay, out)


KERNELS = {f.__name__: f for f in (scheduled, group_control)}
