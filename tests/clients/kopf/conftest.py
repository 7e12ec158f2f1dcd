"""kopf operators, in a thread each, against the clients' server."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import kopf
import pytest

from ...command.harness import Connection, eventually
from ..conftest import Cluster

GROUP, VERSION, PLURAL = "kopf.dev", "v1", "kopfexamples"
STOP_SECONDS_MAX = 10.0
HANDLED = "kopf.zalando.org/last-handled-configuration"


def definition(kind: str, *, scope: str = "Namespaced", **subresources: Any) -> dict[str, Any]:
    """A CustomResourceDefinition as kopf's examples have it: anything may be in its objects."""
    plural = f"{kind.lower()}s"
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "scope": scope,
            "group": GROUP,
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": anything},
                    "subresources": subresources,
                }
            ],
        },
    }


class Objects:
    """The objects of one kind in one namespace, by plain requests."""

    def __init__(self, api: Connection, path: str, kind: str, api_version: str):
        self._api = api
        self._path = path
        self._head = {"apiVersion": api_version, "kind": kind}

    def create(self, name: str, body: dict[str, Any] | None = None, **metadata: Any) -> Any:
        """A new object."""
        whole = {**self._head, "metadata": {"name": name, **metadata}, **(body or {})}
        return self._api.request("POST", self._path, whole)

    def get(self, name: str) -> Any:
        """The object as it is."""
        return self._api.request("GET", f"{self._path}/{name}")

    def patch(self, name: str, change: dict[str, Any]) -> Any:
        """The object after a merge patch."""
        path, merge = f"{self._path}/{name}", {"Content-Type": "application/merge-patch+json"}
        return self._api.request("PATCH", path, change, **merge)

    def delete(self, name: str) -> None:
        """Ask for its end."""
        self._api.request("DELETE", f"{self._path}/{name}")

    def annotations(self, name: str) -> dict[str, str]:
        """The object's annotations, where kopf keeps what it must remember."""
        found: dict[str, str] = self.get(name)["metadata"].get("annotations", {})
        return found

    def wait_handled(self, name: str) -> None:
        """Until kopf has handled what there is of the object."""
        eventually(lambda: HANDLED in self.annotations(name), f"{name} is handled")

    def names(self) -> list[str]:
        """The names of all that are there."""
        return [one["metadata"]["name"] for one in self._api.request("GET", self._path)["items"]]


class Notes:
    """What an operator's handlers have told, in order."""

    def __init__(self) -> None:
        self.taken: list[Any] = []

    def take(self, *note: Any) -> None:
        """Called by handlers."""
        self.taken.append(note)

    def wait(self, *note: Any, times: int = 1) -> None:
        """Until a handler has told this, so many times."""
        eventually(lambda: self.taken.count(note) >= times, f"{note} in {self.taken}")


class Operator:
    """A registry of handlers to be filled, and what they have noted."""

    def __init__(self) -> None:
        self.registry = kopf.OperatorRegistry()
        self.notes = Notes()

        @kopf.on.login(registry=self.registry)
        def login(**arguments: Any) -> Any:
            return kopf.login_with_kubeconfig(**arguments)

    @contextmanager
    def running(self, *namespaces: str, **options: Any) -> Iterator[None]:
        """Run it in namespaces, or in all where none is named, until it has ended cleanly."""
        ready, stop = threading.Event(), threading.Event()
        failures: list[BaseException] = []
        where: dict[str, Any] = {"namespaces": namespaces} if namespaces else {"clusterwide": True}
        settings = kopf.OperatorSettings()
        settings.queueing.exit_timeout = 0.1
        settings.posting.level = logging.INFO
        for name, value in options.pop("settings", {}).items():
            part, _, field = name.partition("__")
            setattr(getattr(settings, part), field, value)
        options.setdefault("standalone", "peering_name" not in options)

        def run() -> None:
            try:
                kopf.run(
                    registry=self.registry,
                    settings=settings,
                    ready_flag=ready,
                    stop_flag=stop,
                    **where,
                    **options,
                )
            except BaseException as failure:
                failures.append(failure)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            eventually(lambda: ready.is_set() or failures, "the operator is ready")
            yield
        finally:
            stop.set()
            thread.join(STOP_SECONDS_MAX)
            assert not thread.is_alive(), "the operator ends"
            assert not failures, failures


@pytest.fixture(autouse=True)
def _kubeconfig(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", cluster.kubeconfig)


@pytest.fixture
def operator() -> Operator:
    return Operator()


@pytest.fixture
def another() -> Operator:
    """A second operator."""
    return Operator()


@pytest.fixture
def namespace(cluster: Cluster, request: pytest.FixtureRequest) -> str:
    """A namespace of the test's own."""
    words = request.node.name.removeprefix("test_").replace("_", "-")
    return cluster.make_namespace(f"kopf-{words}"[:60].rstrip("-"))


@pytest.fixture
def config_maps(cluster: Cluster, namespace: str) -> Objects:
    """The test's ConfigMaps."""
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    return Objects(cluster.api, path, "ConfigMap", "v1")


@pytest.fixture(scope="package")
def examples_of(cluster: Cluster) -> Callable[[str], Objects]:
    """KopfExamples in a namespace; their definition is made with the first."""
    cluster.api.request(
        *("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"),
        definition("KopfExample"),
    )

    def of(namespace: str) -> Objects:
        path = f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{PLURAL}"
        return Objects(cluster.api, path, "KopfExample", f"{GROUP}/{VERSION}")

    return of


@pytest.fixture
def examples(examples_of: Callable[[str], Objects], namespace: str) -> Objects:
    """The test's KopfExamples."""
    return examples_of(namespace)
