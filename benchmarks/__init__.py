"""Measurements. Nothing here is a test: what a machine does beside it changes every number."""
