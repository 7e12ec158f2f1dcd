"""A plugin: a kind of its own, and a reconciler that keeps a Pod for each object of it."""

from kernel import AlreadyExists, Client, Container, Kind, ObjectMeta, Pod, PodSpec, Request
from kernel import Struct, controlled_by, reconciler


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
    page = f"cd /tmp && echo '{site.spec.greeting}' > index.html"
    serve = ["sh", "-c", f"{page} && exec python3 -m http.server {site.spec.port}"]
    spec = PodSpec(containers=[Container(name="web", image="python", command=serve)])
    metadata = ObjectMeta(name=request.name, namespace=request.namespace)
    metadata.owner_references = [controlled_by(site)]
    try:
        pod = await client.create(Pod(metadata=metadata, spec=spec))
    except AlreadyExists:
        pod = await client.get(Pod, request.name, namespace=request.namespace)
    site.status = WebsiteStatus(phase=pod.status.phase)
    await client.update_status(site)
