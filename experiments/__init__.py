"""The top floor: spec, plan, stages, store, executors, the report, the `wardian` command."""
