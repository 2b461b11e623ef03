"""`wardian organisms ...`: data sets listed, shown, made, mixed, written, imported and audited."""
