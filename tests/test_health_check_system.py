"""The health check's own system test, as people start it: every case of it is a test here."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from junitparser import JUnitXml, TestCase

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "ci-cd-glue-health-check-solution"
CASES = (
    "the job data_ingestion passes",
    "the job data_processing passes",
    "the job data_quality passes",
    "a good job passes",
    "a wrong schema fails",
    "an exception fails",
    "a job that is too slow fails at its time limit",
    "a job that hangs fails at its time limit",
    "a write outside its prefix fails",
    "a cancelled check (SIGTERM) removes everything",
    "Terraform brings the Lambdas onto the local cloud",
    "a wrong schema fails, checked by Lambdas that Glue's event wakes",
    "a cancelled check by Lambdas (SIGTERM) is removed",
    "a signed webhook has its commit checked once, others are refused",
    "Lambdas' checks leave nothing behind but reports",
    "Terraform removes the Lambdas again",
    "after SIGKILL the sweeper removes everything, once its TTL is over",
    "at the end the cloud is as it was before",
)
# The fixture runs all of it; alone it takes two minutes, among others on two cores more.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]


@pytest.fixture(scope="session")
def system_test(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """What the script came to, and its JUnit XML."""
    path = tmp_path_factory.mktemp("system") / "report.xml"
    command = [str(PACKAGE / "scripts" / "test_health_check_system.sh"), "--junit", str(path)]
    # Six runs of Spark are too few to be worth the archive of classes that a new local cloud makes beside them.
    environment = {**os.environ, "LOCAL_CLOUD_FAST_START": "0"}
    return subprocess.run(command, cwd=PACKAGE, env=environment, capture_output=True, text=True, check=False), path


@pytest.fixture(scope="session")
def outcomes(system_test: tuple[subprocess.CompletedProcess[str], Path]) -> dict[str, TestCase]:
    """Its cases by name."""
    done, path = system_test
    if not path.exists():
        pytest.fail(done.stdout + done.stderr)
    return {case.name: case for suite in JUnitXml.fromfile(str(path)) for case in suite}


@pytest.mark.parametrize("case", CASES)
def test_the_case_ends_as_it_must(outcomes: dict[str, TestCase], case: str) -> None:
    assert case in outcomes
    assert outcomes[case].is_passed, [result.message for result in outcomes[case].result]


def test_there_are_no_other_cases_and_the_script_succeeds(
    system_test: tuple[subprocess.CompletedProcess[str], Path], outcomes: dict[str, TestCase]
) -> None:
    assert sorted(outcomes) == sorted(CASES)
    assert system_test[0].returncode == 0, system_test[0].stdout + system_test[0].stderr
