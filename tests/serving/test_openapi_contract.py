"""Whatever OpenAPI allows is answered as OpenAPI says, and what it forbids is refused."""

import os

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.config import SchemathesisConfig
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from served import make_app

# The suite sends some; NRMS_CONTRACT_CASES=200 sends thousands: so many for each operation.
CASES = int(os.environ.get("NRMS_CONTRACT_CASES", "15"))
KEY = {"X-API-Key": "secret"}
WITHOUT_INPUT = [
    ("GET", "/metrics"),
    ("GET", "/readers"),
    ("GET", "/v2/health/live"),
    ("GET", "/v2/health/ready"),
    ("GET", "/v2/models/nrms"),
]
WITH_INPUT = [
    ("POST", "/recommend"),
    ("POST", "/explain"),
    ("POST", "/events"),
    ("POST", "/predict"),
    ("POST", "/articles"),
    ("GET", "/articles"),
    ("POST", "/v2/models/nrms/load"),
]
# What refuses wrong input: schemathesis' own list lacks the 413 of a body that is too large.
REFUSALS = ["400", "401", "403", "404", "408", "409", "413", "415", "422", "503"]
# No schema can say which articles, tables and folders there are: some of what it allows is a 422.
NOT_SAID = [positive_data_acceptance]


@pytest.fixture(scope="module")
def contract(bundle):
    """The operations of a server whose model may be swapped."""
    rejection = {"negative_data_rejection": {"expected-statuses": REFUSALS}}
    return schemathesis.openapi.from_asgi(
        "/openapi.json",
        make_app(bundle, api_key="secret"),
        config=SchemathesisConfig.from_dict({"checks": rejection}),
    )


def test_all_operations_are_tried(contract):
    operations = [each.ok() for each in contract.get_all_operations()]
    assert sorted((each.method.upper(), each.path) for each in operations) == sorted(
        WITH_INPUT + WITHOUT_INPUT
    )


@pytest.mark.parametrize("mode", GenerationMode)
@pytest.mark.parametrize(("method", "path"), WITH_INPUT)
def test_an_operation_keeps_its_contract(contract, method, path, mode):
    operation = contract[path][method]

    @given(operation.as_strategy(generation_mode=mode))
    @settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))
    def check(case):
        case.call_and_validate(headers=KEY, excluded_checks=NOT_SAID)

    check()


@pytest.mark.parametrize(("method", "path"), WITHOUT_INPUT)
def test_an_operation_without_input_keeps_its_contract(contract, method, path):
    contract[path][method].Case().call_and_validate(headers=KEY)
