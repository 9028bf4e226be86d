"""Differential privacy as pure functions: clipping, calibration of the noise, accounting.

Everything here is plain numbers in and out, without I/O, clock or randomness. Sources are cited where a formula is.
"""
