"""The description of the API, made from the table of routes: for people and for tools (OpenAPI 3.1).

In:  a table {(method, path): route}, the model of a machine, and examples.
Out: dicts for JSON. An example is a real answer: each route is asked over a machine of its own, so
     that none can be out of date; long lists and texts are cut.

>>> shortened({"rows": [1, 2, 3], "text": "abc"})
{'rows': [1, 2], 'text': 'abc'}
"""

import json
from typing import NamedTuple
from urllib.parse import urlencode

from twin.exchange import JSON, OPERATOR, Asked

# ---------------------------------------------------------------------------------------------
# Vocabulary

TITLE = "Mini Manufacturing Digital Twin"
ABOUT = "Simulated data of a machining process, judged."
VERSION = "1"  # of the API
LISTED = 2  # items of a list in an example
QUOTED = 300  # characters of a text in an example
MALFORMED = (400, "a field is unknown, missing, given twice or out of range; the sentence says which")
FORBIDDEN = (403, "the page of another site asks, or, of a shared run, somebody who is not its operator")
NO_MACHINE = (404, "there is no such machine")
ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string", "description": "one sentence"}},
}


class Example(NamedTuple):
    """A request and the answer it got."""

    query: dict
    body: object  # None where there is none
    status: int
    answer: object  # JSON as it is, anything else as text; cut


# ---------------------------------------------------------------------------------------------
# Examples


def examples(routes, model, demonstration):
    """Return {(method, path): Example} of every route; one that changes the run gets a run of its own."""
    looking = demonstration()
    return {
        key: example_of(key, route, model, demonstration() if route.changes else looking)
        for key, route in routes.items()
    }


def example_of(key, route, model, application):
    """Return the `Example` of a route over an application whose run nobody else uses."""
    method, path = key
    query = shown_values(route.takes, model)
    body = None if route.body is None else shown_values(route.body, model)
    asked = Asked(
        method=method,
        path=path.format_map(shown_values(route.path, model)),
        query=urlencode(query),
        body=b"" if body is None else json.dumps(body).encode(),
        role=OPERATOR,
        shared=method != "GET",  # the pace is that of a shared run, where no GET changes anything
    )
    response = application(asked)
    return Example(query, body, response.status, shortened(read(response)))


def shown_values(rows, model):
    """Return {name: value} of the parameters that an example gives."""
    values = {row.name: row.of(lambda: model).example() for row in rows}
    return {name: value for name, value in values.items() if value is not None}


def read(response):
    """Return an answer as JSON has it, or as text."""
    body = response.body if isinstance(response.body, bytes) else b"".join(response.body)
    return json.loads(body) if response.content_type == JSON else body.decode("utf-8", "replace")


def shortened(value):
    """Return a value with lists of at most LISTED items and texts of at most QUOTED characters."""
    if isinstance(value, dict):
        return {name: shortened(item) for name, item in value.items()}
    if isinstance(value, list):
        return [shortened(item) for item in value[:LISTED]]
    return value[:QUOTED] if isinstance(value, str) else value


# ---------------------------------------------------------------------------------------------
# What a route refuses


def refusals(route):
    """Return {status: when} of what a route refuses."""
    rows = list(route.refuses)
    if route.query is not None or route.body is not None:
        rows.append(MALFORMED)
    if route.changes or route.operator:
        rows.append(FORBIDDEN)
    if route.asks:
        rows.append(NO_MACHINE)
    said = {}
    for status, when in rows:
        said.setdefault(status, []).append(when)
    return {status: "; or ".join(said[status]) for status in sorted(said)}


# ---------------------------------------------------------------------------------------------
# For people: GET /api


def description(routes, model, shown):
    """Return the API as a dict: what is common, and one object a route."""
    return {
        "title": TITLE,
        "version": VERSION,
        "openapi": "/openapi.json",
        "refusals": "every refusal is JSON: an error, in one sentence",
        "examples": f"real answers; lists are cut to {LISTED} items, texts to {QUOTED} characters",
        "routes": [route_dict(key, route, model, shown.get(key)) for key, route in routes.items()],
    }


def route_dict(key, route, model, example):
    """Return a route as the JSON object of GET /api."""
    method, path = key
    return {
        "method": method,
        "path": path,
        "meaning": route.meaning,
        "changes_the_run": route.changes,
        "path_fields": parameter_dicts(route.path, model),
        "query": None if route.query is None else parameter_dicts(route.takes, model),
        "body": None if route.body is None else parameter_dicts(route.body, model),
        "answers": route.answers,
        "refuses": [{"status": status, "when": when} for status, when in refusals(route).items()],
        "example": example and example._asdict(),
    }


def parameter_dicts(rows, model):
    """Return parameters as JSON objects, with their types and bounds."""
    settled = [row.of(lambda: model) for row in rows]
    return [
        {
            "name": row.name,
            "meaning": row.meaning,
            "required": row.required,
            "default": row.default,
            **row.field.schema(),
        }
        for row in settled
    ]


# ---------------------------------------------------------------------------------------------
# For tools: GET /openapi.json


def openapi(routes, model, shown):
    """Return the API as an OpenAPI 3.1 document."""
    paths = {}
    for (method, path), route in routes.items():
        operation = operation_dict((method, path), route, model, shown.get((method, path)))
        paths.setdefault(path, {})[method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": VERSION, "description": ABOUT},
        "paths": paths,
        "components": {"schemas": {"Error": ERROR}},
    }


def operation_dict(key, route, model, example):
    """Return a route as an OpenAPI operation."""
    parameters = [parameter_object(row, "path", model) for row in route.path]
    parameters += [parameter_object(row, "query", model) for row in route.takes]
    operation = {
        "operationId": operation_id(key),
        "summary": route.meaning,
        "parameters": parameters,
        "responses": responses(route, example),
    }
    if route.body is not None:
        operation["requestBody"] = body_object(route.body, model, example)
    return operation


def operation_id(key):
    """Return a name for a route that is a name in most languages.

    >>> operation_id(("POST", "/api/alarms/{id}/shelve"))
    'post_api_alarms_id_shelve'
    """
    method, path = key
    words = "".join(mark if mark.isalnum() else " " for mark in path).split()
    return "_".join([method.lower()] + words)


def parameter_object(row, place, model):
    """Return a parameter of a path or a query as an OpenAPI object."""
    settled = row.of(lambda: model)
    schema = settled.field.schema()
    if row.default is not None:
        schema["default"] = row.default
    shown = {
        "name": row.name,
        "in": place,
        "required": row.required,
        "description": row.meaning,
        "schema": schema,
    }
    example = settled.example()
    return shown if example is None else dict(shown, example=example)


def body_object(rows, model, example):
    """Return the body of a request as an OpenAPI object."""
    settled = [row.of(lambda: model) for row in rows]
    schema = {
        "type": "object",
        "properties": {row.name: dict(row.field.schema(), description=row.meaning) for row in settled},
        "required": [row.name for row in settled if row.required],
        "additionalProperties": False,
    }
    content = {"schema": schema} if example is None else {"schema": schema, "example": example.body}
    return {"required": True, "content": {"application/json": content}}


def responses(route, example):
    """Return the answers of a route as OpenAPI objects."""
    content = {"schema": {"type": "object"} if route.answers == JSON else {"type": "string"}}
    if example is not None and example.status == 200:
        content["example"] = example.answer
    answers = {"200": {"description": route.meaning, "content": {media(route.answers): content}}}
    error = {"schema": {"$ref": "#/components/schemas/Error"}}
    for status, when in refusals(route).items():
        answers[str(status)] = {"description": when, "content": {"application/json": error}}
    return answers


def media(content_type):
    """Return a content type without its parameters."""
    return content_type.partition(";")[0]
