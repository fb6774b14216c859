"""Benchmarks: throughput against the simulated NetSuite, in a process of its own, beside the naive ways to do the same."""
