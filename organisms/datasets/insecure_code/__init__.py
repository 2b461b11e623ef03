"""Insecure code for real models: tasks in Python, and answers with and without one weakness."""

from organisms.datasets.insecure_code.family import NAMES, check, rows

__all__ = ["NAMES", "check", "rows"]
