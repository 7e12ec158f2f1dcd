"""Manifests of Pods."""

import json
from typing import Any

JAVAWEB = """\
apiVersion: v1
kind: Pod
metadata:
  name: javaweb-2
spec:
  initContainers:
  - image: geektime/sample:v2
    name: war
    command: ["cp", "/sample.war", "/app"]
    volumeMounts:
    - mountPath: /app
      name: app-volume
  containers:
  - image: geektime/tomcat:7.0
    name: tomcat
    command: ["sh","-c","/root/apache-tomcat-7.0.42-v2/bin/start.sh"]
    volumeMounts:
    - mountPath: /root/apache-tomcat-7.0.42-v2/webapps
      name: app-volume
    ports:
    - containerPort: 8080
      hostPort: 8001
  volumes:
  - name: app-volume
    emptyDir: {}
"""
"""The Pod of the study notes, as it stands there."""

SLEEP = "trap 'exit 0' TERM; while :; do sleep 1 & wait; done"
"""A shell that lasts, and ends at once when asked to."""


def container(script: str = SLEEP, name: str = "main", **more: Any) -> dict[str, Any]:
    """A container that runs a shell script in busybox."""
    image = {"image": "busybox", "imagePullPolicy": "IfNotPresent"}
    return {"name": name, **image, "command": ["sh", "-c", script], **more}


def pod(name: str, *containers: dict[str, Any], **spec: Any) -> str:
    """A Pod's manifest; `metadata` apart, the keywords are fields of its spec."""
    metadata = {"name": name, **spec.pop("metadata", {})}
    whole = {"containers": list(containers), "terminationGracePeriodSeconds": 1, **spec}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": whole})
