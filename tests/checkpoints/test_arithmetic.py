import ast
import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songbloom_x2.checkpoints.arithmetic import evaluate

_OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}
_OPERATORS |= {ast.Div: operator.truediv, ast.FloorDiv: operator.floordiv}


def by_python(node):
    """An independent judge: Python's own grammar."""
    if isinstance(node, ast.Expression):
        return by_python(node.body)
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.UnaryOp):
        value = by_python(node.operand)
        return -value if isinstance(node.op, ast.USub) else value
    return _OPERATORS[type(node.op)](by_python(node.left), by_python(node.right))


numbers = st.one_of(st.integers(0, 999).map(str), st.floats(0, 99, width=16).map(lambda x: f"{x:.3f}"))
expressions = st.recursive(
    numbers,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "//"]), inner).map(" ".join),
        inner.map("({})".format),
        inner.map("-({})".format),
    ),
    max_leaves=8,
)


@given(expressions)
def test_agrees_with_python(text):
    try:
        expected = by_python(ast.parse(text, mode="eval"))
    except ZeroDivisionError:
        with pytest.raises(ValueError, match="zero"):
            evaluate(text)
        return
    assert evaluate(text) == expected
    assert type(evaluate(text)) is type(expected)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "()",
        "1 +",
        "2 3",
        "(1",
        "1)",
        "a",
        "__import__('os')",
        "2**9",
        "1e999",
        "1,2",
        "().__class__",
        "9" * 500,
        "%",
    ],
)
def test_refuses_everything_else(text):
    with pytest.raises(ValueError):
        evaluate(text)


def test_refuses_endless_nesting():
    with pytest.raises(ValueError, match="nested"):
        evaluate("(" * 60 + "1" + ")" * 60)
