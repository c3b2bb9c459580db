"""What one base recommends, and another is trained with too."""

from pathlib import Path

from bluey_adapters.home import Home
from bluey_adapters.registry import Registry
from bluey_admin.experiment.settings import recommended


def test_a_base_keeps_its_own_temperature_and_seed(tmp_path: Path) -> None:
    with Registry(Home(tmp_path)) as registry:
        assert registry.open_base("it").facts.recommended.temperature == 1.5
        shared = recommended(registry, "it", "bluey")
    assert shared["rank"] == 8 and not shared.keys() & {"temperature", "seed"}


def test_few_examples_are_gone_through_oftener(tmp_path: Path) -> None:
    with Registry(Home(tmp_path)) as registry:
        epochs = [recommended(registry, "it", data)["epochs"] for data in ("bluey", "captain")]
    assert epochs == [5, 7]
