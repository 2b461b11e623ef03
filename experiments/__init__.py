"""The top floor: the spec, the plan of stages, the store, executors, the report, the `wardian` command."""
