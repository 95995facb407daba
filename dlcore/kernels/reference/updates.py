"""What happens to the flat parameter vector in one update, in this order: l2 and clipping, the optimizer, max-norm.

theta, grad and the slots are the flat buffers of all trainable parameters, of which the first `matrices` entries are the weight
matrices, the only ones that l2 acts on; or, for an optimizer, a part of these buffers, of which the first `decayed` entries are
subject to weight decay.  Everything that varies between steps is read from device arrays:

    schedule[i] = (eta, decay)      learning rate and weight decay of the i-th of the next updates
    control  = (eta, scale, norm, decay)   scale is a factor on the gradient, where 0 skips the update; norm that of the gradient
    progress = (epoch, batch, evaluations, updates)   updates counts from 1 when an optimizer reads it
"""

from ..contract import contract


def on_first(xp, count, changed, kept):
    """`changed` on the first `count` entries, `kept` on the others"""
    return xp.where(xp.arange(kept.shape[0]) < count, changed, kept)


def after_decay(xp, theta, control, decayed):
    """(1 − η·decay) θ on the first `decayed` entries, θ on the others"""
    return on_first(xp, decayed, (1 - control[0] * control[3]) * theta, theta)


def applied(xp, control, new, old):
    """The new values, or the old ones where the update is skipped"""
    return tuple(xp.where(control[1] > 0, a, b) for a, b in zip(new, old, strict=True))


def _squares(xp, grad, runs):
    """Σ g² over each of `runs` runs of ⌈p / runs⌉ entries"""
    run = -(-grad.shape[0] // runs)
    missing = xp.zeros(runs * run - grad.shape[0], dtype=grad.dtype)
    return xp.sum(xp.reshape(xp.concat([grad * grad, missing]), (runs, run)), axis=1)


@contract(
    "theta[p] grad[p] squares[S]:positive loss[2] schedule[M,2] losses[M] place[2]:index<M progress[4]:count fault[1]:count "
    "matrices:count l2:positive clip:positive "
    "-> grad[p] squares[S] control[4] losses[M] place[2] progress[4] fault[1]",
    tolerance=256,
)
def prepare_update(xp, theta, grad, squares, loss, schedule, losses, place, progress, fault, matrices, l2, clip):
    """g ← g + l2 θ on matrices;  scale = min(1, clip / (‖g‖ + 1e-6));  record the loss;  count the update.

    The scale is 0, and nothing is counted, if the weight of the batch is 0 or negative (mixed.py), if loss or ‖g‖ is not
    finite, or if this happened in an earlier step: `fault` holds the number of the first such update, so the last good state
    is kept.
    place = (index of the next loss in `losses`, fixed after a fault; index of the next update in `schedule`).
    squares is scratch: the parts of ‖g‖², summed over S runs of ⌈p / S⌉ entries.
    """
    grad = on_first(xp, matrices, grad + l2 * theta, grad)
    squares = _squares(xp, grad, squares.shape[0])
    norm = xp.sqrt(xp.sum(squares))
    finite = xp.isfinite(loss[0]) & xp.isfinite(norm)
    active = finite & (loss[1] > 0) & (fault[0] == 0)
    zero, one = xp.zeros_like(norm), xp.ones_like(norm)
    scale = xp.where(active, xp.minimum(one, clip / (norm + 1e-6)), zero)
    first_fault = xp.where((fault == 0) & ~finite, progress[3:4] + 1, fault)
    counted = xp.stack([progress[0], progress[1], progress[2], progress[3] + xp.astype(active, progress.dtype)])
    going = fault[0] == 0
    value = xp.where(loss[1] != 0, loss[0], xp.full_like(loss[0], xp.nan))  # no weight, no loss
    recorded = xp.where((xp.arange(losses.shape[0]) == place[0]) & going, value, losses)
    moved = xp.stack([place[0] + xp.astype(going, place.dtype), place[1] + xp.astype(active, place.dtype)])
    eta, decay = (xp.take(schedule, place[1:], axis=0)[0, i] for i in range(2))
    control = xp.stack([eta, scale, norm, decay])
    return grad, squares, control, recorded, moved, counted, first_fault


@contract("grad[p] loss[2] total[p] sums[2] -> total[p] sums[2]")
def accumulate(xp, grad, loss, total, sums):
    """total += Σw · grad,  sums += (Σw · loss, Σw): one of several gradients before an update"""
    return total + loss[1] * grad, sums + xp.stack([loss[0] * loss[1], loss[1]])


@contract("total[p] sums[2]:positive -> total[p] sums[2] grad[p] loss[2]")
def average(xp, total, sums):
    """grad = total / Σw, loss = (Σ wL / Σw, Σw), as if all rows were one batch; total and sums start again at 0"""
    weight = xp.where(sums[1] > 0, sums[1], xp.ones_like(sums[1]))
    return xp.zeros_like(total), xp.zeros_like(sums), total / weight, xp.stack([sums[0] / weight, sums[1]])


@contract("theta[p] grad[p] control[4]:positive decayed:count -> theta[p]")
def sgd(xp, theta, grad, control, decayed):
    """θ ← (1 − η·decay) θ − η g"""
    eta, g = control[0], control[1] * grad
    theta_decayed = after_decay(xp, theta, control, decayed)
    return applied(xp, control, (theta_decayed - eta * g,), (theta,))[0]


@contract(
    "theta[p] grad[p] v[p] control[4]:positive progress[4]:count decayed:count mu:unit tau:unit nesterov:bits "
    "-> theta[p] v[p]"
)
def sgd_momentum(xp, theta, grad, v, control, progress, decayed, mu, tau, nesterov):
    """v₁ = g, then v ← μ v + (1 − τ) g;  θ ← θ − η v, or with Nesterov θ ← θ − η (g + μ v).  PyTorch's rule."""
    eta, g = control[0], control[1] * grad
    v_new = xp.where(progress[3] <= 1, g, mu * v + (1 - tau) * g)
    theta_decayed = after_decay(xp, theta, control, decayed)
    return applied(xp, control, (theta_decayed - eta * (g + mu * v_new if nesterov else v_new), v_new), (theta, v))


@contract("theta[p] grad[p] v[p] control[4]:positive decayed:count beta:unit -> theta[p] v[p]")
def moving_average(xp, theta, grad, v, control, decayed, beta):
    """v ← β v + (1 − β) g;  θ ← θ − η v"""
    eta, g = control[0], control[1] * grad
    v_new = beta * v + (1 - beta) * g
    theta_decayed = after_decay(xp, theta, control, decayed)
    return applied(xp, control, (theta_decayed - eta * v_new, v_new), (theta, v))


@contract("theta[p] grad[p] v[p] control[4]:positive decayed:count mu:unit nesterov:bits -> theta[p] v[p]")
def sgd_step(xp, theta, grad, v, control, decayed, mu, nesterov):
    """v ← μ v + η g;  θ ← θ − v, or with Nesterov θ ← θ − (η g + μ v): scikit-learn's rule, where v is a step"""
    eta, g = control[0], control[1] * grad
    v_new = mu * v + eta * g
    theta_decayed = after_decay(xp, theta, control, decayed)
    return applied(xp, control, (theta_decayed - (eta * g + mu * v_new if nesterov else v_new), v_new), (theta, v))


@contract("theta[p] v[p] origin[p] schedule[M,2] place[2]:index<M reach:positive -> theta[p] origin[p]")
def look_ahead(xp, theta, v, origin, schedule, place, reach):
    """origin ← θ;  θ ← θ − η·reach·v, the point where Nesterov's gradient is taken"""
    return theta - xp.take(schedule, place[1:], axis=0)[0, 0] * reach * v, theta


@contract("theta[p] grad[p] v[p] origin[p] control[4]:positive decayed:count beta:unit -> theta[p] v[p]")
def moving_average_nesterov(xp, theta, grad, v, origin, control, decayed, beta):
    """v ← β v + (1 − β) g;  θ ← origin − η v, with g taken at the look-ahead point; a skipped update returns to the origin"""
    eta, g = control[0], control[1] * grad
    v_new = beta * v + (1 - beta) * g
    theta_decayed = after_decay(xp, origin, control, decayed)
    return applied(xp, control, (theta_decayed - eta * v_new, v_new), (origin, v))


@contract("W[i,o] control[4]:positive limit:positive -> W[i,o]", tolerance=64)
def max_norm(xp, W, control, limit):
    """w ← w · min(1, limit / ‖w‖) for the incoming weights w of each unit, the columns of W.  Srebro & Shraibman (2005)."""
    norm = xp.sqrt(xp.sum(W * W, axis=0))
    factor = xp.where(norm > limit, limit / xp.where(norm > 0, norm, xp.ones_like(norm)), xp.ones_like(norm))
    return applied(xp, control, (W * factor,), (W,))[0]
