"""`wardian evals ...`: judged answers imported, judges calibrated, studies planned."""
