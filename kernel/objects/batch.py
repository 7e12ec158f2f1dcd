"""The kinds whose Pods are to come to an end (batch/v1)."""

from typing import Annotated

import msgspec

from kernel.objects.event import ObjectReference
from kernel.objects.kind import Kind
from kernel.objects.meta import LabelSelector, ObjectMeta
from kernel.objects.pod_template import PodTemplateSpec
from kernel.objects.struct import MergeKey, Struct
from kernel.objects.wire_types import Int32, Int64, Time


class PodFailurePolicyOnExitCodesRequirement(Struct):
    """Exit codes of a container (of any, without a name) that a rule is about."""

    container_name: str | None = None
    operator: str
    values: list[Int32] = []


class PodFailurePolicyOnPodConditionsPattern(Struct):
    """A condition of a failed Pod that a rule is about."""

    type: str
    status: str = ""


class PodFailurePolicyRule(Struct):
    """What a failure means: FailJob, FailIndex, Ignore or Count."""

    action: str
    on_exit_codes: PodFailurePolicyOnExitCodesRequirement | None = None
    on_pod_conditions: list[PodFailurePolicyOnPodConditionsPattern] = []


class PodFailurePolicy(Struct):
    """Rules for failed Pods; the first that fits is followed."""

    rules: list[PodFailurePolicyRule] = []


class SuccessPolicyRule(Struct):
    """Which indexes, and how many, must succeed."""

    succeeded_indexes: str | None = None
    succeeded_count: Int32 | None = None


class SuccessPolicy(Struct):
    """When an indexed Job has succeeded before all of its indexes have."""

    rules: list[SuccessPolicyRule] = []


class JobSpec(Struct):
    """How many Pods are to succeed, how many run at once, and when the Job has failed."""

    parallelism: Int32 | None = None
    completions: Int32 | None = None
    active_deadline_seconds: Int64 | None = None
    pod_failure_policy: PodFailurePolicy | None = None
    success_policy: SuccessPolicy | None = None
    backoff_limit: Int32 | None = None
    backoff_limit_per_index: Int32 | None = None
    max_failed_indexes: Int32 | None = None
    selector: LabelSelector | None = None
    manual_selector: bool | None = None
    template: PodTemplateSpec = msgspec.field(default_factory=PodTemplateSpec)
    ttl_seconds_after_finished: Int32 | None = None
    completion_mode: str | None = None
    suspend: bool | None = None
    pod_replacement_policy: str | None = None
    managed_by: str | None = None


class JobCondition(Struct):
    """One aspect of a Job's state: Complete, Failed, Suspended and what leads to those."""

    type: str
    status: str
    last_probe_time: Time | None = None
    last_transition_time: Time | None = None
    reason: str = ""
    message: str = ""


class UncountedTerminatedPods(Struct):
    """The uids of ended Pods that are not in the counts yet."""

    succeeded: Annotated[list[str], MergeKey()] = []
    failed: Annotated[list[str], MergeKey()] = []


class JobStatus(Struct):
    """How many Pods run, have succeeded and have failed."""

    conditions: Annotated[list[JobCondition], MergeKey("type")] = []
    start_time: Time | None = None
    completion_time: Time | None = None
    active: Int32 = 0
    succeeded: Int32 = 0
    failed: Int32 = 0
    terminating: Int32 | None = None
    completed_indexes: str = ""
    failed_indexes: str | None = None
    uncounted_terminated_pods: UncountedTerminatedPods | None = None
    ready: Int32 | None = None


class Job(Kind, group="batch", version="v1", categories=("all",)):
    """Pods that run until enough of them have succeeded."""

    spec: JobSpec = msgspec.field(default_factory=JobSpec)
    status: JobStatus = msgspec.field(default_factory=JobStatus)


class JobTemplateSpec(Struct):
    """What Jobs are made of."""

    metadata: ObjectMeta = msgspec.field(default_factory=ObjectMeta)
    spec: JobSpec = msgspec.field(default_factory=JobSpec)


class CronJobSpec(Struct):
    """When Jobs are made (in cron's notation), of what, and how many ended ones are kept."""

    schedule: str = msgspec.field(default_factory=str)
    time_zone: str | None = None
    starting_deadline_seconds: Int64 | None = None
    concurrency_policy: str = ""
    suspend: bool | None = None
    job_template: JobTemplateSpec = msgspec.field(default_factory=JobTemplateSpec)
    successful_jobs_history_limit: Int32 | None = None
    failed_jobs_history_limit: Int32 | None = None


class CronJobStatus(Struct):
    """The Jobs that run, and when there was one."""

    active: list[ObjectReference] = []
    last_schedule_time: Time | None = None
    last_successful_time: Time | None = None


class CronJob(Kind, group="batch", version="v1", short_names=("cj",), categories=("all",)):
    """Jobs at certain times."""

    spec: CronJobSpec = msgspec.field(default_factory=CronJobSpec)
    status: CronJobStatus = msgspec.field(default_factory=CronJobStatus)
