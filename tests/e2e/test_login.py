"""The page of a server that wants keys, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from mimik.store.values import SessionState
from tests.e2e.conftest import Visit, Visitor
from tests.e2e.doors import NAME, Doors, certificate, doors
from tests.serving import served

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400), pytest.mark.timing]

SOON = 30_000
WRONG = "mimik_abcdefgh_" + "x" * 64


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Doors]:
    """A server behind keys over TLS."""
    with doors(tmp_path, certificate(tmp_path)) as server:
        yield server


def _enter(page: Page, token: str) -> None:
    page.get_by_label("Key", exact=True).fill(token)
    page.keyboard.press("Enter")


def _start(page: Page) -> None:
    page.get_by_role("button", name="Start camera").click()
    page.locator('.card[data-label="happy"]').first.wait_for(timeout=SOON)


def _record(page: Page, title: str) -> None:
    page.get_by_role("button", name="Record…").click()
    dialog = page.locator("#record-dialog")
    dialog.get_by_label("Title").fill(title)
    for box in dialog.get_by_role("checkbox").all():
        if "agree" in (box.get_attribute("name") or ""):
            box.check()
    dialog.get_by_role("button", name="Start recording").click()
    expect(page.locator("#recording-title")).to_have_text("Recording", timeout=SOON)


def _unexpected(visit: Visit) -> list[str]:
    """Troubles but for refusals, and a header that plain HTTP has no use for: both are told on the console."""
    told = ("Failed to load resource", "Cross-Origin-Opener-Policy header has been ignored")
    return [said for said in visit.troubles if not any(part in said for part in told)]


def test_wrong_key_right_key_live_view_recording_and_log_out_over_tls(locked: Doors, visit: Visitor) -> None:
    token = locked.key("Ayşe")
    with visit(f"https://{NAME}:{locked.port}/", ignore_https_errors=True, locale="en-GB") as visitor:
        page = visitor.page
        expect(page.get_by_role("heading", name="Log in")).to_be_visible()
        expect(page.get_by_role("navigation")).to_be_hidden()
        expect(page.get_by_label("Key", exact=True)).to_be_focused()
        visitor.picture("login-en")
        _enter(page, WRONG)
        expect(page.get_by_role("alert").filter(has_text="not accepted")).to_be_visible()
        assert locked.answers.count(("/v1/login", 401)) == 1
        page.get_by_role("button", name="Türkçe").click()
        expect(page.get_by_role("alert").filter(has_text="kabul edilmiyor")).to_be_visible()
        visitor.picture("login-wrong-tr")
        page.get_by_role("button", name="English").click()
        _enter(page, token)

        expect(page.locator("#facts")).to_contain_text("goes to the computer that runs Mimik")
        (cookie,) = page.context.cookies()
        assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Strict")
        assert token not in str(cookie)
        assert "Ayşe" not in page.evaluate("document.cookie")
        _start(page)
        _record(page, "Behind the door")
        page.wait_for_timeout(1500)
        page.get_by_role("button", name="Stop recording").click()
        expect(page.locator("#saved")).to_contain_text("The recording is saved.", timeout=SOON)
        page.reload()
        page.locator("html.spoken").wait_for()
        page.get_by_role("link", name="Sessions").click()
        expect(page.locator(".session-list")).to_contain_text("Behind the door", timeout=SOON)

        page.get_by_role("link", name="Settings").click()
        access = page.locator(".card-box", has_text="Access").first
        expect(access).to_contain_text("“Ayşe”")
        expect(access).to_contain_text("sessions and videos")
        visitor.picture("settings-logged-in-en")
        access.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("heading", name="Log in")).to_be_visible()
        assert page.evaluate("fetch('/v1/sessions').then((answer) => answer.status)") == 401
        assert _unexpected(visitor) == []


def test_revoked_key_ends_the_page_and_keeps_what_was_recorded(locked: Doors, visit: Visitor) -> None:
    token = locked.key("Ayşe")
    with visit(f"https://{NAME}:{locked.port}/", ignore_https_errors=True, locale="en-GB") as visitor:
        page = visitor.page
        _enter(page, token)
        _start(page)
        _record(page, "Cut short")
        page.wait_for_timeout(1500)
        locked.keyring.revoke(token.split("_")[1])
        expect(page.get_by_role("heading", name="Log in")).to_be_visible(timeout=SOON)
        expect(page.get_by_role("alert").filter(has_text="This page is logged out")).to_be_visible()
        expect(page.locator("body")).to_have_attribute("data-state", "stopped", timeout=SOON)
        assert page.evaluate("document.getElementById('video').srcObject") is None, "the camera runs behind the door"
        visitor.picture("revoked-en")
        _enter(page, token)
        expect(page.get_by_role("alert").filter(has_text="not accepted")).to_be_visible()
        _enter(page, locked.key("Mehmet"))
        expect(page.get_by_role("heading", name="Mimik ended the connection")).to_be_visible()
        visitor.picture("back-en")
        page.get_by_role("link", name="Cut short").click()
        expect(page.locator("#place-session h1")).to_have_text("Cut short", timeout=SOON)
        (session,) = locked.store.sessions()
        assert session.state is SessionState.DONE
        assert session.duration_s > 1
        assert _unexpected(visitor) == []


def test_recording_goes_on_behind_the_door_when_only_the_login_is_gone(locked: Doors, visit: Visitor) -> None:
    token = locked.key("Ayşe")
    with visit(f"https://{NAME}:{locked.port}/", ignore_https_errors=True, locale="en-GB") as visitor:
        page = visitor.page
        _enter(page, token)
        _start(page)
        _record(page, "Whole")
        page.context.clear_cookies()
        expect(page.get_by_role("heading", name="Log in")).to_be_visible(timeout=SOON)
        expect(page.locator("#stored")).to_contain_text("Recording numbers")
        _enter(page, token)
        expect(page.locator("#recording-title")).to_have_text("Recording")
        expect(page.locator("#unsaved")).to_be_hidden()
        page.get_by_role("button", name="Stop recording").click()
        expect(page.locator("#saved")).to_contain_text("The recording is saved.", timeout=SOON)
        assert _unexpected(visitor) == []


def test_places_say_what_the_key_does_not_allow(locked: Doors, visit: Visitor) -> None:
    with visit(f"https://{NAME}:{locked.port}/#/sessions", ignore_https_errors=True, locale="en-GB") as visitor:
        page = visitor.page
        _enter(page, locked.key("Wall", "live"))
        expect(page.locator("#place-lacking")).to_contain_text("The key “Wall” does not allow this place")
        expect(page.get_by_role("heading", name="Sessions")).to_be_focused()
        visitor.picture("lacking-en")
        page.get_by_role("link", name="Settings").click()
        expect(page.get_by_text("that takes “admin”")).to_be_visible()
        expect(page.get_by_role("button", name="Delete everything…")).to_be_hidden()
        page.get_by_role("link", name="Live").click()
        _start(page)
        assert visitor.troubles == []


def test_address_without_tls_says_why_there_is_no_camera(tmp_path: Path, visit: Visitor) -> None:
    with doors(tmp_path) as server, visit(f"http://{NAME}:{server.port}/", locale="en-GB") as visitor:
        page = visitor.page
        expect(page.get_by_text("This page is not encrypted")).to_be_visible()
        visitor.picture("login-unencrypted-en")
        _enter(page, server.key("Ayşe"))
        expect(page.locator("#message")).to_contain_text("HTTPS")
        expect(page.locator("#message")).to_contain_text("docs/server.md")
        expect(page.locator("#start")).to_be_hidden()
        visitor.picture("no-camera-en")
        page.get_by_role("link", name="Sessions").click()
        expect(page.locator("#place-sessions")).to_contain_text("No sessions yet", timeout=SOON)
        assert _unexpected(visitor) == []


_TRY = """async (server) => {
  const closed = (socket) => new Promise((done) => {
    socket.onopen = () => done("open");
    socket.onclose = () => done("closed");
  });
  const tried = async (options) => {
    try {
      const answer = await fetch(`${server}/v1/sessions`, { credentials: "include", ...options });
      return (await answer.text()) ? "read" : "empty";
    } catch {
      return "refused";
    }
  };
  const ways = [{}, { mode: "no-cors" }, { mode: "no-cors", method: "POST" }];
  const told = [];
  for (const way of ways) told.push(await tried(way));
  return [...told, await closed(new WebSocket(`${server.replace("http", "ws")}/ws/camera`))];
}"""


def test_page_of_another_origin_cannot_use_the_login(tmp_path: Path, browser: Browser) -> None:
    """Another port of the same host is the same site: the browser sends the cookie along, whatever its SameSite."""
    foreign = Starlette(routes=[Route("/", lambda request: HTMLResponse("<title>Another page</title>"))])
    with doors(tmp_path) as server, served(foreign) as other, browser.new_context() as context:
        own = context.new_page()
        own.goto(f"http://127.0.0.1:{server.port}/")
        _enter(own, server.key("Ayşe"))
        own.get_by_role("button", name="Start camera").wait_for()
        address = f"http://127.0.0.1:{server.port}"
        assert own.evaluate(_TRY, address) == ["read", "read", "read", "open"]
        server.answers.clear()
        page = context.new_page()
        page.goto(other.address)
        assert page.evaluate(_TRY, address) == ["refused", "refused", "refused", "closed"]
        refused = [status for path, status in server.answers if path in ("/v1/sessions", "/ws/camera")]
        assert refused == [403, 403, 403, 1008]
