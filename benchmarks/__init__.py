"""Mimik beside its peers, on the same inputs, in the same minutes: ``python -m benchmarks``."""
