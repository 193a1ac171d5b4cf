"""Sessions in a real browser: recorded, analysed, opened, compared, taken home, deleted; against a real store."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect
from pypdf import PdfReader

from mimik.pipeline import Pipeline
from mimik.serve import create_app
from mimik.store import Store
from mimik.store.values import Draft, MarkerKind, Purpose
from mimik.types import Emotion
from tests.e2e.conftest import Visit, Visitor
from tests.e2e.recorded import film, keep
from tests.fakes import detection, fake_pipeline
from tests.integration.serve.test_jobs import Held
from tests.serving import Served, served

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600), pytest.mark.timing]

SOON = 30_000
PLACES = ("live", "analyse", "sessions", "compare", "settings")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store in a file."""
    with Store.open(tmp_path / "sessions.db") as store:
        yield store


@pytest.fixture
def server(store: Store) -> Iterator[Served]:
    """A server that keeps sessions and finds a happy face in every picture."""
    with served(create_app(fake_pipeline(detection(60, 60, 200)), store=store)) as server:
        yield server


def _go(visit: Visit, place: str) -> Locator:
    """Follow a link of the page's own navigation, and return the place."""
    visit.page.locator(f'.places a[data-place="{place}"]').click()
    section = visit.page.locator(f"#place-{place}")
    expect(section).to_be_visible()
    return section


def _record(page: Page, title: str, **fields: str) -> None:
    page.locator("#record").click(timeout=SOON)
    dialog = page.locator("#record-dialog")
    dialog.get_by_label("Title").fill(title)
    for label, text in fields.items():
        dialog.get_by_label(label.replace("_", " ")).fill(text)
    dialog.get_by_role("button", name="Start recording").click()
    expect(page.locator("#recording")).to_be_visible(timeout=SOON)


def _saved(page: Page, button: Locator, folder: Path) -> Path:
    with page.expect_download(timeout=SOON) as download:
        button.click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def _everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_record_mark_stop_open_report_delete(
    pipeline: Pipeline, store: Store, visit: Visitor, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The way of a newcomer, with the real networks; at its end nothing is left in the file."""
    home = tmp_path_factory.mktemp("downloads")
    with (
        served(create_app(pipeline, store=store)) as server,
        visit(server.address, locale="en-GB", color_scheme="light") as visitor,
    ):
        page = visitor.page
        page.locator("#start").click()
        page.locator('.card[data-label="happy"]').first.wait_for(timeout=SOON)
        expect(page.locator("#mood-bar")).to_have_attribute("aria-label", re.compile("Happy"))
        expect(page.locator("#stored")).to_have_text("Nothing is stored")

        _record(page, "Zebrafink trial", Tags="pilot, aviary", How_people_were_told_and_agreed="Asked aloud")
        expect(page.locator("#stored")).to_have_text(re.compile(r"^Recording numbers · 0:0[2-9]"), timeout=SOON)
        expect(page.locator("#recording-kept")).to_contain_text("No picture, no name")
        visitor.picture("recording-en-light")

        page.keyboard.press("Escape")  # leaves the field, and does not stop anything
        page.keyboard.press("m")
        page.keyboard.type("Quetzal appears", delay=60)
        page.keyboard.press("Enter")
        expect(page.locator("#marks li").first).to_contain_text("Quetzal appears")
        page.keyboard.press("Enter")  # a quick one, without a name of its own
        expect(page.locator("#marks li").first).to_contain_text("Marker 2")
        assert page.locator("body").get_attribute("data-state") == "live"

        session = _go(visitor, "sessions")
        expect(session.locator(".session-row")).to_contain_text("being recorded")
        before = page.locator("#stored-text").inner_text()
        expect(page.locator("#stored-text")).not_to_have_text(before, timeout=SOON)  # it goes on meanwhile
        _go(visitor, "live")

        page.get_by_role("button", name="Stop recording").click()
        page.get_by_role("link", name="Open the session “Zebrafink trial”").click()
        session = page.locator("#place-session")
        expect(session.locator("h1")).to_have_text("Zebrafink trial")
        expect(session.locator(".findings li").first).to_be_visible(timeout=SOON)
        expect(session.locator(".figure .main-svg").first).to_be_visible(timeout=SOON)
        expect(session.locator(".marker-list")).to_contain_text("Quetzal appears")
        visitor.picture("session-en-light")

        html = _saved(page, session.get_by_role("button", name="Report (HTML)"), home)
        assert html.name == "Zebrafink-trial.html"
        assert "Quetzal appears" in html.read_text("utf-8")
        pdf = _saved(page, session.get_by_role("button", name="Report (PDF)"), home)
        assert "Zebrafink trial" in PdfReader(pdf).pages[0].extract_text()
        csv = _saved(page, session.get_by_role("button", name="CSV", exact=True), home)
        assert csv.read_text("utf-8").count("\n") > 1

        assert b"Zebrafink" in _everything_in(tmp_path)
        (kept,) = store.sessions()
        session.get_by_role("button", name="Delete…").click()
        page.get_by_role("button", name="Delete for good").click()
        expect(page.locator("#place-sessions .empty")).to_contain_text("No sessions yet.", timeout=SOON)
        page.locator('.places a[data-place="live"]').click()
        page.locator("#stop").click()
        visitor.check()
    left = _everything_in(tmp_path)
    for word in ("Zebrafink", "Quetzal", "aviary", "Asked aloud", kept.id):
        assert word.encode() not in left, word
    with closing(sqlite3.connect(tmp_path / "sessions.db")) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        counts = {name: database.execute(f'SELECT COUNT(*) FROM "{name}"').fetchone()[0] for name in tables}
    assert {name for name, count in counts.items() if count} <= {"mimik_schema"}


def test_a_lesson_asks_for_its_ground_and_keeps_sums_alone(server: Served, store: Store, visit: Visitor) -> None:
    """The law is shown before, nothing begins without a ground, and nobody has a row."""
    with visit(server.address, locale="en-GB") as visitor:
        page = visitor.page
        page.locator("#start").click()
        page.locator("#record").click(timeout=SOON)
        dialog = page.locator("#record-dialog")
        dialog.get_by_label("Title").fill("Algebra")
        sums = dialog.get_by_role("switch", name="Only sums")
        clip = dialog.get_by_role("switch", name="blurred")
        expect(sums).not_to_be_checked()
        expect(clip).not_to_be_checked()
        dialog.get_by_label("Purpose").select_option("lesson")
        expect(dialog.locator(".legal")).to_contain_text("Article 5(1)(f)")
        expect(sums).to_be_checked()
        visitor.picture("lesson-en")
        start = dialog.get_by_role("button", name="Start recording")
        start.click()
        expect(dialog).to_be_visible()
        assert store.sessions() == ()
        dialog.get_by_label("The legal ground").fill("Research with consent of the parents")
        start.click()
        expect(page.locator("#stored")).to_have_text(re.compile(r"^Recording sums · 0:0[2-9]"), timeout=SOON)
        page.get_by_role("button", name="Pause recording").click()
        expect(page.locator("#stored")).to_have_text("Recording paused")
        page.get_by_role("button", name="Go on recording").click()
        page.keyboard.press("Escape")  # while it records, only the button stops
        page.locator("#stop").click()
        expect(page.locator("#message-text")).to_have_text("The readings so far are in the recording.")
        expect(page.locator("#recorded-link")).to_have_attribute("href", re.compile("^#/sessions/"))
        visitor.check()
    (kept,) = store.sessions()
    assert (kept.purpose, kept.ground) == (Purpose.LESSON, "Research with consent of the parents")
    assert kept.aggregate_only
    assert kept.people == 0
    assert [marker.kind for marker in store.markers(kept.id)] == [MarkerKind.PAUSE]


def test_a_rest_is_measured_and_what_is_not_being_saved_is_told(server: Served, store: Store, visit: Visitor) -> None:
    """A countdown; and a banner for as long as the server says that it cannot write."""
    waiting = {"unsaved_s": 7.2}

    def answer(route: Route) -> None:
        if route.request.method != "GET":
            route.continue_()
            return
        real = route.fetch()
        route.fulfill(response=real, json=real.json() | waiting)

    with visit(server.address, locale="en-GB") as visitor:
        page = visitor.page
        page.route("**/v1/live/*/recording", answer)
        page.locator("#start").click()
        _record(page, "Interview")
        page.get_by_role("button", name="Measure rest, 10 s").click()
        expect(page.locator("#rest")).to_have_text(re.compile(r"Resting… \d+ s"))
        expect(page.locator("#rest")).to_be_disabled()
        expect(page.locator("#unsaved")).to_contain_text("The last 8 s are not being saved", timeout=SOON)
        expect(page.locator("#stored")).to_have_text("Not being saved")
        waiting["unsaved_s"] = 0
        expect(page.locator("#unsaved")).to_be_hidden(timeout=SOON)
        expect(page.locator("#rest")).to_be_enabled(timeout=SOON)
        page.unroute_all(behavior="wait")
        page.get_by_role("button", name="Stop recording").click()
        page.locator("#saved a").click()
        expect(page.locator("#place-session").get_by_role("switch", name="Relative to rest")).to_be_attached()
        visitor.check()
    (kept,) = store.sessions()
    (rest,) = store.markers(kept.id)
    assert rest.kind is MarkerKind.BASELINE
    assert rest.end_s is not None
    assert rest.end_s - rest.time_s == pytest.approx(10, abs=0.5)


def test_a_recording_goes_on_while_the_tab_is_not_looked_at(server: Served, store: Store, visit: Visitor) -> None:
    """Headless Chromium hides no tab; what a hidden one is not told, new pictures and times to draw, is held back."""
    with visit(server.address, locale="en-GB") as visitor:
        page = visitor.page
        page.add_init_script(
            "HTMLVideoElement.prototype.requestVideoFrameCallback = () => 0; window.requestAnimationFrame = () => 0;"
        )
        page.reload()
        page.locator("html.spoken").wait_for()
        page.locator("#start").click()
        page.locator("#record").click(timeout=SOON)
        dialog = page.locator("#record-dialog")
        dialog.get_by_label("Title").fill("Out of sight")
        dialog.locator("[type=submit]").evaluate("button => button.click()")  # no animation frames: nothing is "stable"
        expect(page.locator("#stored")).to_have_text(re.compile(r"0:0[4-9]"), timeout=SOON)
        page.locator("#recording-stop").evaluate("button => button.click()")
        expect(page.locator("#saved a")).to_be_visible(timeout=SOON)
        visitor.check()
    (kept,) = store.sessions()
    seconds = store.aggregates(kept.id).of(0)
    assert seconds.frames.sum() >= 6
    assert len(seconds) >= 3, "the pictures came only at the beginning or the end"


def test_queue_from_upload_to_session(store: Store, visit: Visitor, tmp_path: Path) -> None:
    """Progress, a reload in its midst, cancelling, the session; a picture is refused in words."""
    held = Held()  # the first video is under way until the second is cancelled
    pipeline = fake_pipeline(detection(20, 20, 60), classifier=held)
    video = film(tmp_path / "walk.mp4", seconds=6)
    picture = tmp_path / "portrait.jpg"
    picture.write_bytes(b"\xff\xd8\xff")
    with (
        served(create_app(pipeline, store=store)) as server,
        visit(server.address, locale="en-GB") as visitor,
    ):
        page = visitor.page
        analyse = _go(visitor, "analyse")
        expect(analyse.locator(".empty")).to_be_visible()
        analyse.get_by_label("Title").fill("Walk in the park")
        choose = analyse.locator("#videos")
        choose.set_input_files([video, picture])
        expect(analyse.locator(".job", has_text="portrait.jpg")).to_contain_text("A picture has no course of time")
        job = analyse.locator(".job", has_text="walk.mp4").first
        expect(job).to_have_attribute("data-state", re.compile("queued|running"), timeout=SOON)
        analyse.get_by_label("Title").fill("Second walk")
        choose.set_input_files(video)
        second = analyse.locator(".job", has_text="Second walk")
        expect(second).to_be_visible(timeout=SOON)
        page.reload()
        second.get_by_role("button", name="Cancel").click()
        page.locator("dialog[open]").get_by_role("button", name="Cancel the analysis").click()
        expect(second).to_have_attribute("data-state", "cancelled", timeout=SOON)
        second.get_by_role("button", name="Remove").click()
        expect(second).to_have_count(0)
        visitor.picture("queue-en-light")
        held.let_go.set()
        job.get_by_role("link", name="Open the session").click(timeout=60_000)
        expect(page.locator("#place-session h1")).to_have_text("Walk in the park")
        visitor.check()
    (kept,) = store.sessions()
    assert not kept.live
    assert kept.duration_s == pytest.approx(6, abs=0.5)


def test_timeline_video_and_markers_move_together(server: Served, store: Store, visit: Visitor, tmp_path: Path) -> None:
    """The user's own video follows the strip, playing moves the cursor; markers are added, changed, loaded, deleted."""
    kept = keep(store, Draft("Spot"), Emotion.HAPPY, seconds=60, rest_s=10)
    own = film(tmp_path / "own.mp4", seconds=60, fps=4)
    table = tmp_path / "markers.csv"
    table.write_text("time,label\n0:30,chorus\n45,end titles\n", "utf-8")
    sent: list[str] = []
    with visit(f"{server.address}/#/sessions/{kept.id}", locale="en-GB") as visitor:
        page = visitor.page
        page.on("request", lambda request: sent.append(request.method + request.url))
        session = page.locator("#place-session")
        strip = session.get_by_role("slider")
        expect(strip).to_have_attribute("aria-valuemax", "60", timeout=SOON)
        session.locator("#film-file").set_input_files(own)
        video = session.locator("video.film")
        expect(video).to_have_js_property("readyState", 4, timeout=SOON)
        box = strip.bounding_box()
        assert box is not None
        strip.click(position={"x": box["width"] / 2, "y": 20})
        expect(strip).to_have_attribute("aria-valuetext", "0:29 of 0:59")
        assert video.evaluate("video => video.currentTime") == pytest.approx(30, abs=1)
        strip.press("ArrowRight")
        expect(strip).to_have_attribute("aria-valuenow", "35")
        video.evaluate("video => video.play()")
        expect(strip).to_have_attribute("aria-valuenow", re.compile(r"^(3[6-9]|[45]\d)$"), timeout=SOON)
        video.evaluate("video => video.pause()")
        assert not [request for request in sent if request.startswith("POST")], "the video was sent somewhere"

        chart = session.locator('[data-figure="timeline"] .nsewdrag').first
        expect(chart).to_be_visible(timeout=SOON)
        drawn = chart.bounding_box()
        assert drawn is not None
        chart.click(position={"x": drawn["width"] / 4, "y": drawn["height"] / 2})
        expect(strip).to_have_attribute("aria-valuenow", re.compile("2[1-3]"))  # it begins after the rest

        markers = session.locator(".marker-list li")
        expect(markers).to_have_count(1)  # the rest
        form = session.locator(".markers > .marker-form")
        form.get_by_label("When").fill("0:20")
        form.get_by_label("Name").fill("verse")
        form.get_by_role("button", name="Add marker").click()
        expect(markers.nth(1)).to_contain_text("verse")
        session.locator("#marker-csv").set_input_files(table)
        expect(markers).to_have_count(4)
        verse = markers.filter(has_text="verse")
        verse.get_by_role("button", name="Change").click()
        session.locator(".marker-list").get_by_label("Name").fill("first verse")
        session.locator(".marker-list").get_by_role("button", name="Save").click()
        expect(markers.nth(1)).to_contain_text("first verse")
        markers.filter(has_text="chorus").get_by_role("button", name="Delete").click()
        page.locator("dialog[open]").get_by_role("button", name="Delete").click()
        expect(markers).to_have_count(3)

        session.get_by_role("switch", name="Relative to rest").focus()
        page.keyboard.press("Space")
        expect(session.locator(".figures-grid")).to_contain_text("rest", timeout=SOON)
        session.get_by_role("button", name="Edit…").click()
        page.locator("dialog[open]").get_by_label("Title").fill("Spot, second cut")
        page.locator("dialog[open]").get_by_role("button", name="Save").click()
        expect(session.locator("h1")).to_have_text("Spot, second cut")
        visitor.check()
    assert [(marker.time_s, marker.label) for marker in store.markers(kept.id) if marker.label] == [
        (20, "first verse"),
        (45, "end titles"),
    ]


def test_wrong_markers_are_refused_in_words_and_nothing_is_lost(
    server: Served, store: Store, visit: Visitor, tmp_path: Path
) -> None:
    kept = keep(store, Draft("Spot"), Emotion.HAPPY, seconds=30)
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("time,label\nnoon,lunch\n", "utf-8")
    with visit(f"{server.address}/#/sessions/{kept.id}", locale="en-GB") as visitor:
        session = visitor.page.locator("#place-session")
        form = session.locator(".markers > .marker-form")
        form.get_by_label("When").fill("half past")
        form.get_by_label("Name").fill("lunch")
        form.get_by_role("button", name="Add marker").click()
        told = session.locator(".markers .trouble")
        expect(told).to_contain_text("That is not a time.")
        expect(form.get_by_label("Name")).to_have_value("lunch")
        session.locator("#marker-csv").set_input_files(wrong)
        expect(told).to_contain_text("noon")
        visitor.page.evaluate("location.hash = '#/sessions/nosuchone'")
        expect(session.locator(".trouble").first).to_contain_text("no such session")
    assert store.markers(kept.id) == ()


def test_compare_two(server: Served, store: Store, visit: Visitor, tmp_path: Path) -> None:
    """A plain sentence, a figure, a warning where data are thin, and the report."""
    for title, mood in (("Kitchen cut", Emotion.NEUTRAL), ("Garden cut", Emotion.HAPPY)):
        keep(store, Draft(title, Purpose.ADVERTISEMENT, ("autumn",)), mood)
    with visit(server.address, locale="en-GB") as visitor:
        page = visitor.page
        compare = _go(visitor, "compare")
        start = compare.get_by_role("button", name="Compare", exact=True)
        expect(start).to_be_disabled()
        compare.get_by_role("button", name="Kitchen cut: side A").click()
        compare.get_by_role("button", name="Garden cut: side B").click()
        start.click()
        expect(compare.locator(".findings li").first).to_be_visible(timeout=SOON)
        expect(compare.locator(".findings")).to_contain_text("Garden cut")
        expect(compare.locator(".warnings")).to_be_visible()
        expect(compare.locator(".figure .main-svg").first).to_be_visible(timeout=SOON)
        assert re.search(r"#/compare\?a=\w+&b=\w+$", page.url)
        visitor.picture("compare-en-light")
        html = _saved(page, compare.get_by_role("button", name="Report (HTML)"), tmp_path)
        assert "Garden cut" in html.read_text("utf-8")
        page.reload()
        expect(compare.locator(".findings li").first).to_be_visible(timeout=SOON)
        visitor.check()


def test_list_is_searched_and_filtered_and_hours_are_shown(server: Served, store: Store, visit: Visitor) -> None:
    keep(store, Draft("Counter, Monday", Purpose.OTHER, ("shop",)), Emotion.HAPPY, seconds=60)
    keep(store, Draft("Interview", Purpose.INTERVIEW), Emotion.SAD, seconds=60)
    with visit(f"{server.address}/#/sessions", locale="en-GB") as visitor:
        place = visitor.page.locator("#place-sessions")
        rows = place.locator(".session-row")
        expect(rows).to_have_count(2)
        place.get_by_label("Search").press_sequentially("counter")
        expect(rows).to_have_count(1)
        expect(rows).to_contain_text("Counter, Monday")
        place.get_by_role("button", name="Mood by hour").click()
        expect(place.locator("#hours .main-svg").first).to_be_visible(timeout=SOON)
        place.get_by_label("Purpose").select_option("interview")
        expect(place.locator(".empty")).to_contain_text("No session fits")
        place.get_by_role("button", name="Show all sessions").click()
        expect(rows).to_have_count(2)
        place.get_by_label("Tag", exact=True).select_option("shop")
        expect(rows).to_have_count(1)
        rows.get_by_role("link").press("Enter")
        expect(visitor.page.locator("#place-session h1")).to_have_text("Counter, Monday")
        visitor.check()


def test_delete_everything_wants_the_words(server: Served, store: Store, visit: Visitor, tmp_path: Path) -> None:
    keep(store, Draft("Zebrafink"), Emotion.HAPPY, seconds=10)
    with visit(server.address, locale="en-GB") as visitor:
        page = visitor.page
        settings = _go(visitor, "settings")
        expect(settings.locator("dl").last).to_contain_text("sessions.db")
        expect(settings.locator(".model").first).to_contain_text("FER-2013")
        settings.get_by_role("button", name="Delete everything…").click()
        agree = page.locator("dialog[open]").get_by_role("button", name="Delete everything")
        expect(agree).to_be_disabled()
        page.keyboard.press("Escape")
        assert len(store.sessions()) == 1
        settings.get_by_role("button", name="Delete everything…").click()
        page.locator("dialog[open]").get_by_role("textbox").fill("delete everything")
        agree.click()
        expect(settings).to_contain_text("Everything is deleted.", timeout=SOON)
        visitor.check()
    assert store.sessions() == ()
    assert b"Zebrafink" not in _everything_in(tmp_path)


def test_turkish_everywhere_on_phone_and_desk(server: Served, store: Store, visit: Visitor) -> None:
    """All places speak Turkish (the page warns of every text that has none) and fit the window."""
    first = keep(store, Draft("Mutfak", Purpose.ADVERTISEMENT, ("güz",)), Emotion.HAPPY, seconds=60, rest_s=10)
    second = keep(store, Draft("Bahçe", Purpose.ADVERTISEMENT, ("güz",)), Emotion.SAD, seconds=60)
    pages = {
        "analyse": "Video çözümle",
        "sessions": "Oturumlar",
        f"sessions/{first.id}": "Mutfak",
        f"compare?a={first.id}&b={second.id}": "Karşılaştır",
        "settings": "Ayarlar ve gizlilik",
    }
    with visit(server.address, 390, 844, locale="tr-TR", color_scheme="dark") as visitor:
        page = visitor.page
        page.locator("#start").click()
        page.locator("#record").click(timeout=SOON)
        dialog = page.locator("#record-dialog")
        dialog.locator("select").first.select_option("shop")
        expect(dialog.locator(".legal")).to_contain_text("6698")
        visitor.picture("record-tr-phone")
        page.locator("#record-cancel").click()
        for place, heading in pages.items():
            page.evaluate("hash => { location.hash = hash; }", f"#/{place}")
            here = page.locator(".place:visible")
            expect(here.locator("h1")).to_have_text(heading)
            if place == "sessions":
                here.get_by_role("button", name="Saate ve haftanın gününe göre").click()
            if place == "settings":
                expect(here.locator(".model").first).to_contain_text(
                    re.compile(r"%\d\d,\d \(%95 aralığı .*\(model seçiminde, .* sıfırdan eğitildi")
                )
            if place.startswith(("sessions", "compare")):
                expect(here.locator(".main-svg").first).to_be_visible(timeout=SOON)
            for width in (390, 1280):
                page.set_viewport_size({"width": width, "height": 844})
                expect(page.locator("html")).to_have_js_property("scrollWidth", width)
                visitor.picture(f"{re.sub('[^a-z].*', '-one' if '/' in place else '', place)}-tr-{width}")
        visitor.check()


def test_without_a_database_the_live_place_stays_whole(visit: Visitor) -> None:
    """Nothing can be recorded, and the other places say why."""
    with served(create_app(fake_pipeline())) as server, visit(server.address, locale="en-GB") as visitor:
        page = visitor.page
        page.locator("#start").click()
        page.locator(".card").first.wait_for(timeout=SOON)
        expect(page.locator("#record")).to_be_hidden()
        visitor.check()
        page.locator('.places a[data-place="sessions"]').click()
        expect(page.locator("#place-sessions .trouble")).to_contain_text("without a database")
