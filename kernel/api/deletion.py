"""What the options of a delete ask for: whether they make sense, and what becomes of dependents.

An object whose dependents are to go first carries the finalizer `foregroundDeletion` while it is
being deleted, one whose dependents are to live on carries `orphan`; what removes them is the
reconciler of owners. Source of the rules: "Garbage Collection" in Kubernetes' documentation, and
k8s.io/apimachinery's ValidateDeleteOptions.
"""

from kernel.api.causes import Causes
from kernel.api.errors import Invalid
from kernel.objects.meta import (
    FOREGROUND_FINALIZER,
    ORPHAN_FINALIZER,
    DeleteOptions,
    ObjectMeta,
)

PROPAGATION_POLICIES = ("Foreground", "Background", "Orphan")


def require_valid_options(options: DeleteOptions) -> None:
    """Raise `Invalid` for options that make no sense."""
    causes, policy = Causes(), options.propagation_policy
    if policy is not None and options.orphan_dependents is not None:
        detail = "orphanDependents and deletionPropagation cannot be both set"
        causes.invalid("propagationPolicy", policy, detail)
    if policy is not None and policy not in PROPAGATION_POLICIES:
        causes.unsupported("propagationPolicy", policy, (*PROPAGATION_POLICIES, "nil"))
    if options.dry_run not in ([], ["All"]):
        causes.unsupported("dryRun", options.dry_run, ("All",))
    if causes.found:
        raise Invalid.of("meta.k8s.io", "DeleteOptions", "", causes.found)


def mark_dependents(metadata: ObjectMeta, options: DeleteOptions) -> bool:
    """Set the finalizer that says what becomes of the dependents of an object that is being
    deleted; answers whether that changed anything. What the options leave open stays."""
    if options.orphan_dependents is not None:
        wanted = ORPHAN_FINALIZER if options.orphan_dependents else ""
    elif options.propagation_policy is not None:
        by_policy = {"Orphan": ORPHAN_FINALIZER, "Foreground": FOREGROUND_FINALIZER}
        wanted = by_policy.get(options.propagation_policy, "")
    else:
        return False
    others = [
        finalizer
        for finalizer in metadata.finalizers
        if finalizer == wanted or finalizer not in (ORPHAN_FINALIZER, FOREGROUND_FINALIZER)
    ]
    if wanted and wanted not in others:
        others.append(wanted)
    changed = others != metadata.finalizers
    metadata.finalizers = others
    return changed
