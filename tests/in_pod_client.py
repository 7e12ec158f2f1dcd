"""What a program in a container does to call the API: it asks for its own Pod again and again, and
prints each answer's status and the Pod's name. The standard library alone."""

import http.client
import json
import os
import ssl
import time

MOUNTED = "/var/run/secrets/kubernetes.io/serviceaccount"


def read(name: str) -> str:
    """One of the mounted files."""
    with open(f"{MOUNTED}/{name}") as file:
        return file.read()


def ask(host: str, port: int, path: str, token: str) -> str:
    """One request; what to print of it."""
    context = ssl.create_default_context(cafile=f"{MOUNTED}/ca.crt")
    connection = http.client.HTTPSConnection(host, port, context=context, timeout=2)
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    found = json.loads(answer.read())
    return f"{answer.status} {found['metadata'].get('name')}"


if __name__ == "__main__":
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], int(os.environ["KUBERNETES_SERVICE_PORT"])
    path = f"/api/v1/namespaces/{read('namespace')}/pods/{os.environ['NAME']}"
    token = read("token")
    print("asking", host, port, flush=True)
    while True:
        try:
            print(ask(host, port, path, token), flush=True)
        except OSError as error:
            print("failed", error, flush=True)
        time.sleep(0.3)
