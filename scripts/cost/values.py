"""What an environment consists of, read from Terraform's own files; nothing of Terraform is run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import hcl2
import yaml
from hcl2 import SerializationOptions

from cost.errors import CostError

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ROOT / "terraform" / "environments"
MODULES = ROOT / "terraform" / "modules"
CONFIG = ROOT / "src" / "config"
JOBS = ("data_ingestion", "data_processing", "data_quality")
# modules/glue, worker_dpus. One DPU is 4 vCPU and 16 GB; G.025X has 2 vCPU, and serves streaming jobs only.
WORKER_DPUS = {"G.025X": 0.25, "G.1X": 1.0, "G.2X": 2.0, "G.4X": 4.0, "G.8X": 8.0}
WORKER_VCPUS = {"G.025X": 2, "G.1X": 4, "G.2X": 8, "G.4X": 16, "G.8X": 32}
FLEX_WORKERS = ("G.1X", "G.2X")
_OPTIONAL = re.compile(r"(\w+)\s*=\s*optional\(\w+(?:\([^()]*\))?(?:,\s*([^(),\[\]{}]+))?\)")


@dataclass(frozen=True)
class Job:
    """A Glue job for Spark: its size, and how it is run.

    Attributes:
        key: data_ingestion, data_processing, data_quality or streaming_ingestion.
        flex: of execution class FLEX.
        scales: Glue takes away workers that it does not need.
        retries: how often Glue starts it again.
        metrics: Glue's own metrics are on.
    """

    key: str
    worker_type: str
    workers: int
    flex: bool = False
    scales: bool = False
    retries: int = 0
    spark_ui: bool = False

    @property
    def dpus_per_worker(self) -> float:
        """Data processing units of one worker."""
        return WORKER_DPUS[self.worker_type]

    @property
    def vcpus_per_worker(self) -> int:
        """Virtual processors of one worker."""
        return WORKER_VCPUS[self.worker_type]

    @property
    def dpus(self) -> float:
        """The most data processing units of a run."""
        return self.workers * self.dpus_per_worker


@dataclass(frozen=True)
class Environment:
    """The values of one environment, with the defaults of modules/pipeline.

    Attributes:
        name: dev, staging, prod, local.
        values: every variable of modules/pipeline.
        datasets: names of the contracts.
        rated: datasets whose contract has quality rules.
        connectors: the connectors' definitions by name.
    """

    name: str
    values: Mapping[str, Any]
    datasets: tuple[str, ...] = ()
    rated: tuple[str, ...] = ()
    connectors: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __getitem__(self, key: str) -> Any:
        return self.values[key]

    def with_values(self, **values: Any) -> Environment:
        """The same with other values of variables, for what-ifs.

        Raises:
            CostError: there is no such variable.
        """
        unknown = sorted(set(values) - set(self.values))
        if unknown:
            raise CostError(f"modules/pipeline has no variable {', '.join(unknown)}")
        return replace(self, values={**self.values, **values})

    def jobs(self) -> tuple[Job, ...]:
        """The three jobs of the workflow, in the order of the flow.

        Raises:
            CostError: a worker type is unknown, or does not go together with FLEX.
        """
        return tuple(_job(self, key) for key in JOBS)

    def streaming_job(self) -> Job | None:
        """The job that reads a stream, if there is one."""
        job = (self["streaming"] or {}).get("job")
        if not job:
            return None
        return Job("streaming_ingestion", _worker(job["worker_type"]), int(job["number_of_workers"]))

    @property
    def own_vpc(self) -> bool:
        """Whether the jobs have a VPC of their own."""
        return bool(self["enable_vpc"]) and self["existing_vpc"] is None

    @property
    def zones(self) -> int:
        """Zones (subnets) in which interface endpoints are: modules/pipeline takes two for a VPC of its own."""
        return 2 if self.own_vpc else len(self["existing_vpc"]["subnet_ids"]) if self["enable_vpc"] else 0

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The interface endpoints that are made."""
        if not self["enable_vpc"] or not (self.own_vpc or self["existing_vpc"].get("create_endpoints", False)):
            return ()
        job = (self["streaming"] or {}).get("job") or {}
        return tuple(
            sorted({*self["interface_endpoints"], *(["kinesis-streams"] if job.get("source") == "kinesis" else [])})
        )

    @property
    def delivers(self) -> bool:
        """Whether Firehose brings a stream to the raw bucket."""
        return bool((self["streaming"] or {}).get("firehose"))

    @property
    def own_stream(self) -> bool:
        """Whether the pipeline has a Kinesis stream of its own."""
        job = (self["streaming"] or {}).get("job") or {}
        return self.delivers or (job.get("source") == "kinesis" and job.get("stream_arn") is None)

    def connectors_of(self, kind: str) -> dict[str, Mapping[str, Any]]:
        """The connectors of a kind: rest (a Lambda loads them) or database (a Python shell job does)."""
        return {name: connector for name, connector in self.connectors.items() if kind in connector}


def read_environment(name: str, environments: Path = ENVIRONMENTS, config: Path = CONFIG) -> Environment:
    """An environment of terraform/environments.

    Args:
        name: of its folder.
        environments: the folder that it lies in.
        config: where contracts (datasets) and connectors lie.

    Raises:
        CostError: there is no such environment, or its values can't be read.
    """
    folder = environments / name
    known = sorted(path.parent.name for path in environments.glob("*/terraform.tfvars"))
    if name not in known:
        raise CostError(f"there is no environment {name!r} in {environments}; there are: {', '.join(known)}")
    given = {key: value for key, value in _read(folder / "terraform.tfvars").items() if not key.startswith("__")}
    variables = _variables(MODULES / "pipeline" / "variables.tf")
    unknown = sorted(set(given) - set(variables) - {"allowed_account_ids"})
    if unknown:
        raise CostError(f"{folder / 'terraform.tfvars'}: modules/pipeline has no variable {', '.join(unknown)}")
    values = {key: given.get(key, default) for key, (default, _) in variables.items()}
    for key in ("retention_days", "maintenance_retention_days", "connector_loading", "streaming"):
        values[key] = _whole(key, values[key], variables)
    contracts = {path.stem: yaml.safe_load(path.read_text()) for path in sorted((config / "datasets").glob("*.yml"))}
    rated = tuple(name for name, contract in contracts.items() if (contract.get("quality") or {}).get("rules"))
    connectors = {path.stem: yaml.safe_load(path.read_text()) for path in sorted((config / "connectors").glob("*.yml"))}
    return Environment(name, values, tuple(contracts), rated, connectors)


def _whole(key: str, value: Any, variables: Mapping[str, tuple[Any, str]]) -> Any:
    """An object with the defaults of its optional attributes; those of retention_days stand in modules/storage."""
    if value is None:
        return None
    kind = variables[key][1] if key != "retention_days" else _variables(MODULES / "storage" / "variables.tf")[key][1]
    inner, outer = kind, kind
    if key == "streaming":
        start, end = kind.index("job = optional("), kind.index("})", kind.index("job = optional("))
        inner, outer = kind[start + len("job = optional(") : end], kind[:start] + kind[end:]
    whole = {**_defaults(outer), **{name: given for name, given in value.items() if given is not None}}
    if key == "streaming":
        whole["job"] = {**_defaults(inner), **whole["job"]} if whole.get("job") else None
    return whole


def _defaults(kind: str) -> dict[str, Any]:
    """``{days = optional(number, 30)}`` -> ``{"days": 30}``."""
    found = {name: (text or "null").strip() for name, text in _OPTIONAL.findall(kind)}
    return {name: yaml.safe_load(text) for name, text in found.items()}


def _job(environment: Environment, key: str) -> Job:
    own = {name: value for name, value in environment["job_overrides"].get(key, {}).items() if value is not None}
    flex = own.get("execution_class", environment["execution_class"]) == "FLEX"
    worker_type = _worker(own.get("worker_type", environment["worker_type"]))
    if worker_type == "G.025X":
        raise CostError(f"{environment.name}: AWS offers G.025X to streaming jobs only, and {key} is none; take G.1X")
    if flex and worker_type not in FLEX_WORKERS:
        raise CostError(f"{environment.name}: FLEX takes {' and '.join(FLEX_WORKERS)}, and {key} has {worker_type}")
    return Job(
        key,
        worker_type,
        int(own.get("number_of_workers", environment["number_of_workers"])),
        flex,
        bool(own.get("auto_scaling", environment["auto_scaling"])),
        int(own.get("max_retries", environment["job_max_retries"])),
        bool(own.get("spark_ui", environment["spark_ui"])),
    )


def _worker(worker_type: str) -> str:
    if worker_type not in WORKER_DPUS:
        raise CostError(f"the worker type {worker_type!r} is unknown; known are {', '.join(WORKER_DPUS)}")
    return worker_type


@cache
def _variables(path: Path) -> dict[str, tuple[Any, str]]:
    """Default and type of each variable of a module."""
    return {
        name: (variable.get("default"), str(variable.get("type", "")))
        for block in _read(path)["variable"]
        for name, variable in block.items()
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open(encoding="utf-8") as file:
            read: dict[str, Any] = hcl2.load(file, serialization_options=SerializationOptions(strip_string_quotes=True))
            return read
    except OSError as error:
        raise CostError(f"{path} can't be read: {error}") from error
    except Exception as error:
        raise CostError(f"{path} is no HCL that can be read: {str(error).splitlines()[0]}") from error
