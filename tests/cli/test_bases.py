"""`bluey-admin bases`."""

import json
import shutil
from pathlib import Path

import pytest

from bluey_adapters.bases import Base
from bluey_adapters.home import Home
from bluey_adapters.registry import Registry
from bluey_data.catalog import embedded_model
from tests.cli.conftest import Admin, fails

REPO = "models--google--gemma-3-1b-it"


def _bases(home: Home) -> dict[str, Base]:
    with Registry(home) as registry:
        return dict(registry.catalog().bases)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model's folder without a chat template."""
    return Path(shutil.copytree(embedded_model("tiny-pt"), tmp_path / "my model"))


@pytest.fixture
def hub_cache(tmp_path: Path) -> Path:
    """The hub's cache on this machine, with gemma-3-1b-it in it: links into blobs, as it does."""
    repo = tmp_path / "hub" / REPO
    snapshot, blobs = repo / "snapshots" / ("c" * 40), repo / "blobs"
    for folder in (snapshot, blobs, repo / "refs"):
        folder.mkdir(parents=True)
    (repo / "refs" / "main").write_text("c" * 40)
    for file in embedded_model("tiny-it").iterdir():
        shutil.copy(file, blobs / file.name)
        (snapshot / file.name).symlink_to(Path("../../blobs") / file.name)
    return snapshot


def test_a_new_home_knows_the_tiny_pair_and_gemma(admin: Admin) -> None:
    bases = {base["name"]: base for base in json.loads(admin("bases", "list", "--json").stdout)}
    assert set(bases) == {"tiny-it", "tiny-pt", "gemma-3-1b-it", "gemma-3-1b-pt"}
    assert bases["tiny-it"]["aliases"] == ["it"]
    assert bases["tiny-it"]["problem"] is None
    assert "bases pull gemma-3-1b-it" in bases["gemma-3-1b-it"]["problem"]
    assert "embedded:tiny-it" in admin("bases", "list").stdout


def test_use_moves_the_pair_and_notes_what_must_be_pulled(admin: Admin) -> None:
    result = admin("bases", "use", "gemma-3-1b")
    assert result.exit_code == 0
    assert "it now means gemma-3-1b-it" in result.stderr
    assert "bases pull gemma-3-1b-pt" in result.stderr
    assert admin("bases", "use", "tiny-it", "--as", "pt").exit_code == 0
    listed = json.loads(admin("bases", "list", "--json").stdout)
    aliases = {base["name"]: base["aliases"] for base in listed if base["aliases"]}
    assert aliases == {"gemma-3-1b-it": ["it"], "tiny-it": ["pt"]}
    fails(admin("bases", "use", "llama"), "there is no base or family called llama")
    fails(admin("bases", "use", "llama", "--as", "it"), "there is no base called llama")


def test_add_a_folder_and_later_a_template(admin: Admin, home: Home, model: Path) -> None:
    result = admin("bases", "add", "mine", str(model))
    assert result.exit_code == 0
    assert "no chat template" in result.stderr
    assert _bases(home)["mine"].source == f"path:{model}"
    template = model / "t.jinja"
    template.write_text("{% for m in messages %}{{ m.content }}{% endfor %}")
    assert admin("bases", "add", "mine", "--chat-template", str(template)).exit_code == 0
    mine = _bases(home)["mine"]
    assert (mine.source, mine.chat_template) == (f"path:{model}", template.read_text())
    admin("bases", "add", "mine", str(model))
    assert _bases(home)["mine"].chat_template == mine.chat_template  # not lost on the way


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("config.json", "no config.json"),
        ("model.safetensors", "no weights"),
        ("tokenizer.json", "no tokenizer.json"),
    ],
)
def test_a_folder_that_is_no_model(
    admin: Admin, home: Home, model: Path, missing: str, words: str
) -> None:
    (model / missing).unlink()
    fails(admin("bases", "add", "mine", str(model)), words)
    assert "mine" not in _bases(home)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{% if %}", "not Jinja"),
        ("hello", "does not write down what the user says"),
        ("{{ raise_exception('never') }}", "never"),
        (None, "can't be read"),
    ],
)
def test_templates_that_are_none(
    admin: Admin, home: Home, model: Path, template: str | None, words: str
) -> None:
    file = model / "t.jinja"
    if template is not None:
        file.write_text(template)
    fails(admin("bases", "add", "mine", str(model), "--chat-template", str(file)), words)
    fails(admin("bases", "add", "tiny-pt", "--chat-template", str(file)), words)
    assert "mine" not in _bases(home)


def test_what_cannot_be_added(admin: Admin, home: Home, model: Path) -> None:
    fails(admin("bases", "add", "mine"), "there is no base called mine")
    fails(admin("bases", "add", "mine", "/nowhere"), "no model folder at /nowhere")
    fails(admin("bases", "add", "mine", "nonsense"), "neither a folder nor a repo")
    fails(admin("bases", "add", "it", str(model)), "points at a base")
    fails(admin("bases", "add", "a@1", str(model)), "can't name a base")
    fails(admin("bases", "add", "mine", "embedded:huge"), "embedded model huge is not there")
    fails(admin("bases", "add", "tiny-it"), "is registered")
    assert len(_bases(home)) == 4


def test_a_repo_is_registered_before_it_is_here(admin: Admin, home: Home) -> None:
    result = admin("bases", "add", "gemma-3-4b-it", "google/gemma-3-4b-it")
    assert result.exit_code == 0
    assert "bases pull gemma-3-4b-it" in result.stderr
    assert _bases(home)["gemma-3-4b-it"].source == "hub:google/gemma-3-4b-it"


def test_what_is_in_the_hubs_cache_is_found(admin: Admin, home: Home, hub_cache: Path) -> None:
    bases = {base["name"]: base for base in json.loads(admin("bases", "list", "--json").stdout)}
    assert bases["gemma-3-1b-it"]["problem"] is None
    assert bases["gemma-3-1b-it"]["chat_template"] == "its own"
    with Registry(home) as registry:
        identified = registry.bases.identify(registry.catalog().bases["gemma-3-1b-it"])
    assert identified.locate() == hub_cache
    assert identified.fingerprint is not None


def test_pull_offline_takes_what_is_here(
    admin: Admin, hub_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    result = admin("bases", "pull", "gemma-3-1b-it")
    assert result.exit_code == 0
    assert result.stdout.strip() == f"gemma-3-1b-it is in {hub_cache}"
    result = admin("bases", "pull", "gemma-3-1b")  # the pair: pt is not here
    assert result.exit_code == 1
    assert "google/gemma-3-1b-pt could not be downloaded" in result.stderr.splitlines()[-1]


def test_pull_of_a_half_downloaded_model_says_what_is_missing(
    admin: Admin, hub_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    (hub_cache / "model.safetensors").unlink()
    result = admin("bases", "pull", "gemma-3-1b-it")
    assert result.exit_code == 1
    assert "no weights" in result.stderr.splitlines()[-1]


def test_pull_of_a_gated_repo_says_what_to_do(
    admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    import httpx
    from huggingface_hub.errors import GatedRepoError

    def refuse(*_: object, **__: object) -> None:
        request = httpx.Request("GET", "https://huggingface.co/x")
        raise GatedRepoError("403", response=httpx.Response(403, request=request))

    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    line = admin("bases", "pull", "gemma-3-1b-it").stderr.splitlines()[-1]
    assert line.startswith("error: google/gemma-3-1b-it is gated: accept its licence")
    assert "hf auth login" in line


def test_pull_of_what_needs_none(admin: Admin) -> None:
    result = admin("bases", "pull", "tiny")
    assert result.exit_code == 0
    assert "tiny-pt needs no download" in result.stderr
    fails(admin("bases", "pull", "llama"), "no base called llama", "bases add NAME OWNER/REPO")
