"""Made-up faces and networks that train in a blink."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mimik.lab.data import Faces, write_parquet
from tests.unit.lab.pictures import faces


@pytest.fixture(scope="session")
def slice_() -> Faces:
    """Seven kinds of picture that anything can tell apart: 126 of Training, 42 of PublicTest."""
    return faces(7 * 24)


@pytest.fixture(scope="session")
def slice_file(slice_: Faces, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a parquet file."""
    path = tmp_path_factory.mktemp("fer") / "faces.parquet"
    write_parquet(slice_, path)
    return path


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A residual network and a student that train in a blink, in one thread: so small a one only waits for a second.

    Curves, which would take most of the time, are not drawn.
    """
    import torch

    import mimik.lab.hog
    import mimik.lab.train
    from mimik.lab.zoo import NETWORKS, ResidualNet, StudentNet

    monkeypatch.setitem(NETWORKS, "residual", lambda: ResidualNet((8, 16, 16, 16), stem=4))
    monkeypatch.setitem(NETWORKS, "student-tiny", lambda: StudentNet((8, 8, 16, 16), (1, 1, 2, 1)))
    for script in (mimik.lab.train, mimik.lab.hog):
        monkeypatch.setattr(script, "draw_curves", lambda *arguments: ())
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
