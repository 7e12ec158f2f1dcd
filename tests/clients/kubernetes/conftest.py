"""The official client, `kubernetes`, as its documentation sets it up."""

from collections.abc import Iterator

import pytest
from kubernetes import client, config

from ..conftest import Cluster


@pytest.fixture(scope="session")
def api_client(cluster: Cluster) -> Iterator[client.ApiClient]:
    """What all its APIs are made of; also the default of those that are made without one."""
    config.load_kube_config(config_file=cluster.kubeconfig)
    with client.ApiClient() as made:
        yield made


@pytest.fixture(scope="session")
def core(api_client: client.ApiClient) -> client.CoreV1Api:
    """The kinds of core/v1."""
    return client.CoreV1Api(api_client)


@pytest.fixture(scope="session")
def namespace(cluster: Cluster) -> str:
    """Where this client's objects are."""
    return cluster.make_namespace("of-kubernetes")
