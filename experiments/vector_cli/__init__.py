"""`wardian vectors ...`: persona vectors shown, converted and extracted."""
