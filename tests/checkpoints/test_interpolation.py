import pytest
from hypothesis import given
from hypothesis import strategies as st

from songbloom_x2.checkpoints.interpolation import ResolvedConfig
from songbloom_x2.errors import CheckpointError


@pytest.fixture
def config(tmp_path):
    (tmp_path / "words.yaml").write_text("['', a, b]")

    def build(**tree):
        return ResolvedConfig(tree, tmp_path, "x.yaml")

    return build


def test_one_interpolation_keeps_its_type(config):
    built = config(a={"b": 3, "c": [1, 2]}, whole="${a.b}", items="${a.c}", item="${a.c.1}", text="<${a.b}>")
    assert built.get("whole") == 3
    assert built.get("items") == [1, 2]
    assert built.get("item") == 2
    assert built.get("text") == "<3>"


def test_relative_and_nested_keys(config):
    built = config(a={"b": "${.c}", "c": 7, "d": {"e": "${..c}"}}, which="c", chosen="${a.${which}}")
    assert built.get("a") == {"b": 7, "c": 7, "d": {"e": 7}}
    assert built.get("chosen") == 7


def test_resolvers(config, tmp_path):
    built = config(
        n=2,
        product="${eval:${n}*25}",
        quoted="${eval:'(${n} + 1) * 25 // 2'}",
        joined="${concat:${one},[c, ${n}]}",
        one=["a", "b"],
        name="${get_fname:some/where/model.final.yaml}",
        place="${dynamic_path:???/words.yaml}",
        words="${load_yaml:${dynamic_path:???/words.yaml}}",
        near="${load_yaml:words.yaml}",
    )
    assert built.get("product") == 50
    assert built.get("quoted") == 37
    assert built.get("joined") == ["a", "b", "c", 2]
    assert built.get("name") == "model.final"
    assert built.get("place") == str(tmp_path / "words.yaml")
    assert built.get("words") == built.get("near") == ["", "a", "b"]


def test_absent_is_none_but_a_dangling_reference_is_refused(config):
    built = config(a="${b.c}")
    assert built.get("nothing.here") is None
    with pytest.raises(CheckpointError, match=r"x\.yaml: 'b\.c' is referred to but not there"):
        built.get("a")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("${a}", "refers to itself"),
        ("${eval:__import__('os').system('true')}", "never run"),
        ("${oc.env:HOME}", "resolver 'oc.env'"),
        ("${unknown:1}", "resolver 'unknown'"),
        ("${load_yaml:../words.yaml}", "outside the model's folder"),
        ("${load_yaml:/etc/hostname}", "outside the model's folder"),
        ("${load_yaml:${dynamic_path:???/../../words.yaml}}", "outside the model's folder"),
        ("${load_yaml:nowhere.yaml}", "cannot be read"),
        ("${b", "without its"),
        ("${}", "is no key"),
        ("${......b}", "is no key"),
        ("${concat:1,2}", "takes lists only"),
        ("${eval:1,2}", "takes one value"),
        ("text ${items}", "mixes text"),
        ("${" * 60 + "b" + "}" * 60, "nested deeper"),
    ],
)
def test_refusals_are_one_line(config, value, message):
    with pytest.raises(CheckpointError, match=message) as caught:
        config(a=value, items=[1], b="b").get("a")
    assert "\n" not in str(caught.value)


def test_loops_through_others_are_refused(config):
    with pytest.raises(CheckpointError, match="refers to itself"):
        config(a="${b}", b="${c}", c="<${a}>").get("a")


def test_growth_is_bounded(config):
    doubling = {f"k{i}": f"${{k{i + 1}}}${{k{i + 1}}}" for i in range(30)}
    with pytest.raises(CheckpointError, match="grows without measure"):
        config(**doubling, k30="x").get("k0")
    lists = {f"k{i}": f"${{concat:${{k{i + 1}}},${{k{i + 1}}}}}" for i in range(30)}
    with pytest.raises(CheckpointError, match="grows without measure"):
        config(**lists, k30=["x"]).get("k0")


@given(st.text(alphabet="${}:[],'\"ab.?/ eval", max_size=40))
def test_any_text_gives_a_value_or_a_refusal(tmp_path_factory, text):
    config = ResolvedConfig({"a": text, "b": 1}, tmp_path_factory.getbasetemp(), "x.yaml")
    try:
        config.get("a")
    except CheckpointError as error:
        assert "\n" not in str(error)
