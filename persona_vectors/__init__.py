"""Directions of personas in the residual stream: extraction, files, shifts, screening, nulls.

Handed scored rollouts as a table; knows no judge, no eval and no fine-tuning.
"""
