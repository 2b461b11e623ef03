"""`wardian traits ...`: traits listed, shown and drafted."""
