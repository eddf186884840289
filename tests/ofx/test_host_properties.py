"""Property sets by themselves: what may be set and read, and what each mistake gets back."""

import pytest

from propainter_host.abi import Refusal, Status
from propainter_host.core import Core
from propainter_host.profiles import NUKE, RESOLVE
from propainter_host.properties import DOUBLE, INT, STRING, Prop, PropertySet
from propainter_host.strict import Rule

PROPS = (
    Prop("size", DOUBLE, 2, writable=True),
    Prop("names", STRING, 0, writable=True),
    Prop("count", INT, default=(3,), writable=True),
    Prop("fixed", INT, default=(1,)),
)


@pytest.fixture
def core() -> Core:
    return Core(NUKE)


@pytest.fixture
def props(core: Core) -> PropertySet:
    return core.properties("the thing", PROPS)


def test_values_are_set_one_by_one_or_all_at_once(props: PropertySet) -> None:
    props.set_at("size", DOUBLE, 1, 4.0)
    props.set_all("names", STRING, ["a", "b"])
    props.set_at("names", STRING, 2, "c")
    assert props.get_all("size", DOUBLE, 2) == [0.0, 4.0]
    assert [props.get_at("names", STRING, index) for index in range(3)] == ["a", "b", "c"]
    assert props.dimension("names") == 3


def test_reset_brings_the_default_back(props: PropertySet) -> None:
    props.set_at("count", INT, 0, 9)
    props.set_all("names", STRING, ["a"])
    props.reset("count")
    props.reset("names")
    assert (props["count"], props["names"]) == ([3], [])


@pytest.mark.parametrize(
    ("deed", "status", "rule"),
    [
        (lambda props: props.set_at("size", DOUBLE, 2, 1.0), Status.BAD_INDEX, Rule.BAD_INDEX),
        (lambda props: props.set_at("names", STRING, 1, "b"), Status.BAD_INDEX, Rule.BAD_INDEX),
        (lambda props: props.set_at("count", INT, -1, 1), Status.BAD_INDEX, Rule.BAD_INDEX),
        (lambda props: props.set_all("size", DOUBLE, [1.0]), Status.BAD_INDEX, Rule.BAD_INDEX),
        (lambda props: props.get_at("names", STRING, 0), Status.BAD_INDEX, Rule.BAD_INDEX),
        (lambda props: props.get_all("size", DOUBLE, 3), Status.BAD_INDEX, Rule.BAD_INDEX),
        (lambda props: props.set_at("count", DOUBLE, 0, 1.0), Status.VALUE, Rule.WRONG_TYPE),
        (lambda props: props.get_at("count", STRING, 0), Status.VALUE, Rule.WRONG_TYPE),
        (lambda props: props.set_at("fixed", INT, 0, 2), Status.VALUE, Rule.READ_ONLY),
        (lambda props: props.reset("fixed"), Status.VALUE, Rule.READ_ONLY),
    ],
)
def test_each_mistake_is_refused_noted_and_changes_nothing(
    core: Core, props: PropertySet, deed: object, status: Status, rule: Rule
) -> None:
    before = {name: list(props[name]) for name in ("size", "names", "count", "fixed")}
    with pytest.raises(Refusal) as refusal:
        deed(props)  # type: ignore[operator]
    assert refusal.value.status is status
    assert core.ledger.rules == {rule}
    assert {name: props[name] for name in before} == before


@pytest.mark.parametrize(("profile", "status"), [(NUKE, Status.UNKNOWN), (RESOLVE, Status.OK)])
def test_setting_what_is_not_there_returns_what_the_host_returns(profile: object, status: Status) -> None:
    core = Core(profile)  # type: ignore[arg-type]
    with pytest.raises(Refusal) as refusal:
        core.properties("the thing", PROPS).set_at("else", INT, 0, 1)
    assert refusal.value.status is status
    assert not core.ledger.violations and "no property else" in core.ledger.notes[0]


def test_the_host_itself_may_not_mistype_a_name(props: PropertySet) -> None:
    with pytest.raises(KeyError, match="the thing has no property sizes"):
        props.put(sizes=1.0)
