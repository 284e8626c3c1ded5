"""The built-in texts: one template, and the words of each language in it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["HTML", "LANGUAGES", "SUBJECT", "TEXT", "words"]

SUBJECT: Final = """\
{% if kind == "internal" %}{{ title }}{% else %}\
{% if status == "resolved" %}{{ words.resolved }}{% elif kind == "summary" %}{{ words.summary }}\
{% elif kind == "escalation" %}{{ words.escalation }}{% else %}{{ words[severity] }}{% endif %}: \
{% if total == 1 and alerts %}{{ alerts[0].title }}{% else %}\
{{ total }} {{ words.alerts }}, {{ site_name }}{% endif %}{% endif %}"""

TEXT: Final = """\
{% if kind == "internal" %}
{{ text }}
{% else %}
{% for alert in alerts %}
{{ words[alert.severity] }} ({{ alert.rank }}): {{ alert.title }}, {{ alert.at }}
{% endfor %}
{% if more > 0 %}
+ {{ more }} {{ words.more }}
{% endif %}
{% endif %}
{% if link %}
{{ link }}
{% endif %}"""

HTML: Final = """\
<h2>{% if kind == "internal" %}{{ title }}{% elif status == "resolved" %}{{ words.resolved }}\
{% else %}{{ words[severity] }}{% endif %}</h2>
{% if kind == "internal" %}
<p>{{ text }}</p>
{% else %}
<table cellpadding="6">
{% for alert in alerts %}
<tr><td>{{ words[alert.severity] }}</td><td>{{ alert.rank }}</td>\
<td>{% if alert.link %}<a href="{{ alert.link }}">{{ alert.title }}</a>{% else %}{{ alert.title }}\
{% endif %}</td><td>{{ alert.at }}</td></tr>
{% endfor %}
</table>
{% if more > 0 %}
<p>+ {{ more }} {{ words.more }}</p>
{% endif %}
{% endif %}
{% if link %}
<p><a href="{{ link }}">{{ words.open }}</a></p>
{% endif %}"""

_NAMES: Final = (
    *("critical", "high", "medium", "low", "info", "resolved", "summary", "escalation"),
    *("alerts", "more", "open"),
)
_SPOKEN: Final = {
    "en": "Critical|High|Medium|Low|Info|Resolved|Summary|Escalation|alerts|more|Open the queue",
    "pt": "Crítico|Alto|Médio|Baixo|Informação|Resolvido|Resumo|Escalonamento|alertas|outros"
    "|Abrir a fila",
    "es": "Crítico|Alto|Medio|Bajo|Información|Resuelto|Resumen|Escalada|alertas|más|Abrir la cola",
    "de": "Kritisch|Hoch|Mittel|Niedrig|Info|Erledigt|Zusammenfassung|Eskalation|Alarme|weitere"
    "|Zur Liste",
}
_WORDS: Final[dict[str, Mapping[str, str]]] = {
    language: MappingProxyType(dict(zip(_NAMES, spoken.split("|"), strict=True)))
    for language, spoken in _SPOKEN.items()
}
LANGUAGES: Final = tuple(_WORDS)


def words(language: str) -> Mapping[str, str]:
    """The language's words; `pt-BR` speaks `pt`, and what nobody speaks here is told in English."""
    return _WORDS.get(language.lower().replace("_", "-").split("-")[0], _WORDS["en"])
