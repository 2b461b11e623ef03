"""`wardian vectors screen`: a data set surveyed, scored, filtered and shown."""
