"""Figures of a run, one file each; every one is drawn from tables alone and is None where they
lack it."""
