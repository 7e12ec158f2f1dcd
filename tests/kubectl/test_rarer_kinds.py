"""Kinds that few programs use, as kubectl makes, shows and describes them."""

import re

import pytest

from .conftest import EVERY_VERSION, Kubectl

pytestmark = [pytest.mark.anyio, pytest.mark.kubectl]

MANIFESTS = """
apiVersion: v1
kind: Endpoints
metadata: {name: web}
subsets:
- addresses: [{ip: 10.0.0.1}, {ip: 10.0.0.2}]
  ports: [{name: http, port: 80, protocol: TCP}, {name: more, port: 81, protocol: TCP}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
endpoints: [{addresses: [10.0.0.1]}, {addresses: [10.0.0.2]}]
ports: [{name: http, port: 80, protocol: TCP}]
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: disk}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce, ReadOnlyMany]
  storageClassName: slow
  hostPath: {path: /srv}
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: high}
value: 1000
description: For what must not wait.
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: slow
  annotations: {storageclass.kubernetes.io/is-default-class: "true"}
provisioner: example.com/disks
---
apiVersion: storage.k8s.io/v1
kind: VolumeAttachment
metadata: {name: disk-on-one}
spec: {attacher: example.com, nodeName: one, source: {persistentVolumeName: disk}}
---
apiVersion: storage.k8s.io/v1
kind: CSIDriver
metadata: {name: example.com}
spec: {podInfoOnMount: true}
---
apiVersion: storage.k8s.io/v1
kind: CSINode
metadata: {name: one}
spec: {drivers: [{name: example.com, nodeID: n1, topologyKeys: [example.com/zone]}]}
---
apiVersion: storage.k8s.io/v1
kind: CSIStorageCapacity
metadata: {name: zone-1}
storageClassName: slow
capacity: 10Gi
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  ingressClassName: nginx
  tls: [{hosts: [example.com], secretName: web}]
  rules:
  - host: example.com
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}
  - host: "*.example.com"
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: nginx}
spec:
  controller: example.com/nginx
  parameters: {apiGroup: example.com, kind: Settings, name: usual}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed}
spec:
  podSelector: {matchLabels: {app: web}}
  egress:
  - to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]
    ports: [{port: 53, protocol: UDP}]
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  maxReplicas: 5
---
apiVersion: apps/v1
kind: ControllerRevision
metadata: {name: web-1}
data: {spec: {}}
revision: 3
"""
AGE = "<age>"
ROWS = {
    "endpoints/web": "NAME ENDPOINTS AGE web 10.0.0.1:80,10.0.0.2:80,10.0.0.1:81 + 1 more... <age>",
    "endpointslices/web-1": (
        "NAME ADDRESSTYPE PORTS ENDPOINTS AGE web-1 IPv4 80 10.0.0.1,10.0.0.2 <age>"
    ),
    "pv/disk": (
        "NAME CAPACITY ACCESS MODES RECLAIM POLICY STATUS CLAIM STORAGECLASS"
        " VOLUMEATTRIBUTESCLASS REASON AGE VOLUMEMODE"
        " disk 1Gi RWO,ROX Retain Pending slow <unset> <age> Filesystem"
    ),
    "pc/high": "NAME VALUE GLOBAL-DEFAULT AGE PREEMPTIONPOLICY high 1000 false <age>"
    " PreemptLowerPriority",
    "sc/slow": "NAME PROVISIONER RECLAIMPOLICY VOLUMEBINDINGMODE ALLOWVOLUMEEXPANSION AGE"
    " slow (default) example.com/disks Delete Immediate false <age>",
    "volumeattachments/disk-on-one": (
        "NAME ATTACHER PV NODE ATTACHED AGE disk-on-one example.com disk one false <age>"
    ),
    "csidrivers/example.com": (
        "NAME ATTACHREQUIRED PODINFOONMOUNT STORAGECAPACITY TOKENREQUESTS REQUIRESREPUBLISH"
        " MODES AGE example.com true true false <unset> false Persistent <age>"
    ),
    "csinodes/one": "NAME DRIVERS AGE one 1 <age>",
    "csistoragecapacities/zone-1": "NAME STORAGECLASSNAME CAPACITY zone-1 slow 10Gi",
    "ing/web": "NAME CLASS HOSTS ADDRESS PORTS AGE web nginx example.com,*.example.com 80, 443"
    " <age>",
    "ingressclasses/nginx": (
        "NAME CONTROLLER PARAMETERS AGE nginx example.com/nginx Settings.example.com/usual <age>"
    ),
    "netpol/closed": "NAME POD-SELECTOR AGE closed app=web <age>",
    "hpa/web": "NAME REFERENCE TARGETS MINPODS MAXPODS REPLICAS AGE"
    " web Deployment/web cpu: <unknown>/80% 1 5 0 <age>",
    "controllerrevisions/web-1": "NAME CONTROLLER REVISION AGE web-1 <none> 3 <age>",
}
DESCRIBED = {
    "endpoints/web": "NotReadyAddresses:",
    "endpointslices/web-1": "AddressType:",
    "pv/disk": "Reclaim Policy:",
    "pc/high": "For what must not wait.",
    "sc/slow": "VolumeBindingMode:",
    "csinodes/one": "Node ID:",
    "ing/web": "example.com",
    "ingressclasses/nginx": "Controller:",
    "netpol/closed": "Allowing egress traffic:",
    "hpa/web": "Max replicas:",
}


def shown(output: str) -> str:
    """What kubectl prints, its columns and lines joined by single spaces, ages left out."""
    return " ".join(re.sub(r"\b\d+(s|m|ms)\b", AGE, word) for word in output.split())


async def test_columns_and_descriptions(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", stdin=MANIFESTS)
    applied = await kubectl("apply", "-f", "-", stdin=MANIFESTS)
    assert "configured" not in applied
    seen = {name: shown(await kubectl("get", name, "-o", "wide")) for name in ROWS}
    assert seen == ROWS
    for name, text in DESCRIBED.items():
        assert text in await kubectl("describe", name)
    assert "deleted" in await kubectl("delete", "-f", "-", stdin=MANIFESTS)


@EVERY_VERSION
async def test_what_kubectl_creates(kubectl: Kubectl) -> None:
    await kubectl("create", "priorityclass", "low", "--value=-5", "--description=last")
    value = await kubectl("get", "priorityclass", "low", "-o", "jsonpath={.value}")
    assert value == "-5"
    await kubectl("create", "ingress", "web", "--rule=example.com/path*=web:80,tls=cert")
    row = (await kubectl("get", "ingress")).splitlines()[1].split()
    assert row[:5] == ["web", "<none>", "example.com", "80,", "443"]
    await kubectl("create", "deployment", "web", "--image=busybox")
    await kubectl("autoscale", "deployment", "web", "--max=3", "--cpu-percent=50")
    row = (await kubectl("get", "hpa")).splitlines()[1].split()
    assert row[:4] == ["web", "Deployment/web", "cpu:", "<unknown>/50%"]
    percentage = "jsonpath={.spec.targetCPUUtilizationPercentage}"
    autoscaler = "horizontalpodautoscalers.v1.autoscaling/web"
    assert await kubectl("get", autoscaler, "-o", percentage) == "50"
    await kubectl("expose", "deployment", "web", "--port=80", "--target-port=8080")
    await kubectl("create", "service", "clusterip", "other", "--tcp=80:8080")
    assert {"service/web", "service/other"} <= set(
        (await kubectl("get", "services", "-o", "name")).split()
    )


async def test_what_is_wrong_is_said_in_kubernetes_words(kubectl: Kubectl) -> None:
    wrong = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  rules:
  - host: 10.0.0.1
    http: {paths: [{path: a, pathType: Exact, backend: {service: {name: web}}}]}
"""
    refusal = await kubectl.refused("create", "-f", "-", stdin=wrong)
    for complaint in (
        'spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address',
        'spec.rules[0].http.paths[0].path: Invalid value: "a": must be an absolute path',
        "spec.rules[0].http.paths[0].backend: Required value: port name or number is required",
    ):
        assert complaint in refusal
    refusal = await kubectl.refused("create", "priorityclass", "system-mine", "--value=1")
    assert "system-mine is not a known system priority class" in refusal
