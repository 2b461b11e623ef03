"""Question files in YAML: ours, and both generations of the published ones."""
