"""Kizashi (兆し, an early sign): attack chains from the telemetry that an organisation
already keeps."""
