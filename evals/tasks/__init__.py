"""inspect tasks: what `inspect eval evals/...` runs on any model."""
