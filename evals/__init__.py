"""inspect-ai tasks, judges, statistics and the model provider over `organisms.runtime`."""
