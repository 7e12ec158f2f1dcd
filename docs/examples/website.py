"""A plugin: a kind of its own, and a reconciler that keeps a Pod for each object of it."""

from kernel import AlreadyExists, Client, Container, ContainerPort, EnvVar, Kind, ObjectMeta
from kernel import Pod, PodSpec, Request, Struct, controlled_by, reconciler


class WebsiteSpec(Struct):
    greeting: str
    port: int = 8080


class WebsiteStatus(Struct):
    phase: str


class Website(Kind, group="example.dev", version="v1"):
    spec: WebsiteSpec
    status: WebsiteStatus | None = None


@reconciler(Website, owns=[Pod])
async def website(request: Request, client: Client) -> None:
    site = await client.get(Website, request.name, namespace=request.namespace)
    serve = 'cd /tmp && echo "$GREETING" > index.html && exec python3 -m http.server "$PORT"'
    web = Container(name="web", image="python", command=["sh", "-c", serve])
    variables = {"GREETING": site.spec.greeting, "PORT": str(site.spec.port)}
    web.env = [EnvVar(name=name, value=value) for name, value in variables.items()]
    web.ports = [ContainerPort(container_port=site.spec.port, host_port=site.spec.port)]
    spec = PodSpec(containers=[web], termination_grace_period_seconds=1)
    metadata = ObjectMeta(name=request.name, namespace=request.namespace)
    metadata.owner_references = [controlled_by(site)]
    try:
        pod = await client.create(Pod(metadata=metadata, spec=spec))
    except AlreadyExists:
        pod = await client.get(Pod, request.name, namespace=request.namespace)
    site.status = WebsiteStatus(phase=pod.status.phase)
    await client.update_status(site)
