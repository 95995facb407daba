"""Kernels: the mathematics (reference), and proven fast twins of it for each device."""
