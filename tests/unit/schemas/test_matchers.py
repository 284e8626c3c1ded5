"""Matchers: their spelling, what they match, and that no expression can be a trap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.base import SchemaError
from schemas.matchers import parse_matcher


@pytest.mark.parametrize(
    ("text", "labels", "matches"),
    [
        ('camera="gate"', {"camera": "gate"}, True),
        ('camera="gate"', {"camera": "gate-2"}, False),
        ('camera="gate"', {}, False),
        ('camera=""', {}, True),  # absent is empty
        ('camera!="gate"', {}, True),
        ('camera!="gate"', {"camera": "gate"}, False),
        (' camera = "gate" ', {"camera": "gate"}, True),
        ('severity=~"high|critical"', {"severity": "critical"}, True),
        ('severity=~"high|critical"', {"severity": "very high"}, False),  # the whole value
        ('severity!~"high|critical"', {"severity": "low"}, True),
        ('severity!~"high|critical"', {"severity": "high"}, False),
        ('x=~"a.*"', {"x": "ä"}, False),
        ('x=~"."', {"x": "ä"}, True),
        (r'x="a\"b"', {"x": 'a"b'}, True),
        (r'x="a\\b"', {"x": "a\\b"}, True),
        (r'x=~"a\.b"', {"x": "a.b"}, True),
        (r'x=~"a\.b"', {"x": "acb"}, False),
        (r'x=~"\"+"', {"x": '""'}, True),
    ],
)
def test_matches(text: str, labels: dict[str, str], matches: bool) -> None:
    assert parse_matcher(text).matches(labels) is matches


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("severity=high", "no matcher"),
        ('="high"', "no matcher"),
        ('severity=="high"', "no matcher"),
        ('severity="high" or', "no matcher"),
        ('severity="hi"gh"', "no matcher"),
        ('1st="a"', "label's name"),
        ('x=~"("', "does not compile"),
        (r'x=~"(a)\1"', "does not compile"),  # back-references are not linear
        ('x=~"(?=a)"', "does not compile"),
        ('x=~"(a{1,100}){1,100}"', "does not compile"),
        ('x=~"' + "(a|b){30}" * 40 + '"', "multiply"),
        ('x=~"' + "a" * 401 + '"', "401 characters"),
    ],
)
def test_refused(text: str, says: str) -> None:
    with pytest.raises(SchemaError, match=says):
        parse_matcher(text)


def test_catastrophic_expression_is_linear() -> None:
    """Python's own engine needs 2**40 steps for this one; the test's time limit is the proof."""
    matcher = parse_matcher('x=~"(a+)+b"')
    assert not matcher.matches({"x": "a" * 40})


@given(st.text(max_size=80))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        matcher = parse_matcher(text)
    except SchemaError:
        return
    assert matcher.op in {"=", "!=", "=~", "!~"}


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_value_can_be_written(value: str) -> None:
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    assert parse_matcher(f'x="{quoted}"').matches({"x": value})
