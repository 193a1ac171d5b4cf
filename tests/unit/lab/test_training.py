"""The training script on a small made-up slice: it learns, resumes, exports and refuses nonsense."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from mimik.classify import OnnxClassifier
from mimik.errors import ConfigError, DataError
from mimik.weights import verified

torch = pytest.importorskip("torch", reason="the train extra is not installed")

from mimik.lab.augment import augment  # noqa: E402
from mimik.lab.data import FERPLUS, read_parquet  # noqa: E402
from mimik.lab.export import export  # noqa: E402
from mimik.lab.train import Config, read_config, train  # noqa: E402
from mimik.lab.zoo import NETWORKS, ResidualNet  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


def png(image: np.ndarray) -> bytes:
    data = io.BytesIO()
    Image.fromarray(image).save(data, "PNG")
    return data.getvalue()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven kinds of picture that anything can tell apart: a bright bar at seven heights."""
    random = np.random.default_rng(0)
    rows = []
    for number in range(7 * 24):
        label = number % 7
        image = random.integers(0, 60, (48, 48), dtype=np.uint8)
        image[6 * label + 2 : 6 * label + 8] += 150
        votes = dict.fromkeys((*FERPLUS, "unknown", "nf"), 0)
        votes[FERPLUS[(label + 1) % 7]] = 10
        usage = "PublicTest" if number >= 7 * 18 else "Training"
        rows.append(
            {"usage": usage, "emotion": label, "image": png(image)}
            | {f"ferplus_{name}": count for name, count in votes.items()}
        )
    path = tmp_path_factory.mktemp("fer") / "faces.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A network that trains in a blink, in one thread: so small a one only waits for a second."""
    monkeypatch.setitem(NETWORKS, "residual", lambda: ResidualNet((8, 16, 16, 16), stem=4))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def config(epochs: int) -> Config:
    return Config(network="residual", epochs=epochs, batch=18, rate=0.05, augment=0.0, ema=0.5)


def metrics(run: Path) -> list[list[float]]:
    with (run / "metrics.csv").open() as file:
        return [
            [float(row[key]) for key in ("rate", "training_loss", "publictest_loss")] for row in csv.DictReader(file)
        ]


@pytest.mark.usefixtures("small")
def test_it_learns_and_a_cut_run_goes_on_where_it_was(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(config(4), data, tmp_path / "whole")
    whole = metrics(tmp_path / "whole")
    assert whole[-1][1] < whole[0][1], "the loss falls"

    import mimik.lab.train as script

    record, calls = script._record, 0

    def cut(path: Path, row: dict[str, float]) -> None:
        nonlocal calls
        record(path, row)
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(script, "_record", cut)
        with pytest.raises(KeyboardInterrupt):
            train(config(4), data, tmp_path / "cut")
    train(config(4), data, tmp_path / "cut")
    assert np.allclose(metrics(tmp_path / "cut"), whole, rtol=1e-4)


@pytest.mark.usefixtures("small")
def test_a_run_is_exported_with_its_record_and_runs_without_torch(data: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text('network = "residual"\nepochs = 2\nbatch = 18\naugment = 0.0\n')
    train(read_config(tmp_path / "tiny.toml"), data, tmp_path / "run")
    record = export(tmp_path / "run", tmp_path / "tiny.toml", data, tmp_path / "out", "A small one")
    assert (record.epochs, record.measured.faces) == (2, 42)
    again, file = verified(str(tmp_path / "out" / "tiny.json"))
    assert again == record
    (reading,) = OnnxClassifier(again, file).classify([np.zeros((48, 48), np.uint8)])
    assert reading.probabilities is not None
    assert reading.probabilities.sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_gives_seven_logits_a_face(name: str) -> None:
    network = NETWORKS[name]().eval()
    with torch.inference_mode():
        fer, ferplus = network(torch.zeros(3, 1, 48, 48))
    assert fer.shape == (3, 7)
    assert ferplus is None or ferplus.shape == (3, 8)


def test_the_seeds_network_has_the_seeds_size() -> None:
    parameters = sum(p.numel() for p in NETWORKS["seed"]().parameters())
    # Keras counts the moving averages of batch normalisation too: 2 × (64 + 128 + 512 + 512 + 256 + 512).
    assert parameters + 2 * (64 + 128 + 512 + 512 + 256 + 512) == 4_478_727


def test_augmentation_keeps_shape_and_range_and_repeats_by_seed() -> None:
    faces = torch.rand(16, 1, 48, 48)
    first = augment(faces, torch.Generator().manual_seed(3))
    assert first.shape == faces.shape
    assert 0 <= first.min() <= first.max() <= 1
    assert torch.equal(first, augment(faces, torch.Generator().manual_seed(3)))
    assert not torch.equal(first, augment(faces, torch.Generator().manual_seed(4)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('network = "residual"', "epochs"),
        ("epochs = 3", "network"),
        ('network = "nosuch"\nepochs = 3', "nosuch is none of residual, seed"),
        ('network = "seed"\nepochs = 3\nfoo = 1', "unknown field foo"),
        ('network = "seed"\nepochs = 0', "epochs must be at least 1"),
        ('network = "seed"\nepochs = 1\noptimiser = "lion"', "lion is neither"),
        ("network = ", "c.toml"),
    ],
)
def test_a_bad_configuration_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "c.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_config(path)


def test_bad_data_are_named(data: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no row has usage PrivateTest"):
        read_parquet(data, "PrivateTest")
    (tmp_path / "x.parquet").write_bytes(b"nonsense")
    with pytest.raises(DataError, match="not a FER-2013 parquet file"):
        read_parquet(tmp_path / "x.parquet")
    pq.write_table(pq.read_table(data).drop_columns(["image"]), tmp_path / "y.parquet")
    with pytest.raises(DataError, match="image"):
        read_parquet(tmp_path / "y.parquet")
    wide = pq.read_table(data).to_pylist()[:1]
    wide[0]["image"] = png(np.zeros((50, 40), np.uint8))
    pq.write_table(pa.Table.from_pylist(wide), tmp_path / "z.parquet")
    with pytest.raises(DataError, match="40×50 pixels"):
        read_parquet(tmp_path / "z.parquet")
