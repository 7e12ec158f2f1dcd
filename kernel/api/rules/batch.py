"""The rules of Jobs and CronJobs (batch/v1 validation.go)."""

import re

from kernel.api.causes import Causes
from kernel.api.rules.workloads import check_label_selector, check_template
from kernel.objects.batch import CronJob, Job, JobSpec
from kernel.objects.selectors import label_matcher

CRON_JOB_NAME_CHARACTERS_MAX = 52  # of the 63 of a Job's, which gets eleven more

_IMMUTABLE = "field is immutable"
_SCHEDULES = (*("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"),)
_SCHEDULE_FIELD = re.compile(r"[0-9A-Za-z*?,/-]+")


def check_job(job: Job, causes: Causes) -> None:
    """It selects the Pods that it makes, which come to an end."""
    spec = job.spec
    _check_job_spec(spec, "spec", causes)
    if spec.selector is None:
        causes.required("spec.selector")
        return
    found_before = len(causes.found)
    check_label_selector(spec.selector, "spec.selector", causes)
    labels = spec.template.metadata.labels
    if len(causes.found) == found_before and not label_matcher(spec.selector).matches(labels):
        rule = "`selector` does not match template `labels`"
        causes.invalid("spec.template.metadata.labels", labels, rule)


def check_job_update(new: Job, old: Job, causes: Causes) -> None:
    """What a Job does stays; how much of it is done at once may change. Of one that is suspended,
    and has made no Pod yet, the template may change too."""
    unchanging = ["selector", "completion_mode"]
    elastic = new.spec.completion_mode == "Indexed" and (
        new.spec.completions == new.spec.parallelism
    )
    if not elastic:
        unchanging.append("completions")
    if not (old.spec.suspend and old.status.start_time is None):
        unchanging.append("template")
    for name in unchanging:
        value = getattr(new.spec, name)
        if value != getattr(old.spec, name):
            path = "spec.completionMode" if name == "completion_mode" else f"spec.{name}"
            causes.invalid(path, value, _IMMUTABLE)


def check_cron_job(cron_job: CronJob, causes: Causes) -> None:
    """A schedule that can be read, and a template that Jobs can be made of."""
    name, spec = cron_job.metadata.name, cron_job.spec
    if len(name) > CRON_JOB_NAME_CHARACTERS_MAX:
        rule = f"must be no more than {CRON_JOB_NAME_CHARACTERS_MAX} characters"
        causes.invalid("metadata.name", name, rule)
    path = "spec.jobTemplate.spec"
    _check_job_spec(spec.job_template.spec, path, causes)
    if spec.job_template.spec.manual_selector:
        causes.unsupported(f"{path}.manualSelector", True, ("nil", "false"))
    if not spec.schedule:
        causes.required("spec.schedule")
    else:
        causes.invalid("spec.schedule", spec.schedule, *_schedule_errors(spec.schedule))
    causes.one_of("spec.concurrencyPolicy", spec.concurrency_policy, ("Allow", "Forbid", "Replace"))
    for field, number in (
        ("startingDeadlineSeconds", spec.starting_deadline_seconds),
        ("successfulJobsHistoryLimit", spec.successful_jobs_history_limit),
        ("failedJobsHistoryLimit", spec.failed_jobs_history_limit),
    ):
        causes.at_least(f"spec.{field}", number or 0, 0)


def _check_job_spec(spec: JobSpec, path: str, causes: Causes) -> None:
    for name, number in (
        ("parallelism", spec.parallelism),
        ("completions", spec.completions),
        ("activeDeadlineSeconds", spec.active_deadline_seconds),
        ("backoffLimit", spec.backoff_limit),
        ("backoffLimitPerIndex", spec.backoff_limit_per_index),
        ("maxFailedIndexes", spec.max_failed_indexes),
        ("ttlSecondsAfterFinished", spec.ttl_seconds_after_finished),
    ):
        causes.at_least(f"{path}.{name}", number or 0, 0)
    if spec.completion_mode not in (None, "NonIndexed", "Indexed"):
        modes = ("Indexed", "NonIndexed")
        causes.unsupported(f"{path}.completionMode", spec.completion_mode, modes)
    elif spec.completion_mode == "Indexed" and spec.completions is None:
        rule = "when completion mode is Indexed"
        causes.required(f"{path}.completions", rule)
    check_template(spec.template, f"{path}.template", causes)
    restart_policy = spec.template.spec.restart_policy
    if restart_policy not in ("OnFailure", "Never"):
        where = f"{path}.template.spec.restartPolicy"
        causes.unsupported(where, restart_policy, ("OnFailure", "Never"))


def _schedule_errors(schedule: str) -> list[str]:
    """What is wrong with a time in cron's notation: five fields, or one of the words for them."""
    if schedule.startswith("@"):
        if schedule in _SCHEDULES or re.fullmatch(r"@every ([0-9.]+(h|m|s|ms))+", schedule):
            return []
        return [f"unrecognized descriptor: {schedule}"]
    fields = schedule.split()
    if len(fields) != 5:
        listed = " ".join(fields)
        return [f"expected exactly 5 fields, found {len(fields)}: [{listed}]"]
    return [
        f"failed to parse int from {field}"
        for field in fields
        if not _SCHEDULE_FIELD.fullmatch(field)
    ]
