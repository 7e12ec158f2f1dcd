"""The kernel of Kubernetes as a Python library.

This module is the whole public contract; everything below it may change. Names are loaded on first
use, so that a program pays for what it uses.

```python
from kernel import Kernel, Pod

async with Kernel.open("state/") as kernel:
    pods = await kernel.client.list(Pod)
```
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kernel.api.admission import (
        AdmissionDenied as AdmissionDenied,
        AdmissionRequest as AdmissionRequest,
        admission as admission,
    )
    from kernel.api.changes import ProjectedEntry as ProjectedEntry
    from kernel.api.client import (
        Client as Client,
        ObjectList as ObjectList,
        ProjectionView as ProjectionView,
        Transaction as Transaction,
        WatchEvent as WatchEvent,
        WatchEventType as WatchEventType,
    )
    from kernel.api.context import acting as acting
    from kernel.api.errors import (
        AlreadyExists as AlreadyExists,
        ApiError as ApiError,
        BadRequest as BadRequest,
        Conflict as Conflict,
        Expired as Expired,
        Forbidden as Forbidden,
        Invalid as Invalid,
        NotFound as NotFound,
        RevisionTooLarge as RevisionTooLarge,
    )
    from kernel.api.upcasting import Upcaster as Upcaster, upcaster as upcaster
    from kernel.assembly import Kernel as Kernel
    from kernel.clock import Clock as Clock, ManualClock as ManualClock, SystemClock as SystemClock
    from kernel.control.plugin import Plugin as Plugin, PluginError as PluginError
    from kernel.control.plugin_http import (
        HttpGet as HttpGet,
        HttpRequest as HttpRequest,
        http_get as http_get,
    )
    from kernel.control.projection import Projection as Projection, projection as projection
    from kernel.control.reconciler import (
        Reconciler as Reconciler,
        Request as Request,
        Result as Result,
        RetryAfter as RetryAfter,
        TerminalError as TerminalError,
        Watch as Watch,
        reconciler as reconciler,
    )
    from kernel.control.recorder import Recorder as Recorder
    from kernel.control.replay import (
        MissingWrite as MissingWrite,
        ReplayedFailure as ReplayedFailure,
        ReplayedWrite as ReplayedWrite,
        ReplayReport as ReplayReport,
    )
    from kernel.cri.simulated.runtime import SimulatedRuntime as SimulatedRuntime
    from kernel.objects.authentication import (
        BoundObjectReference as BoundObjectReference,
        TokenRequest as TokenRequest,
        TokenRequestSpec as TokenRequestSpec,
    )
    from kernel.objects.config import ConfigMap as ConfigMap, Secret as Secret
    from kernel.objects.container import (
        Container as Container,
        ContainerPort as ContainerPort,
        EnvVar as EnvVar,
        EnvVarSource as EnvVarSource,
        Probe as Probe,
        ResourceRequirements as ResourceRequirements,
        VolumeMount as VolumeMount,
    )
    from kernel.objects.coordination import Lease as Lease
    from kernel.objects.custom_object import CustomObject as CustomObject
    from kernel.objects.custom_resource_definition import (
        CustomResourceDefinition as CustomResourceDefinition,
    )
    from kernel.objects.event import Event as Event, ObjectReference as ObjectReference
    from kernel.objects.kind import Column as Column, Kind as Kind
    from kernel.objects.meta import (
        LabelSelector as LabelSelector,
        ObjectMeta as ObjectMeta,
        OwnerReference as OwnerReference,
    )
    from kernel.objects.namespace import Namespace as Namespace
    from kernel.objects.node import Node as Node
    from kernel.objects.ownership import controlled_by as controlled_by
    from kernel.objects.pod import Pod as Pod, PodSpec as PodSpec
    from kernel.objects.pod_status import PodStatus as PodStatus
    from kernel.objects.service import Service as Service, ServiceAccount as ServiceAccount
    from kernel.objects.struct import (
        Atomic as Atomic,
        MergeKey as MergeKey,
        Struct as Struct,
    )
    from kernel.objects.volume import (
        ConfigMapVolumeSource as ConfigMapVolumeSource,
        EmptyDirVolumeSource as EmptyDirVolumeSource,
        HostPathVolumeSource as HostPathVolumeSource,
        SecretVolumeSource as SecretVolumeSource,
        Volume as Volume,
    )
    from kernel.reconcilers.node_limits import NodeLimits as NodeLimits
    from kernel.store.compaction import Retention as Retention

_MODULES = {
    "kernel.api.admission": ("AdmissionDenied", "AdmissionRequest", "admission"),
    "kernel.api.changes": ("ProjectedEntry",),
    "kernel.api.client": (
        *("Client", "ObjectList", "ProjectionView"),
        *("Transaction", "WatchEvent", "WatchEventType"),
    ),
    "kernel.api.context": ("acting",),
    "kernel.api.errors": (
        *("AlreadyExists", "ApiError", "BadRequest", "Conflict"),
        *("Expired", "Forbidden", "Invalid", "NotFound", "RevisionTooLarge"),
    ),
    "kernel.api.upcasting": ("Upcaster", "upcaster"),
    "kernel.assembly": ("Kernel",),
    "kernel.clock": ("Clock", "ManualClock", "SystemClock"),
    "kernel.control.plugin": ("Plugin", "PluginError"),
    "kernel.control.plugin_http": ("HttpGet", "HttpRequest", "http_get"),
    "kernel.control.projection": ("Projection", "projection"),
    "kernel.control.reconciler": (
        *("Reconciler", "Request", "Result", "RetryAfter"),
        *("TerminalError", "Watch", "reconciler"),
    ),
    "kernel.control.recorder": ("Recorder",),
    "kernel.control.replay": (
        *("MissingWrite", "ReplayReport", "ReplayedFailure", "ReplayedWrite"),
    ),
    "kernel.cri.simulated.runtime": ("SimulatedRuntime",),
    "kernel.objects.authentication": ("BoundObjectReference", "TokenRequest", "TokenRequestSpec"),
    "kernel.objects.config": ("ConfigMap", "Secret"),
    "kernel.objects.custom_object": ("CustomObject",),
    "kernel.objects.custom_resource_definition": ("CustomResourceDefinition",),
    "kernel.objects.container": (
        *("Container", "ContainerPort", "EnvVar", "EnvVarSource"),
        *("Probe", "ResourceRequirements", "VolumeMount"),
    ),
    "kernel.objects.coordination": ("Lease",),
    "kernel.objects.event": ("Event", "ObjectReference"),
    "kernel.objects.kind": ("Column", "Kind"),
    "kernel.objects.meta": ("LabelSelector", "ObjectMeta", "OwnerReference"),
    "kernel.objects.namespace": ("Namespace",),
    "kernel.objects.node": ("Node",),
    "kernel.objects.ownership": ("controlled_by",),
    "kernel.objects.pod": ("Pod", "PodSpec"),
    "kernel.objects.pod_status": ("PodStatus",),
    "kernel.objects.service": ("Service", "ServiceAccount"),
    "kernel.objects.struct": ("Atomic", "MergeKey", "Struct"),
    "kernel.objects.volume": (
        *("ConfigMapVolumeSource", "EmptyDirVolumeSource", "HostPathVolumeSource"),
        *("SecretVolumeSource", "Volume"),
    ),
    "kernel.reconcilers.node_limits": ("NodeLimits",),
    "kernel.store.compaction": ("Retention",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'kernel' has no attribute {name!r}")
    value = getattr(importlib.import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULE_OF})
