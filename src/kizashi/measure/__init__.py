"""Measuring: an organisation emulated from a seed, to count recall and false alarms.

Everything here writes telemetry about things that never happened. No traffic is sent and no program
is made or run.
"""
