"""Admission of claims: one that names no StorageClass gets the default one, where there is one
(what Kubernetes' admission plugin DefaultStorageClass does)."""

from kernel.api.admission import AdmissionHook, AdmissionRequest, admission
from kernel.control.informer import Informers
from kernel.objects.persistent_volume_claim import PersistentVolumeClaim
from kernel.objects.storage import StorageClass

NAME = "DefaultStorageClass"
DEFAULT_ANNOTATION = "storageclass.kubernetes.io/is-default-class"


def storage_class_admission(informers: Informers) -> AdmissionHook:
    """The hook that looks StorageClasses up in `informers`."""
    known = informers.of(StorageClass)

    @admission(PersistentVolumeClaim, name=NAME)
    def set_class(request: AdmissionRequest) -> None:
        claim: PersistentVolumeClaim = request.object
        if claim.spec.storage_class_name is not None:
            return
        defaults = [
            one for one in known.all() if one.metadata.annotations.get(DEFAULT_ANNOTATION) == "true"
        ]
        if defaults:
            newest = max(defaults, key=lambda one: str(one.metadata.creation_timestamp))
            claim.spec.storage_class_name = newest.metadata.name

    return set_class
