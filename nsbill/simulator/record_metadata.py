"""The metadata catalog: which record types there are, and the schema of one (netsuite 2, 3.4; section_1540810174).

Only what the simulator serves is listed, so a client that reads the catalog never asks for more than there is.
"""

from __future__ import annotations

from collections.abc import Mapping

from nsbill.simulator.errors import Refusal
from nsbill.simulator.record_catalogue import RESOURCES, resource_of
from nsbill.simulator.record_fields import Field, Resource
from nsbill.simulator.replies import Reply

__all__ = ["answer_metadata"]

_SCHEMA, _SWAGGER = "application/schema+json", "application/swagger+json"
_FORMATS: Mapping[str, tuple[str, str]] = {
    "text": ("string", ""),
    "date": ("string", "date"),
    "instant": ("string", "date-time"),
    "money": ("number", "double"),
    "number": ("number", "double"),
    "whole": ("integer", "int64"),
    "flag": ("boolean", ""),
}


def answer_metadata(rest: list[str], query: Mapping[str, str], accept: str, base: str) -> Reply:
    """Answer ``/metadata-catalog`` and what is below; ``base`` is the address of ``/services/rest/record/v1``."""
    wanted = accept.lower()
    if len(rest) > 1:
        raise Refusal(404, "NOT_FOUND", "The requested resource does not exist.")
    names = rest or [name for name in query.get("select", "").split(",") if name.strip()]
    resources = [resource_of(name.strip()) for name in names] or list(RESOURCES.values())
    if _SWAGGER in wanted:
        return Reply.json(_swagger(resources, base), kind=_SWAGGER)
    if _SCHEMA in wanted and rest:
        return Reply.json(_schema(resources[0], base), kind=_SCHEMA)
    if rest:
        return Reply.json(_entry(resources[0], base))
    return Reply.json({"items": [_entry(one, base) for one in resources]})


def _entry(resource: Resource, base: str) -> dict[str, object]:
    href = f"{base}/metadata-catalog/{resource.name}"
    kinds = (("canonical", "application/json"), ("alternate", _SWAGGER), ("alternate", _SCHEMA))
    return {
        "name": resource.name,
        "links": [
            *({"rel": rel, "href": href, "mediaType": media} for rel, media in kinds),
            {"rel": "describes", "href": f"{base}/{resource.name}"},
        ],
    }


def _schema(resource: Resource, base: str) -> dict[str, object]:
    """Write the JSON schema of one record type."""
    properties: dict[str, object] = {one.name: _property(one) for one in sorted(resource.fields, key=lambda f: f.name)}
    for sublist in resource.sublists:
        lines = {one.name: _property(one) for one in sublist.fields}
        element = {"type": "object", "properties": lines}
        properties[sublist.name] = {
            "type": "object",
            "properties": {"items": {"type": "array", "items": element}, "totalResults": {"type": "integer"}},
        }
    return {
        "$schema": "http://json-schema.org/draft-06/hyper-schema#",
        "type": "object",
        "x-ns-filterable": [one.name for one in resource.fields if one.filterable],
        "properties": properties,
        "links": [{"rel": "self", "href": f"{base}/metadata-catalog/{resource.name}", "mediaType": _SCHEMA}],
    }


def _property(field: Field) -> dict[str, object]:
    described: dict[str, object] = {"title": field.title}
    if field.kind in _FORMATS:
        kind, form = _FORMATS[field.kind]
        described |= {"type": kind} | ({"format": form} if form else {})
    else:
        key: dict[str, object] = {"type": "string", "title": "Internal identifier"}
        if field.names:
            key["enum"] = list(field.names)
        described |= {"type": "object", "properties": {"id": key, "refName": {"type": "string"}}}
    if field.write == "no":
        described["readOnly"] = True
    if field.name.startswith("cust"):
        described["x-ns-custom-field"] = True
    if field.filterable:
        described["x-ns-filterable"] = True
    return described


def _swagger(resources: list[Resource], base: str) -> dict[str, object]:
    """Write an OpenAPI document of the paths and schemas of some record types."""
    paths: dict[str, object] = {}
    for one in resources:
        below: dict[str, object] = {"get": _operation("Get record", 200)}
        paths[f"/{one.name}"] = {"get": _operation("Get list of records", 200)} | (
            {"post": _operation("Insert record", 204)} if "POST" in one.methods else {}
        )
        for method in ("PATCH", "PUT", "DELETE"):
            if method in one.methods:
                below[method.lower()] = _operation(f"{method.title()} record", 204)
        paths[f"/{one.name}/{{id}}"] = below
    schemas = {
        one.name: {key: value for key, value in _schema(one, base).items() if key in ("type", "properties")}
        for one in resources
    }
    return {
        "openapi": "3.0.1",
        "info": {"title": "NetSuite REST Record API", "version": "v1"},
        "servers": [{"url": base}],
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _operation(summary: str, status: int) -> dict[str, object]:
    return {
        "summary": summary,
        "responses": {str(status): {"description": "Success"}, "default": {"description": "Error"}},
    }
