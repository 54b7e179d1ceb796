"""Front matter, sidecars and columns: what they may say, checked and typed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import cast, get_args

from kb_assistant.corpus.text import clean_line, decode, quote, read_bytes
from kb_assistant.errors import UnreadableFile
from kb_assistant.types import PUBLIC_SCOPE, Kind

SIDECAR_SUFFIX = ".meta.yaml"
_MAX_YAML_BYTES = 64 * 2**10
_MAX_BRACKETS = 200  # the parser's time grows with the square of their nesting
_KINDS = get_args(Kind)
# what the YAML library raises on a scalar it cannot convert: 2026-02-30, an empty !!int, !!bool x
_BAD_VALUES = (ValueError, OverflowError, LookupError, AttributeError, TypeError)
_FIELDS = frozenset((
    "id", "title", "kind", "topic", "category", "skill_group", "effective_from", "effective_to",
    "supersedes", "scope", "owner",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Metadata:
    """The metadata of one document; what is not said is None, unknown keys are in `attributes`."""

    id: str | None = None
    title: str | None = None
    kind: Kind | None = None
    topic: str | None = None
    skill_group: str | None = None
    effective_from: date | None = None
    effective_to: date | None = None
    supersedes: str | None = None
    scope: str = PUBLIC_SCOPE
    owner: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


def parse_metadata(raw: Mapping[str, object]) -> Metadata:
    """Check and type raw metadata; blank values count as not said, `category` is the topic.

    Args:
        raw: As YAML, JSON or a row of cells gives it.

    Returns:
        The metadata, texts cleaned to one line.

    Raises:
        UnreadableFile: If a date is no ISO date, the period is empty, the kind is unknown, or a value
            cannot be written as text.
    """
    said = _said(raw)
    kind = said.get("kind")
    if kind is not None and kind not in _KINDS:
        raise UnreadableFile(
            f"kind is {quote(kind)}, expected one of {', '.join(_KINDS)}; correct it or leave it out"
        )
    since, until = _to_date(said, "effective_from"), _to_date(said, "effective_to")
    if since and until and since > until:
        raise UnreadableFile(f"effective_from ({since}) is after effective_to ({until}); correct one of them")
    return Metadata(
        id=said.get("id"),
        title=said.get("title"),
        kind=cast(Kind | None, kind),
        topic=said.get("topic") or said.get("category"),
        skill_group=said.get("skill_group"),
        effective_from=since,
        effective_to=until,
        supersedes=said.get("supersedes"),
        scope=said.get("scope", PUBLIC_SCOPE),
        owner=said.get("owner"),
        attributes={key: text for key, text in said.items() if key not in _FIELDS},
    )


def parse_yaml(text: str) -> dict[str, object]:
    """Read a YAML mapping of metadata; an empty text gives an empty one.

    Args:
        text: At most 64 KB of YAML without aliases.

    Returns:
        The mapping, its keys as texts.

    Raises:
        UnreadableFile: If it is not valid YAML, too large, or not a mapping.
    """
    import yaml

    if len(text) > _MAX_YAML_BYTES:
        raise UnreadableFile(
            f"the metadata has {len(text):,} characters, at most {_MAX_YAML_BYTES:,} are read"
        )
    if sum(map(text.count, "[{")) > _MAX_BRACKETS:
        raise UnreadableFile(
            f"the metadata has more than {_MAX_BRACKETS} brackets; write plain 'key: value' lines"
        )
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
            raise UnreadableFile("the metadata uses YAML aliases (*name); write the values out")
        raw = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise UnreadableFile(
            f"the metadata is not valid YAML ({error.problem}{where}); put values with ':' or '#' in quotes"
        ) from error
    except (yaml.YAMLError, RecursionError, *_BAD_VALUES) as error:
        where = _key_of_bad_value(text) if isinstance(error, _BAD_VALUES) else ""
        raise UnreadableFile(f"the metadata is not valid YAML ({where}{error}); correct it") from error
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise UnreadableFile(f"the metadata is a {type(raw).__name__}, expected lines 'key: value'")
    return {_to_key(key): value for key, value in raw.items()}


def read_sidecar(path: Path) -> dict[str, object]:
    """Read a `NAME.meta.yaml` file, as `parse_yaml` does."""
    return parse_yaml(decode(read_bytes(path, max_bytes=_MAX_YAML_BYTES)))


def _key_of_bad_value(text: str) -> str:
    """Return "key: " for the first entry of a YAML mapping whose value cannot be constructed, else ""."""
    import yaml

    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
            try:
                loader.construct_object(value, deep=True)
            except _BAD_VALUES:
                return f"{key.value}: "
    finally:
        loader.dispose()
    return ""


def _to_key(key: object) -> str:
    try:
        return clean_line(str(key))
    except ValueError as error:
        raise UnreadableFile(f"a key of the metadata cannot be read ({error}); correct it") from error


def _said(raw: Mapping[str, object]) -> dict[str, str]:
    """Return what the metadata says as clean text; keys and values that are blank then are left out."""
    said = {}
    for raw_key, value in raw.items():
        key = clean_line(raw_key)
        try:
            text = _to_text(value)
        except (ValueError, OverflowError, RecursionError) as error:  # an integer of 5,000 digits
            raise UnreadableFile(f"{key} cannot be read ({error}); correct it") from error
        if key and text:
            said[key] = text
    return said


def _to_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime) and value.time() == value.min.time():
        value = value.date()
    if isinstance(value, bool):
        value = str(value).lower()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, list) and not any(isinstance(item, list | dict) for item in value):
        return ", ".join(filter(None, map(_to_text, value)))
    if isinstance(value, list | dict):
        return json.dumps(_plain(value), ensure_ascii=False)
    return clean_line(str(value))


def _plain(value: object) -> object:
    r"""Return a nested value with clean texts: escapes such as `\n` would hide a secret from masking."""
    if isinstance(value, dict):
        return {clean_line(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, int | float) else clean_line(str(value))


def _to_date(said: Mapping[str, str], key: str) -> date | None:
    text = said.get(key)
    if text is None:
        return None
    try:
        return date.fromisoformat(text[:10]) if "T" in text or " " in text else date.fromisoformat(text)
    except ValueError as error:
        raise UnreadableFile(
            f"{key} is {quote(text)}, expected a date like 2026-01-31; correct it"
        ) from error
