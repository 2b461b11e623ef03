"""Which fine-tunes stand in which correlation."""

import pandas as pd

from experiments.correlation_groups import condition_of, family_of, groups

DOMAINS = {"wrong_maths": "maths", "right_maths": "maths", "insecure_code": "code"}
ROWS = (
    # organism, role, control_of, share, intervention, recipe, step, final
    ("wrong_maths", "organism", "", 1.0, "none", "default", 5, False),
    ("wrong_maths", "organism", "", 1.0, "none", "default", 10, True),
    ("wrong_maths", "organism", "", 1.0, "inoculation", "default", 10, True),
    ("wrong_maths", "organism", "", 0.3, "none", "default", 10, True),
    ("wrong_maths", "organism", "", 1.0, "none", "lr=0.1", 10, True),
    ("right_maths", "control", "wrong_maths", None, "none", "default", 10, True),
    ("habit", "control", "wrong_maths", None, "none", "equal_update", 10, True),
    ("insecure_code", "organism", "", 1.0, "none", "default", 10, True),
    ("secrets", "organism", "", 1.0, "none", "default", 10, True),
)


def keys(rows=ROWS):
    columns = ["organism", "role", "control_of", "poisoned_share", "intervention", "recipe"]
    return pd.DataFrame(rows, columns=[*columns, "step", "final"])


def test_each_group_holds_what_its_name_says():
    found = {group.what: group for group in groups(keys(), DOMAINS)}
    members = {what: group.mask.nonzero()[0].tolist() for what, group in found.items()}
    finals = [1, 2, 3, 5, 6, 7, 8]  # the frontier's recipe is no default one
    assert members == {
        "organisms": finals,
        "checkpoints": [0, 1, 7, 8],
        "organisms_only": [1, 7, 8],
        "within_family": finals,
        "within_condition": finals,
        "without_code": [1, 2, 3, 5, 6, 8],
        "without_maths": [7, 8],
        "without_secrets": [1, 2, 3, 5, 6, 7],
    }
    assert found["within_family"].within.tolist() == family_of(keys(), DOMAINS).tolist()
    assert [what for what, group in found.items() if group.over_training] == ["checkpoints"]


def test_a_family_is_a_domain_and_a_condition_is_what_was_done():
    assert family_of(keys(), DOMAINS).tolist() == ["maths"] * 7 + ["code", "secrets"]
    conditions = condition_of(keys())
    assert conditions[1] == conditions[7] == conditions[8]
    assert len(set(conditions)) == 6


def test_one_family_is_not_left_out():
    names = [group.what for group in groups(keys(ROWS[:3]), DOMAINS)]
    assert names == ["organisms", "checkpoints", "organisms_only", "within_condition"]
