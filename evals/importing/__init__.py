"""Answers that others had judged, and logs of inspect's own runs, as the answers table."""
