"""The kinds whose Pods are to come to an end (batch/v1)."""

from typing import Annotated

import msgspec

from kernel.objects.event import ObjectReference
from kernel.objects.kind import Kind
from kernel.objects.meta import LabelSelector, ObjectMeta
from kernel.objects.pod_template import PodTemplateSpec
from kernel.objects.struct import Atomic, MergeKey, Struct
from kernel.objects.wire_types import Int32, Int64, Time


class PodFailurePolicyOnExitCodesRequirement(Struct):
    """Exit codes of a container (of any, without a name) that a rule is about."""

    container_name: str | None = None
    """Name of the container that counts; absent for all."""
    operator: str
    """Whether the exit code must be among `values`, or must not. One of: In, NotIn."""
    values: list[Int32] = []
    """Exit codes in ascending order, 1 to 255 of them; 0 may not stand with In. Required."""


class PodFailurePolicyOnPodConditionsPattern(Struct):
    """A condition of a failed Pod that a rule is about."""

    type: str
    """Type of the Pod's condition."""
    status: str = ""
    """Its status: True, False or Unknown. Default: True."""


class PodFailurePolicyRule(Struct):
    """What a failure means: FailJob, FailIndex, Ignore or Count."""

    action: str
    """What a match does: end the Job as failed, fail the index, not count the failure, or count it
    as usual. One of: Count, FailIndex, FailJob, Ignore."""
    on_exit_codes: PodFailurePolicyOnExitCodesRequirement | None = None
    """The exit codes that match; excludes `onPodConditions`."""
    on_pod_conditions: list[PodFailurePolicyOnPodConditionsPattern] = []
    """The conditions of the failed Pod that match, any of them; excludes `onExitCodes`."""


class PodFailurePolicy(Struct):
    """Rules for failed Pods; the first that fits is followed."""

    rules: list[PodFailurePolicyRule] = []
    """Rules in their order; the first that matches a failed Pod decides. At most 20. Required."""


class SuccessPolicyRule(Struct):
    """Which indexes, and how many, must succeed."""

    succeeded_indexes: str | None = None
    """Indexes that count, as numbers and ranges: 1,3-5."""
    succeeded_count: Int32 | None = None
    """How many (of those) indexes must have succeeded."""


class SuccessPolicy(Struct):
    """When an indexed Job has succeeded before all of its indexes have."""

    rules: list[SuccessPolicyRule] = []
    """Alternatives: the first that holds ends the Job as succeeded. At most 20. Required."""


class JobSpec(Struct):
    """How many Pods are to succeed, how many run at once, and when the Job has failed."""

    parallelism: Int32 | None = None
    """How many Pods run at the same time at most. Default: 1."""
    completions: Int32 | None = None
    """How many Pods must succeed. Absent: the first success ends the Job. Default: 1, if
    `parallelism` is not set either."""
    active_deadline_seconds: Int64 | None = None
    """After how many seconds since its start the Job is ended as failed."""
    pod_failure_policy: PodFailurePolicy | None = None
    """What failures of Pods mean, by exit code or condition. Absent: each counts towards
    `backoffLimit`."""
    success_policy: SuccessPolicy | None = None
    """When the Job counts as succeeded before all indexes have; only with the completion mode
    Indexed."""
    backoff_limit: Int32 | None = None
    """After how many failures the Job has failed. Default: 6, or no limit with
    `backoffLimitPerIndex`."""
    backoff_limit_per_index: Int32 | None = None
    """After how many failures an index has failed; only with the completion mode Indexed."""
    max_failed_indexes: Int32 | None = None
    """After how many failed indexes the Job has failed; only with `backoffLimitPerIndex`."""
    selector: LabelSelector | None = None
    """Labels by which its Pods are known; made by the server unless `manualSelector` is set."""
    manual_selector: bool | None = None
    """Whether `selector` and the template's labels are as the client wrote them."""
    template: PodTemplateSpec = msgspec.field(default_factory=PodTemplateSpec)
    """What each Pod is made from; its restartPolicy must be Never or OnFailure. Required."""
    ttl_seconds_after_finished: Int32 | None = None
    """After how many seconds a finished Job is deleted. Absent: never."""
    completion_mode: str | None = None
    """Whether Pods are alike, or each has an index from 0 up. Default: NonIndexed. One of: Indexed,
    NonIndexed."""
    suspend: bool | None = None
    """Whether no Pods are to run for now; those that do are ended. Default: false."""
    pod_replacement_policy: str | None = None
    """Whether a Pod is replaced as soon as it is ending, or once it has ended. One of: Failed,
    TerminatingOrFailed."""
    managed_by: str | None = None
    """Which controller looks after the Job. Default: kubernetes.io/job-controller."""


class JobCondition(Struct):
    """One aspect of a Job's state: Complete, Failed, Suspended and what leads to those."""

    type: str
    """Which aspect this is about: Suspended, Complete, Failed, FailureTarget or
    SuccessCriteriaMet."""
    status: str
    """True, False or Unknown."""
    last_probe_time: Time | None = None
    """When it was last looked at."""
    last_transition_time: Time | None = None
    """When `status` last changed."""
    reason: str = ""
    """Why, as one word for programs."""
    message: str = ""
    """Why, as a sentence for people."""


class UncountedTerminatedPods(Struct):
    """The uids of ended Pods that are not in the counts yet."""

    succeeded: Annotated[list[str], MergeKey()] = []
    """Uids of Pods that succeeded and are not counted yet."""
    failed: Annotated[list[str], MergeKey()] = []
    """Uids of Pods that failed and are not counted yet."""


class JobStatus(Struct):
    """How many Pods run, have succeeded and have failed."""

    conditions: Annotated[list[JobCondition], MergeKey("type"), Atomic()] = []
    """What is to be said of its state, by type."""
    start_time: Time | None = None
    """When the Job began, or went on after it was suspended."""
    completion_time: Time | None = None
    """When it was completed; absent where it failed."""
    active: Int32 = 0
    """How many Pods are pending or running."""
    succeeded: Int32 = 0
    """How many Pods have succeeded."""
    failed: Int32 = 0
    """How many Pods have failed."""
    terminating: Int32 | None = None
    """How many Pods are ending."""
    completed_indexes: str = ""
    """The indexes that have succeeded, as numbers and ranges: 1,3-5."""
    failed_indexes: str | None = None
    """The indexes that have failed, as numbers and ranges."""
    uncounted_terminated_pods: UncountedTerminatedPods | None = None
    """Pods that have ended and are not counted in the numbers yet."""
    ready: Int32 | None = None
    """How many of the active Pods are ready."""


class Job(Kind, group="batch", version="v1", categories=("all",)):
    """Pods that run until enough of them have succeeded."""

    spec: JobSpec = msgspec.field(default_factory=JobSpec)
    """What is wanted."""
    status: JobStatus = msgspec.field(default_factory=JobStatus)
    """What was last seen of it."""


class JobTemplateSpec(Struct):
    """What Jobs are made of."""

    metadata: ObjectMeta = msgspec.field(default_factory=ObjectMeta)
    """Labels and annotations of each Job."""
    spec: JobSpec = msgspec.field(default_factory=JobSpec)
    """What each Job is made from."""


class CronJobSpec(Struct):
    """When Jobs are made (in cron's notation), of what, and how many ended ones are kept."""

    schedule: str = msgspec.field(default_factory=str)
    """When Jobs are made, in cron's five fields (minute, hour, day, month, weekday) or as @hourly
    and the like."""
    time_zone: str | None = None
    """Name of the time zone of the schedule, Europe/Berlin say. Absent: that of the machine."""
    starting_deadline_seconds: Int64 | None = None
    """By how many seconds a Job may be late; one that is later counts as missed. Absent: no
    limit."""
    concurrency_policy: str = ""
    """What to do if the last Job is still running: start another, leave this one out, or replace
    the last. Default: Allow. One of: Allow, Forbid, Replace."""
    suspend: bool | None = None
    """Whether no Jobs are to be made for now; running ones go on. Default: false."""
    job_template: JobTemplateSpec = msgspec.field(default_factory=JobTemplateSpec)
    """What each Job is made from. Required."""
    successful_jobs_history_limit: Int32 | None = None
    """How many succeeded Jobs are kept. Default: 3."""
    failed_jobs_history_limit: Int32 | None = None
    """How many failed Jobs are kept. Default: 1."""


class CronJobStatus(Struct):
    """The Jobs that run, and when there was one."""

    active: list[ObjectReference] = []
    """Jobs that are running now."""
    last_schedule_time: Time | None = None
    """When a Job was last made."""
    last_successful_time: Time | None = None
    """When a Job last succeeded."""


class CronJob(Kind, group="batch", version="v1", short_names=("cj",), categories=("all",)):
    """Jobs at certain times."""

    spec: CronJobSpec = msgspec.field(default_factory=CronJobSpec)
    """What is wanted."""
    status: CronJobStatus = msgspec.field(default_factory=CronJobStatus)
    """What was last seen of it."""
