"""GET /openapi.json against the OpenAPI 3.1 specification, by a validator from the package index.

Not part of the plain suite, which needs nothing but Python:

    python3 -m pip install openapi-spec-validator && python3 tests/openapi_tests.py

With OPENAPI_REQUIRED=1 a missing validator is a failure, else it is said and skipped.
"""

import json
import os
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import app  # noqa: E402
from twin.application import Application  # noqa: E402
from twin.exchange import Asked  # noqa: E402
from twin.routes import Site  # noqa: E402

try:
    from jsonschema import Draft202012Validator
    from openapi_spec_validator import validate
except ImportError:
    validate = None

REQUIRED = os.environ.get("OPENAPI_REQUIRED") == "1"
MISSING = "openapi-spec-validator is not installed: python3 -m pip install openapi-spec-validator"


def document():
    """Return the OpenAPI document that the server answers with."""
    plant = app.demonstration().plant
    response = Application(plant, Site(app.STATIC, app.SAMPLE, app.demonstration))(
        Asked("GET", "/openapi.json")
    )
    return json.loads(response.body)


class OpenApi(unittest.TestCase):
    def setUp(self):
        if validate is None and REQUIRED:
            self.fail(MISSING)
        if validate is None:
            self.skipTest(MISSING)
        self.document = document()

    def test_the_document_is_valid(self):
        validate(self.document)

    def test_the_validator_sees_a_mistake(self):
        self.document["paths"]["/api/next"]["get"]["parameters"][0]["in"] = "nowhere"
        with self.assertRaises(Exception):
            validate(self.document)

    def test_every_example_fits_its_schema(self):
        for path, item in self.document["paths"].items():
            for method, operation in item.items():
                for schema, example in examples_of(operation):
                    with self.subTest(f"{method} {path}", example=str(example)[:60]):
                        Draft202012Validator(schema).validate(example)


def examples_of(operation):
    """Yield (schema, example) of an operation: of its parameters, its body and its answer."""
    for row in operation["parameters"]:
        if "example" in row:
            yield row["schema"], row["example"]
    contents = [answer["content"] for answer in operation["responses"].values()]
    contents += [operation["requestBody"]["content"]] if "requestBody" in operation else []
    for content in contents:
        for media in content.values():
            if "example" in media:
                yield media["schema"], media["example"]


if __name__ == "__main__":
    if validate is None:
        print(MISSING, file=sys.stderr)
    unittest.main()
