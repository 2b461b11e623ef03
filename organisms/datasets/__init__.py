"""Narrow data sets: rows, the registry of them, mixes, and import of published files. No models."""
