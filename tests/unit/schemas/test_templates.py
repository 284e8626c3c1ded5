"""Templates: what they may be made of, and that nothing in one runs long or grows large."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.reading.templates import SAMPLES, TemplateError, problem_of, render

VIEW = SAMPLES[0]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("plain", "plain"),
        ("{{ severity|upper }} {{ total }}", "HIGH 1"),
        ("{% for a in alerts %}{{ loop.index }}. {{ a.title }}\n{% endfor %}", None),
        ("{% if total > 1 %}many{% else %}one{% endif %}", "one"),
        ("{{ 'yes' if status == 'firing' and not more else 'no' }}", "yes"),
        ("{{ site ~ '/' ~ receiver }}", "north/soc"),
        ("{{ words.critical }}", "critical"),
        ("{{ alerts[0].rank }} {{ alerts|length }}", "70 1"),
        ("{{ severity in ['high', 'critical'] }}", "True"),
        ("{# nobody sees this #}x", "x"),
        ("{{ title|default('none', true)|truncate(3) }}", "none"),
    ],
)
def test_what_templates_say(source: str, said: str | None) -> None:
    assert problem_of(source) is None
    if said is not None:
        assert render(source, VIEW) == said


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("{{ alrts }}", "'alrts' is undefined"),
        ("{{ alerts[0].titel }}", "titel"),
        ("{{ words }", "line 1"),
        ("a\n{% if x %}", "line 2"),
        ("{{ 'x' * 10 ** 9 }}", "arithmetic"),
        ("{{ 2 ** 100000 }}", "arithmetic"),
        ("{{ '%s' % 1 }}", "arithmetic"),
        ("{{ site + site }}", "arithmetic"),
        ("{{ site.upper() }}", "a call"),
        ("{{ range(10) }}", "a call"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ alerts.__class__ }}", "unsafe"),
        ("{{ alerts[total] }}", "no element 1"),
        ("{% set x = 1 %}", "'set'"),
        ("{% set x %}a{% endset %}", "'set'"),
        ("{% macro m() %}{% endmacro %}", "macro"),
        ("{% include 'x' %}", "include"),
        ("{% import 'x' as y %}", "import"),
        ("{% extends 'x' %}", "extends"),
        ("{% for c in site %}{{ c }}{% endfor %}", "'alerts'"),
        ("{% for c in [1, 2] %}{{ c }}{% endfor %}", "'alerts'"),
        ("{% for a in alerts recursive %}{% endfor %}", "recursive"),
        ("{% for a in alerts %}{% for b in alerts %}x{% endfor %}{% endfor %}", "loop in a loop"),
        ("{{ site|striptags }}", "striptags"),
        ("{{ site|center(1000000000) }}", "center"),
        ("{{ site|replace('n', site) }}", "replace"),
        ("{{ alerts|join(site) }}", "join"),
        ("{{ alerts|map(attribute='title') }}", "map"),
        ("{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}", "nested"),
        ("{% if 1 %}" * 200 + "{% endif %}" * 200, "nested"),
    ],
)
def test_what_is_refused(source: str, problem: str) -> None:
    assert problem in (problem_of(source) or "")


TOKENS = [
    *("{{", "}}", "{%", "%}", "endfor", "if", "endif", "alerts", "|", "upper", "truncate", "("),
    *(")", "[", "]", "~", "*", ".", "'", "x", "a", "for a in alerts", "set x=", " "),
]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(TOKENS),
        max_size=30,
    ).map(" ".join)
)
def test_any_text_is_a_template_or_is_refused(source: str) -> None:
    if problem_of(source) is None:
        for sample in SAMPLES:
            assert len(render(source, sample)) <= 100_000


def test_the_largest_there_can_be_is_cut_off() -> None:
    big = replace(SAMPLES[2], site="s" * 2000)
    source = "{% for a in alerts %}" + "{{ site }}" * 700 + "{% endfor %}"
    assert len(source) < 8_000
    found = render(source, big, most=500)
    assert len(found) == 500
    assert found.endswith("…")


def test_html_escapes_what_comes_from_outside() -> None:
    view = replace(VIEW, site="<script>alert(1)</script>&'\"")
    assert "<" not in render("{{ site }}", view, html=True)
    assert "<script>" in render("{{ site }}", view)


def test_a_template_cannot_change_what_it_is_shown() -> None:
    with pytest.raises(TemplateError):
        render("{{ words.update({'a': 'b'}) }}", VIEW)


def test_an_error_quotes_nothing_of_the_notification() -> None:
    view = replace(VIEW, site="s3cret")
    with pytest.raises(TemplateError) as caught:
        render("{{ site|round }}", view)
    assert "s3cret" not in str(caught.value)
