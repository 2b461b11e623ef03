"""The `wardian` command with a toy plan: `toy_wardian.py PLAN ARGUMENTS...`, PLAN as JSON."""

import json
import sys
from types import ModuleType

import toy_stages

import experiments.stages
from experiments.cli import main

if __name__ == "__main__":
    chosen = json.loads(sys.argv.pop(1))
    maker = getattr(toy_stages, chosen.pop("plan"))
    experiments.stages.KINDS = toy_stages.KINDS
    plan = ModuleType("experiments.plan")
    plan.build_plan = lambda spec: maker(**chosen)
    sys.modules["experiments.plan"] = plan
    main()
