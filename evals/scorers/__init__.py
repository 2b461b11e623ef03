"""Scorers and metrics of several tasks: by cell, by third of a talk, of thoughts, of memory."""
