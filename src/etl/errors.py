"""Errors of the pipeline. Each says what is wrong, where, and what would be right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class PipelineError(Exception):
    """Base of every error that the pipeline raises on purpose."""


class ArgumentError(PipelineError):
    """A job argument is missing or has a value that cannot be used."""


class ContractError(PipelineError):
    """One or more dataset contracts are wrong.

    Args:
        problems: one line per problem, each naming file, field, and what would be right.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        lines = "\n".join(f"  - {problem}" for problem in self.problems)
        super().__init__(f"{len(self.problems)} problem(s) in the dataset contracts:\n{lines}")


class StreamCheckpointError(PipelineError):
    """A stream's checkpoint is not its last run's, or can't be read; records would be lost or doubled."""


class SecretError(PipelineError):
    """The secret for personal data is not there, can't be read, or is too short; its text is never repeated."""


class UnreadableFileError(PipelineError):
    """A file of the raw bucket cannot be read; the message is the reason kept in quarantine."""


class LeaseHeldError(PipelineError):
    """Another run is working on the dataset at this stage."""


class LeaseLostError(PipelineError):
    """This run's lease on a dataset ended before it could commit; nothing of it was committed."""


class LedgerConflictError(PipelineError):
    """The state table holds something other than this run wrote, so it must not go on."""


class RowBalanceError(PipelineError):
    """Rows read do not equal rows written plus rows quarantined."""


class TableSchemaError(PipelineError):
    """A curated table can't take the columns of a batch without losing data."""


class ExpressionError(PipelineError):
    """A rule or expression of a contract does not compile."""


class MissingTableError(PipelineError):
    """A curated table that another dataset needs is not there yet."""


class PublicationError(PipelineError):
    """Checked rows can't be published, or this Iceberg can't hold rows back."""


class QualityHaltError(PipelineError):
    """A dataset with ``on_breach: halt`` scored below its threshold."""


class DatasetsFailedError(PipelineError):
    """Some datasets of a run failed; the others were finished.

    Args:
        stage: the job's stage, e.g. ``ingestion``.
        failures: dataset -> reason.
    """

    def __init__(self, stage: str, failures: Mapping[str, str]) -> None:
        self.failures = dict(failures)
        reasons = "; ".join(f"{dataset}: {reason}" for dataset, reason in sorted(self.failures.items()))
        super().__init__(f"{stage} failed for {len(self.failures)} dataset(s): {reasons}")
