"""Executors: what runs the stages of a plan, on this machine or on many."""
