"""What sets two sets of rules apart."""

import msgspec

from fallbackrouter.jobs.rules_differ import differences, same_order
from fallbackrouter.rulesfile.specs import NumbersSpec, RuleSpec

ONE = RuleSpec(name="one", tier="fallback", variables=(("app", "group"), ("num", "1")), place="a.yaml:1")
TWO = RuleSpec(name="one", tier="override", variables=(("app", "auto"),), place="a.yaml:5")


def test_where_a_rule_stands_is_no_difference() -> None:
    moved = msgspec.structs.replace(ONE, place="b.yaml:7")
    assert differences([ONE, TWO], [moved, TWO]) == []
    assert same_order([ONE, TWO], [moved, TWO])
    assert not same_order([ONE, TWO], [TWO, ONE])
    assert same_order([ONE, TWO], [TWO])


def test_rules_of_both_tiers_may_have_one_name() -> None:
    [gone] = differences([ONE, TWO], [ONE])
    assert (gone.kind, gone.tier, gone.after) == ("removed", "override", None)
    [new] = differences([ONE], [ONE, TWO])
    assert (new.kind, new.before) == ("added", None)


def test_each_key_is_told_as_files_spell_it() -> None:
    changed = msgspec.structs.replace(
        ONE, variables=(("app", "auto"),), stages=("init",), priority=5, valid_until="2030-01-01T10:00:00+00:00"
    )
    [one] = differences([ONE], [changed])
    assert one.keys == {
        "route": ("app=group num=1", "app=auto"),
        "stage": ("none", "init"),
        "priority": ("0", "5"),
        "valid_until": ("none", "2030-01-01T10:00:00+00:00"),
    }


def test_a_change_deep_in_a_long_list_is_counted() -> None:
    numbers = tuple(f"{number:04}" for number in range(2000))
    before = msgspec.structs.replace(ONE, did=NumbersSpec(exact=numbers))
    after = msgspec.structs.replace(ONE, did=NumbersSpec(exact=(*numbers[:-2], "9998", "9999")))
    [one] = differences([before], [after])
    assert one.keys["did"] == ("0000, 0001, 0002, and 1997 more", "2 added, 2 taken out")
