"""The kinds that make Pods as rows of `kubectl get`: Kubernetes' columns and words."""

from collections.abc import Sequence
from datetime import datetime

from kernel.apiserver.rows.ages import age, human_duration
from kernel.apiserver.rows.core import Rows, columns
from kernel.apiserver.rows.pods import NONE
from kernel.objects.apps import DaemonSet, Deployment, ReplicaSet, StatefulSet
from kernel.objects.batch import CronJob, Job
from kernel.objects.container import Container
from kernel.objects.kind import Kind
from kernel.objects.meta import LabelSelector
from kernel.objects.pod_template import PodTemplate, PodTemplateSpec, ReplicationController

_WIDE = ("Containers", "Images", "Selector")

# What a condition of a Job that is True makes of its row, in the order of their importance.
_JOB_ENDS = ("Complete", "Failed")
_JOB_TURNS = ("Suspended", "FailureTarget", "SuccessCriteriaMet")


def _pod_template_cells(stored: PodTemplate, now: datetime) -> list[object]:
    labels = stored.template.metadata.labels
    return [stored.metadata.name, *_containers(stored.template), label_text(labels) or NONE]


def _replication_controller_cells(controller: ReplicationController, now: datetime) -> list[object]:
    spec, status = controller.spec, controller.status
    return [
        controller.metadata.name,
        spec.replicas or 0,
        status.replicas,
        status.ready_replicas,
        age(controller.metadata.creation_timestamp, now),
        *_containers(spec.template or PodTemplateSpec()),
        label_text(spec.selector) or NONE,
    ]


def _deployment_cells(deployment: Deployment, now: datetime) -> list[object]:
    spec, status = deployment.spec, deployment.status
    return [
        deployment.metadata.name,
        f"{status.ready_replicas}/{spec.replicas or 0}",
        status.updated_replicas,
        status.available_replicas,
        age(deployment.metadata.creation_timestamp, now),
        *_containers(spec.template),
        selector_text(spec.selector) or NONE,
    ]


def _replica_set_cells(replica_set: ReplicaSet, now: datetime) -> list[object]:
    spec, status = replica_set.spec, replica_set.status
    return [
        replica_set.metadata.name,
        spec.replicas or 0,
        status.replicas,
        status.ready_replicas,
        age(replica_set.metadata.creation_timestamp, now),
        *_containers(spec.template),
        selector_text(spec.selector) or NONE,
    ]


def _stateful_set_cells(stateful_set: StatefulSet, now: datetime) -> list[object]:
    spec, status = stateful_set.spec, stateful_set.status
    return [
        stateful_set.metadata.name,
        f"{status.ready_replicas}/{spec.replicas or 0}",
        age(stateful_set.metadata.creation_timestamp, now),
        *_containers(spec.template),
    ]


def _daemon_set_cells(daemon_set: DaemonSet, now: datetime) -> list[object]:
    spec, status = daemon_set.spec, daemon_set.status
    return [
        daemon_set.metadata.name,
        status.desired_number_scheduled,
        status.current_number_scheduled,
        status.number_ready,
        status.updated_number_scheduled,
        status.number_available,
        label_text(spec.template.spec.node_selector) or NONE,
        age(daemon_set.metadata.creation_timestamp, now),
        *_containers(spec.template),
        selector_text(spec.selector) or NONE,
    ]


def _job_cells(job: Job, now: datetime) -> list[object]:
    return [
        job.metadata.name,
        _job_status(job),
        _job_completions(job),
        _job_duration(job, now),
        age(job.metadata.creation_timestamp, now),
        *_containers(job.spec.template),
        selector_text(job.spec.selector) or NONE,
    ]


def _job_status(job: Job) -> str:
    true = {condition.type for condition in job.status.conditions if condition.status == "True"}
    for end in _JOB_ENDS:
        if end in true:
            return end
    if job.metadata.deletion_timestamp is not None:
        return "Terminating"
    return next((turn for turn in _JOB_TURNS if turn in true), "Running")


def _job_completions(job: Job) -> str:
    wanted, parallelism = job.spec.completions, job.spec.parallelism or 0
    if wanted is not None:
        return f"{job.status.succeeded}/{wanted}"
    if parallelism > 1:
        return f"{job.status.succeeded}/1 of {parallelism}"
    return f"{job.status.succeeded}/1"


def _job_duration(job: Job, now: datetime) -> str:
    if job.status.start_time is None:
        return ""
    end = job.status.completion_time or now
    return human_duration((end - job.status.start_time).total_seconds())


def _cron_job_cells(cron_job: CronJob, now: datetime) -> list[object]:
    spec, last = cron_job.spec, cron_job.status.last_schedule_time
    job = spec.job_template.spec
    return [
        cron_job.metadata.name,
        spec.schedule,
        spec.time_zone or NONE,
        str(bool(spec.suspend)),
        len(cron_job.status.active),
        age(last, now) if last is not None else NONE,
        age(cron_job.metadata.creation_timestamp, now),
        *_containers(job.template),
        selector_text(job.selector) or NONE,
    ]


def _containers(template: PodTemplateSpec) -> tuple[str, str]:
    containers: Sequence[Container] = template.spec.containers
    names = ",".join(container.name for container in containers)
    return names, ",".join(container.image for container in containers)


def label_text(labels: dict[str, str]) -> str:
    """Labels as they are given to `kubectl get --selector`; empty for none."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def selector_text(selector: LabelSelector | None) -> str:
    """A selector as it is given to `kubectl get --selector`; empty for none."""
    if selector is None:
        return ""
    parts = [f"{key}={value}" for key, value in sorted(selector.match_labels.items())]
    for requirement in selector.match_expressions:
        key, values = requirement.key, ",".join(sorted(requirement.values))
        by_operator = {
            "In": f"{key} in ({values})",
            "NotIn": f"{key} notin ({values})",
            "Exists": key,
            "DoesNotExist": f"!{key}",
        }
        parts.append(by_operator.get(requirement.operator, key))
    return ",".join(parts)


_COUNTED = columns("Name", "Desired", "Current", "Ready", "Age", wide=_WIDE)

WORKLOAD_ROWS: dict[type[Kind], Rows] = {
    PodTemplate: Rows(columns("Name", "Containers", "Images", "Pod Labels"), _pod_template_cells),
    ReplicationController: Rows(_COUNTED, _replication_controller_cells),
    Deployment: Rows(
        columns("Name", "Ready", "Up-to-date", "Available", "Age", wide=_WIDE), _deployment_cells
    ),
    ReplicaSet: Rows(_COUNTED, _replica_set_cells),
    StatefulSet: Rows(
        columns("Name", "Ready", "Age", wide=("Containers", "Images")), _stateful_set_cells
    ),
    DaemonSet: Rows(
        columns(
            *("Name", "Desired", "Current", "Ready", "Up-to-date", "Available"),
            *("Node Selector", "Age"),
            wide=_WIDE,
        ),
        _daemon_set_cells,
    ),
    Job: Rows(columns("Name", "Status", "Completions", "Duration", "Age", wide=_WIDE), _job_cells),
    CronJob: Rows(
        columns(
            *("Name", "Schedule", "Timezone", "Suspend", "Active", "Last Schedule", "Age"),
            wide=_WIDE,
        ),
        _cron_job_cells,
    ),
}
