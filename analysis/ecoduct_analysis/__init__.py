"""Movement analysis for wildlife: arrays in, arrays out.

No clock, no database, no settings and no logging: the same input gives the same output in a
notebook, in a batch and live.
"""
