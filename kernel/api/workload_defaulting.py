"""What the API fills in for the kinds that make Pods of a template (apps/v1 and batch/v1
defaults.go, and ReplicationController's of core/v1)."""

from kernel.api.pod_defaulting import default_template
from kernel.objects.apps import (
    DaemonSet,
    Deployment,
    ReplicaSet,
    RollingUpdateDaemonSet,
    RollingUpdateDeployment,
    RollingUpdateStatefulSetStrategy,
    StatefulSet,
    StatefulSetPersistentVolumeClaimRetentionPolicy,
)
from kernel.objects.batch import CronJob, Job, JobSpec
from kernel.objects.meta import LabelSelector
from kernel.objects.pod_template import ReplicationController

BACKOFF_LIMIT = 6
FAILED_JOBS_KEPT = 1
JOBS_KEPT = 3
PROGRESS_DEADLINE_SECONDS = 600
REVISIONS_KEPT = 10
INT32_MAX = 2**31 - 1

CONTROLLER_UID_LABEL = "batch.kubernetes.io/controller-uid"
JOB_NAME_LABEL = "batch.kubernetes.io/job-name"
OLD_CONTROLLER_UID_LABEL = "controller-uid"
OLD_JOB_NAME_LABEL = "job-name"


def default_replication_controller(controller: ReplicationController) -> None:
    """The labels of the template are those of the controller where it has none, and what it
    selects by where it says nothing else."""
    spec, template = controller.spec, controller.spec.template
    if template is not None:
        default_template(template.spec)
        spec.selector = spec.selector or dict(template.metadata.labels)
        controller.metadata.labels = controller.metadata.labels or dict(template.metadata.labels)
    spec.replicas = 1 if spec.replicas is None else spec.replicas


def default_deployment(deployment: Deployment) -> None:
    """A quarter of the Pods may be missing or too many while they are replaced."""
    spec = deployment.spec
    default_template(spec.template.spec)
    spec.replicas = 1 if spec.replicas is None else spec.replicas
    strategy = spec.strategy
    strategy.type = strategy.type or "RollingUpdate"
    if strategy.type == "RollingUpdate":
        rolling = strategy.rolling_update = strategy.rolling_update or RollingUpdateDeployment()
        rolling.max_unavailable = _given(rolling.max_unavailable, "25%")
        rolling.max_surge = _given(rolling.max_surge, "25%")
    if spec.revision_history_limit is None:
        spec.revision_history_limit = REVISIONS_KEPT
    if spec.progress_deadline_seconds is None:
        spec.progress_deadline_seconds = PROGRESS_DEADLINE_SECONDS


def default_replica_set(replica_set: ReplicaSet) -> None:
    """One Pod; the labels of the template are those of the set where it has none."""
    spec = replica_set.spec
    default_template(spec.template.spec)
    spec.replicas = 1 if spec.replicas is None else spec.replicas
    replica_set.metadata.labels = replica_set.metadata.labels or dict(spec.template.metadata.labels)


def default_stateful_set(stateful_set: StatefulSet) -> None:
    """One Pod after the other; claims are kept."""
    spec = stateful_set.spec
    default_template(spec.template.spec)
    spec.replicas = 1 if spec.replicas is None else spec.replicas
    spec.pod_management_policy = spec.pod_management_policy or "OrderedReady"
    strategy = spec.update_strategy
    strategy.type = strategy.type or "RollingUpdate"
    if strategy.type == "RollingUpdate":
        rolling = strategy.rolling_update or RollingUpdateStatefulSetStrategy()
        rolling.partition = rolling.partition or 0
        strategy.rolling_update = rolling
    if spec.revision_history_limit is None:
        spec.revision_history_limit = REVISIONS_KEPT
    retention = spec.persistent_volume_claim_retention_policy
    retention = retention or StatefulSetPersistentVolumeClaimRetentionPolicy()
    retention.when_deleted = retention.when_deleted or "Retain"
    retention.when_scaled = retention.when_scaled or "Retain"
    spec.persistent_volume_claim_retention_policy = retention
    for claim in spec.volume_claim_templates:
        claim.spec.volume_mode = claim.spec.volume_mode or "Filesystem"
        claim.status.phase = claim.status.phase or "Pending"


def default_daemon_set(daemon_set: DaemonSet) -> None:
    """One node after the other goes without its Pod while Pods are replaced."""
    spec = daemon_set.spec
    default_template(spec.template.spec)
    strategy = spec.update_strategy
    strategy.type = strategy.type or "RollingUpdate"
    if strategy.type == "RollingUpdate":
        rolling = strategy.rolling_update = strategy.rolling_update or RollingUpdateDaemonSet()
        rolling.max_unavailable = _given(rolling.max_unavailable, 1)
        rolling.max_surge = _given(rolling.max_surge, 0)
    if spec.revision_history_limit is None:
        spec.revision_history_limit = REVISIONS_KEPT


def default_job(job: Job) -> None:
    """One Pod at a time and six more tries. Its Pods are told by labels with the Job's uid, unless
    it selects them itself (registry/batch/job strategy.go)."""
    spec = job.spec
    default_job_spec(spec)
    job.metadata.labels = job.metadata.labels or dict(spec.template.metadata.labels)
    if not spec.manual_selector and job.metadata.uid:
        _select_by_uid(job)


def _select_by_uid(job: Job) -> None:
    uid, labels = job.metadata.uid, job.spec.template.metadata.labels
    labels[OLD_CONTROLLER_UID_LABEL] = labels[CONTROLLER_UID_LABEL] = uid
    labels[OLD_JOB_NAME_LABEL] = labels[JOB_NAME_LABEL] = job.metadata.name
    job.spec.selector = job.spec.selector or LabelSelector()
    job.spec.selector.match_labels.setdefault(CONTROLLER_UID_LABEL, uid)


def default_job_spec(spec: JobSpec) -> None:
    """What Jobs and the templates of Jobs have in common."""
    default_template(spec.template.spec)
    spec.completion_mode = spec.completion_mode or "NonIndexed"
    if spec.completions is None and spec.parallelism is None:
        spec.completions = spec.parallelism = 1
    if spec.parallelism is None:
        spec.parallelism = 1
    if spec.backoff_limit is None:
        per_index = spec.backoff_limit_per_index is not None
        spec.backoff_limit = INT32_MAX if per_index else BACKOFF_LIMIT
    spec.suspend = bool(spec.suspend)
    if spec.pod_replacement_policy is None:
        has_policy = spec.pod_failure_policy is not None
        spec.pod_replacement_policy = "Failed" if has_policy else "TerminatingOrFailed"
    for rule in spec.pod_failure_policy.rules if spec.pod_failure_policy is not None else ():
        for pattern in rule.on_pod_conditions:
            pattern.status = pattern.status or "True"


def default_cron_job(cron_job: CronJob) -> None:
    """Jobs may overlap; three that succeeded and one that failed are kept."""
    spec = cron_job.spec
    _default_job_template(spec.job_template.spec)
    spec.concurrency_policy = spec.concurrency_policy or "Allow"
    spec.suspend = bool(spec.suspend)
    if spec.successful_jobs_history_limit is None:
        spec.successful_jobs_history_limit = JOBS_KEPT
    if spec.failed_jobs_history_limit is None:
        spec.failed_jobs_history_limit = FAILED_JOBS_KEPT


def _default_job_template(spec: JobSpec) -> None:
    """A template of Jobs leaves to each Job what it does not say."""
    default_template(spec.template.spec)


def _given(value: int | str | None, otherwise: int | str) -> int | str:
    return otherwise if value is None else value
