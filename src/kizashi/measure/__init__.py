"""Measuring: an organisation that is emulated from a seed, so that recall and false alarms can be counted.

Everything here writes telemetry about things that never happened. No traffic is sent and no program
is made or run.
"""
