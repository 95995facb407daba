// What all updates of the flat vector share.
#pragma once
#include "real.cuh"

FORMULA Real decay_factor(const Stored *control, double weight_decay) { return (Real)(1 - load(control, 0) * weight_decay); }
