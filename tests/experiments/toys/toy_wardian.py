"""The `wardian` command with a toy plan: `toy_wardian.py PLAN ARGUMENTS...`, PLAN as JSON."""

import json
import sys

import toy_stages

import experiments.plan
import experiments.stages
from experiments.cli import main

if __name__ == "__main__":
    chosen = json.loads(sys.argv.pop(1))
    experiments.stages.KINDS = toy_stages.KINDS
    maker = getattr(toy_stages, chosen.pop("plan"))
    experiments.plan.build_plan = lambda spec: maker(**chosen)
    main()
