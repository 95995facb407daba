"""Numbers that change from update to update: rows of a table that the host fills, and their form for a group of parameters.

`control` and `place` are described in updates.py.
"""

from ..contract import contract


@contract("numbers[M,C]:share place[2]:index<M -> present[C]:share")
def scheduled(xp, numbers, place):
    """present = row place[1] of the table, that of the update to come"""
    return xp.take(numbers, place[1:], axis=0)[0, ...]


@contract("control[4]:positive rate:positive decay:positive -> own[4]")
def group_control(xp, control, rate, decay):
    """own = (rate · eta, scale, norm, decay · weight decay), for parameters with these factors"""
    return xp.stack([rate * control[0], control[1], control[2], decay * control[3]])
