"""A server on a real socket in a thread of its own, over a scripted engine and a fresh home."""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import openai

from bluey_adapters.bases import Base
from bluey_adapters.catalog import AdapterVersion
from bluey_adapters.home import Home
from bluey_adapters.registry import Registry
from bluey_adapters.store import AdapterCard, write_card
from bluey_data.catalog import embedded_model
from bluey_server.http.access import Access
from bluey_server.http.app import create_app
from bluey_server.http.listening import bind, url_of
from bluey_server.http.registry_thread import RegistryThread
from bluey_server.http.service import Service, Timings
from bluey_server.http.serving import Serving
from tests.fakes.local_tokenizers import LocalTokenizers
from tests.fakes.scripted_engine import ScriptedEngine

ADMIN_KEY = "sk-bluey-admin-of-tests"
ADMIN = {"authorization": f"Bearer {ADMIN_KEY}"}
QUICK = Timings(watch=0.02, bury=0.05, drain=0.3)


@dataclass
class Rig:
    """A running server, and all that a test may want to reach of it."""

    url: str
    engine: ScriptedEngine
    service: Service
    serving: Serving
    home: Home
    thread: threading.Thread
    clients: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        self.http = self.clients.enter_context(httpx.Client(base_url=self.url, timeout=30))

    def openai(self, **options: Any) -> openai.OpenAI:
        """The real client."""
        client = openai.OpenAI(
            base_url=f"{self.url}/v1", **{"api_key": "none", "max_retries": 0, **options}
        )
        return self.clients.enter_context(client)

    def post(self, body: Any = None, **options: Any) -> httpx.Response:
        """A chat completion, raw."""
        return self.http.post("/v1/chat/completions", json=body, **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        """Any page; those under /admin with the admin key, unless another is given."""
        if path.startswith("/admin"):
            options["headers"] = {**ADMIN, **options.get("headers", {})}
        return self.http.get(self.url + path, **options)

    def chat(self, text: str = "Hello", **fields: Any) -> httpx.Response:
        """A chat completion of the base `it`, raw."""
        return self.post({"model": "it", "messages": [{"role": "user", "content": text}], **fields})


Launch = Callable[..., Rig]


@contextmanager
def running(
    home: Home,
    *,
    timings: Timings = QUICK,
    access: Access = Access(),  # noqa: B008
    preload: tuple[str, ...] = (),
    engine: ScriptedEngine | None = None,
) -> Iterator[Rig]:
    """A server, until the block ends."""
    engine = engine or ScriptedEngine()
    listener = bind("127.0.0.1", 0)
    access = replace(access, admin_key=access.admin_key or ADMIN_KEY)
    service = Service(
        engine, LocalTokenizers(), RegistryThread(home), timings=timings, preload=preload
    )
    listening = threading.Event()
    serving = Serving(create_app(service, access), service, listening.set)
    thread = threading.Thread(target=serving.run, args=([listener],), name="server")
    thread.start()
    assert listening.wait(20)
    try:
        rig = Rig(url_of(listener), engine, service, serving, home, thread)
        with rig.clients:
            yield rig
    finally:
        serving.stop()
        thread.join(20)
        assert not thread.is_alive()


def add_adapter(
    home: Home,
    name: str,
    *,
    base: str = "tiny-it",
    weights: bytes = b"weights",
    fingerprint: str | None = None,
    template: str | None = None,
    promote: bool = True,
) -> AdapterVersion:
    """Publish an adapter, as a training worker in another process would."""
    with Registry(home) as registry:
        found = registry.bases.identify(registry.catalog().require_base(base))
        assert found.fingerprint
        fingerprint = fingerprint or found.fingerprint
        folder = home.cache / f"making-{name}"
        folder.mkdir(exist_ok=True)
        (folder / "adapters.safetensors").write_bytes(weights)
        (folder / "adapter_config.json").write_text("{}")
        own = (embedded_model("tiny-it") / "chat_template.jinja").read_text()
        card = AdapterCard(base_fingerprint=fingerprint, base=base, chat_template=template or own)
        write_card(folder, card)
        digest = registry.store.publish(folder)
        shutil.rmtree(folder)
        return registry.adapters.publish(
            name,
            digest=digest,
            base=base,
            base_fingerprint=fingerprint,
            dataset_digest=None,
            hyperparameters={},
            metrics={"valid_loss": 1.5},
            job_id=None,
            promote=promote,
        )


def add_base(home: Home, name: str, folder: Path, *, template: bool = True) -> Path:
    """Register a base in a folder: the embedded one's tokenizer and weights that are none."""
    folder.mkdir(parents=True)
    source = embedded_model("tiny-it")
    for file in (
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "generation_config.json",
    ):
        shutil.copy(source / file, folder)
    if template:
        shutil.copy(source / "chat_template.jinja", folder)
    (folder / "model.safetensors").write_bytes(name.encode())
    with Registry(home) as registry:
        registry.bases.add(Base(name=name, source=f"path:{folder}"))
    return folder
