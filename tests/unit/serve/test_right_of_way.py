"""Live pictures go first."""

import threading
import time

import pytest

from mimik.serve.right_of_way import RightOfWay

pytestmark = pytest.mark.timing


def _took(work: threading.Thread) -> float:
    began = time.monotonic()
    work.start()
    work.join(10)
    assert not work.is_alive()
    return time.monotonic() - began


def test_nobody_waits_where_nobody_watches() -> None:
    assert _took(threading.Thread(target=RightOfWay().give_way, args=(1.0,))) < 0.5


def test_background_work_gets_a_share_while_somebody_watches() -> None:
    """It waits for twice the time that its last frame took."""
    way = RightOfWay()
    with way.live():
        pass
    assert _took(threading.Thread(target=way.give_way, args=(0.2,))) >= 0.39


def test_a_piece_of_background_work_gives_way_for_as_long_as_it_took() -> None:
    way = RightOfWay()

    def background() -> None:
        with way.background():
            time.sleep(0.1)

    assert _took(threading.Thread(target=background)) < 0.25, "nobody watches"
    with way.live():
        pass
    assert _took(threading.Thread(target=background)) >= 0.29


def test_no_frame_is_begun_while_a_live_one_is_read() -> None:
    way = RightOfWay()
    began = threading.Event()

    def background() -> None:
        way.give_way(0.0)
        began.set()

    with way.live():
        threading.Thread(target=background).start()
        assert not began.wait(0.2)
    assert began.wait(10)


def test_a_live_view_that_hangs_does_not_hold_it_up_for_good() -> None:
    way = RightOfWay()
    with way.live():
        assert 1.5 < _took(threading.Thread(target=way.give_way, args=(60.0,))) < 9


def test_what_is_cancelled_waits_no_longer() -> None:
    """Only until the next live frame, though it had taken long itself."""
    way = RightOfWay()
    over = threading.Event()

    def background() -> None:
        way.give_way(60.0, over.is_set)
        ended.set()

    ended = threading.Event()
    with way.live():
        threading.Thread(target=background).start()
        assert not ended.wait(0.1)
        over.set()
    assert ended.wait(1.0)  # of the two seconds that it waits otherwise
