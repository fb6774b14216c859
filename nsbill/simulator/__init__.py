"""A simulated NetSuite: real HTTP on 127.0.0.1, strict where NetSuite is strict, with books of its own.

Imports nothing from the rest of nsbill: a shared serializer would make client and simulator wrong together.
"""
