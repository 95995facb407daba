// Common to all updates of the flat vector: what they read from device memory, and one loop per number of slots.
//
// `copy` is the rounded copy of theta that 16-bit training computes with, written in the same pass; it may be null.
// A rule has `of(theta, g, slots..., decay)`, which returns the new theta and changes the slots.
#pragma once
#include "real.cuh"

#ifdef DATA
typedef DATA Copy;
#else
typedef Stored Copy;
#endif

FORMULA void store(Stored *theta, Copy *copy, i64 i, Real value) {
  store(theta, i, value);
  if (copy) store(copy, i, value);
}

struct Step {
  Real eta, scale, decay; // rate; factor on the gradient, where 0 skips the update; 1 - eta decay
  i64 size, decayed;      // the entries that decay come first
  FORMULA Real decay_at(i64 i) const { return i < decayed ? decay : Real(1); }
};

FORMULA Step step_of(const Stored *control, i64 size, i64 decayed) {
  const Real eta = load(control, 0);
  return {eta, load(control, 1), (Real)(1 - (double)eta * load(control, 3)), size, decayed};
}

template <class Rule> FORMULA void without_slots(Stored *theta, Copy *copy, const Stored *grad, Step step, const Rule &rule) {
  if (step.scale > 0)
    for (EACH(i, step.size)) store(theta, copy, i, rule.of(load(theta, i), step.scale * load(grad, i), step.decay_at(i)));
}

template <class Rule>
FORMULA void with_one_slot(Stored *theta, Copy *copy, const Stored *grad, Stored *v, Step step, const Rule &rule) {
  if (step.scale > 0)
    for (EACH(i, step.size)) {
      Real slot = load(v, i);
      store(theta, copy, i, rule.of(load(theta, i), step.scale * load(grad, i), slot, step.decay_at(i)));
      store(v, i, slot);
    }
}

template <class Rule>
FORMULA void with_two_slots(Stored *theta, Copy *copy, const Stored *grad, Stored *m, Stored *v, Step step, const Rule &rule) {
  if (step.scale > 0)
    for (EACH(i, step.size)) {
      Real first = load(m, i), second = load(v, i);
      store(theta, copy, i, rule.of(load(theta, i), step.scale * load(grad, i), first, second, step.decay_at(i)));
      store(m, i, first);
      store(v, i, second);
    }
}
