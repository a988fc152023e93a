"""The page in a real Chromium: accessible, silent on the network, and everything that can be clicked works."""

from __future__ import annotations

import io
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import report_examples as examples

from analyzer.diagnose.finding import DeadMan, Permanent
from analyzer.report.formats import html
from analyzer.report.steps import portions

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-quic",
]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists() and not shutil.which("chromium"), reason="Chromium is not installed"),
]


KEPT = replace(examples.CLASSIC, findings=(replace(examples.BYPASS, fixes=(replace(
    examples.IPROUTE2, dead_man=DeadMan("systemd-run x", "systemctl stop x"), permanent=(
        Permanent("linux-netplan", "netplan", ("netplan try",), ("rm x && netplan apply",), executed=True),
        Permanent("linux-nmcli", "NetworkManager", ("nmcli device reapply eth0",)),
    )),)),))
"""The classic case with a way back and a form for each of two network managers."""


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    path = str(CHROMIUM) if CHROMIUM.exists() else shutil.which("chromium")
    with playwright.sync_playwright() as engine:
        chromium = engine.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    for name, diagnosis in {**examples.ALL, "crowd": examples.crowd(100_000), "kept": KEPT}.items():
        out = io.StringIO()
        html.write(diagnosis, out)
        (folder / f"{name}.html").write_text(out.getvalue(), "utf-8")
    return {path.stem: path.as_uri() for path in folder.iterdir()}


class Visit:
    """A page, and all that it did: requests, messages, errors."""

    def __init__(self, browser, uri, **options):
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.requests, self.messages = [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.messages.append(message.text))
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))
        self.page.goto(uri)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()


@pytest.mark.parametrize("name", [*examples.ALL, "crowd"])
def test_the_page_makes_no_request_and_says_nothing_on_the_console(browser, pages, name):
    with Visit(browser, pages[name]) as visit:
        assert visit.requests == [pages[name]]
        assert visit.messages == []
        assert visit.page.evaluate("window.hit") is None


@pytest.mark.parametrize(("name", "scheme"), [
    ("three", "light"), ("three", "dark"), ("classic", "dark"), ("cannot-tell", "light"), ("hostile", "light"), ("kept", "dark"),
])
def test_axe_finds_no_violation(browser, pages, name, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    with Visit(browser, pages[name], color_scheme=scheme, bypass_csp=True) as visit:
        result = axe.Axe().run(visit.page)
        assert [(v["id"], [n["html"][:200] for n in v["nodes"]]) for v in result.response["violations"]] == []


def test_axe_finds_no_violation_on_a_phone_with_everything_open(browser, pages):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    with Visit(browser, pages["three"], bypass_csp=True, viewport={"width": 360, "height": 740}) as visit:
        visit.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        visit.page.evaluate("document.querySelectorAll('.toggle').forEach(t => t.checked = true)")
        assert axe.Axe().run(visit.page).response["violations"] == []
        assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def wanted_copies():
    """Every copy button's text, in the order of the page: permanent forms one by one, and each once."""
    finding = examples.BYPASS
    texts = [*(e.filter for e in finding.evidence), finding.filter]
    shown = set()
    for fix in finding.fixes:
        texts += ["\n".join(part) for part in (fix.check, fix.commands, fix.verify, fix.undo) if part]
        for title, commands in portions(fix.persist):
            if not title or (title, commands) not in shown:
                texts.append("\n".join(commands))
            shown.add((title, commands))
    return [*texts, examples.CLASSIC.command]


def test_copy_buttons_copy_exactly_the_commands(browser, pages):
    with Visit(browser, pages["classic"], permissions=["clipboard-read", "clipboard-write"]) as visit:
        page = visit.page
        buttons = page.locator("button.copy")
        copied = []
        for number in range(buttons.count()):
            buttons.nth(number).dispatch_event("click")     # also those in a closed tab
            page.wait_for_function("n => document.querySelectorAll('button.copy')[n].textContent === 'Copied'",
                                   arg=number)
            copied.append(page.evaluate("navigator.clipboard.readText()"))
        assert copied == wanted_copies()


def test_the_mouse_marks_exactly_the_commands(browser, pages):
    with Visit(browser, pages["classic"]) as visit:
        fix = examples.IPROUTE2
        marked = visit.page.evaluate(
            "getSelection().selectAllChildren(document.querySelector('#RP101-fix1-1-persist pre')) || "
            "document.querySelector('#RP101-fix1-1-persist-tab').click() || getSelection().toString()")
        assert marked == "\n".join(fix.persist[1:3])


def test_tabs_follow_mouse_and_keyboard(browser, pages):
    with Visit(browser, pages["classic"]) as visit:
        page = visit.page
        way = page.locator("#RP101-fix1")
        assert way.get_by_text("ip route add 192.168.11.50/32").first.is_visible()
        way.get_by_role("tab", name="Windows (route)").click()
        assert way.get_by_text("route add 192.168.11.50 mask").first.is_visible()
        assert not way.get_by_text("ip route add 192.168.11.50/32").first.is_visible()
        page.keyboard.press("ArrowRight")     # round to the first
        assert page.evaluate("document.activeElement.id") == "RP101-fix1-1-tab"
        assert way.get_by_text("ip route add 192.168.11.50/32").first.is_visible()
        page.keyboard.press("End")
        assert page.evaluate("document.activeElement.textContent") == "Windows (route)"
        steps = page.locator("#RP101-fix1-3 [role=tab]")
        assert steps.all_text_contents() == ["Look first", "Apply", "Verify", "Undo", "Permanent"]
        assert page.locator("#RP101-fix1-3 [role=tab][aria-selected=true]").text_content() == "Apply"
        page.locator("#RP101-fix1-3").get_by_role("tab", name="Undo").click()
        assert page.locator("#RP101-fix1-3-undo").is_visible()
        assert not page.locator("#RP101-fix1-3-commands").is_visible()


@pytest.mark.parametrize(("anchor", "shown"), [
    ("RP101", "#RP101-h"),
    ("RP101-c0-f6", "#RP101-c0-f6"),
    ("RP101-fix1-3-undo", "#RP101-fix1-3-undo pre"),     # inside two closed tabs
    ("cannot-tell", "#cannot-tell pre"),
])
def test_deep_links_lead_to_something_that_is_shown(browser, pages, anchor, shown):
    with Visit(browser, f"{pages['three']}#{anchor}") as visit:
        visit.page.locator(shown).wait_for(state="visible")
        visit.page.wait_for_function(
            "s => { const r = document.querySelector(s).getBoundingClientRect(); return r.top < innerHeight }",
            arg=shown)


def test_the_fixed_path_is_shown_on_demand_and_without_script(browser, pages):
    with Visit(browser, pages["classic"], java_script_enabled=False) as visit:
        page = visit.page
        assert not page.get_by_text("the reply with the fix").is_visible()
        assert page.get_by_text("the reply never came here").is_visible()
        page.get_by_label("Show the reply's way with the fix").check()
        assert page.get_by_text("the reply with the fix").is_visible()
        assert not page.get_by_text("the reply never came here").is_visible()


def test_without_script_every_command_of_every_tab_is_there(browser, pages):
    with Visit(browser, pages["classic"], java_script_enabled=False) as visit:
        page = visit.page
        closed = page.locator("details:not([open]) > summary:visible")
        while closed.count():
            closed.first.click()
        blocks = page.locator("pre")
        assert blocks.count() > 12
        for number in range(blocks.count()):
            assert blocks.nth(number).is_visible()
        assert page.locator("button.copy:visible").count() == 0
        assert page.locator(".controls:visible").count() == 0
        assert page.get_by_role("heading", name="Undo").count() == 5


def test_on_paper_every_tab_and_every_trace_is_there(browser, pages):
    with Visit(browser, pages["classic"]) as visit:
        page = visit.page
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        page.emulate_media(media="print")
        for number in range(page.locator("pre").count()):
            assert page.locator("pre").nth(number).is_visible()
        for number in range(page.locator(".traces").count()):
            assert page.locator(".traces").nth(number).is_visible()
        assert page.locator("button.copy:visible, [role=tab]:visible, .controls:visible").count() == 0
        assert len(page.pdf()) > 20_000


def test_the_table_filters_and_sorts(browser, pages):
    with Visit(browser, pages["classic"]) as visit:
        page = visit.page
        rows = page.locator("#connections tbody tr:visible")
        output = page.locator("form.controls output")
        assert rows.count() == 36
        assert output.text_content() == "36 of 36 rows"
        page.get_by_label("Filter").fill("192.168.11.50 bypass")
        assert (rows.count(), output.text_content()) == (12, "12 of 36 rows")
        page.get_by_label("Filter").fill("")
        page.get_by_label("Outcome").select_option("established")
        assert rows.count() == 24
        page.get_by_label("Outcome").select_option("")
        column = page.locator("#connections thead th", has_text="Client")
        column.get_by_role("button").click()
        assert column.get_attribute("aria-sort") == "ascending"
        clients = page.locator("#connections tbody tr td:nth-child(1)").all_text_contents()
        key = [[int(n) for n in re.split(r"[.:]", client)] for client in clients]
        assert key == sorted(key)
        column.get_by_role("button").click()
        assert column.get_attribute("aria-sort") == "descending"
        assert page.locator("#connections tbody tr td:nth-child(1)").all_text_contents() == clients[::-1]
        time = page.locator("#connections thead th", has_text="Time")
        time.get_by_role("button").press("Enter")
        values = [float(v) for v in page.locator("#connections tbody tr td:nth-child(8)").all_text_contents()]
        assert values == sorted(values)


def test_a_hundred_thousand_connections_stay_usable(browser, pages):
    with Visit(browser, pages["crowd"]) as visit:
        page = visit.page
        assert page.get_by_text("further rows").is_visible()
        assert page.locator("#connections tbody tr").count() <= 1000
        page.get_by_label("Outcome").select_option("bypass")
        assert page.locator("#connections tbody tr:visible").count() > 0
        assert page.locator(".counts").text_content() == "14,286 bypass85,714 established"


def test_no_name_is_too_long_for_a_phone(browser, pages):
    with Visit(browser, pages["hostile"], viewport={"width": 360, "height": 740}) as visit:
        assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_hostile_text_runs_nothing_and_shows_as_text(browser, pages):
    with Visit(browser, pages["hostile"]) as visit:
        assert visit.page.evaluate("window.hit") is None
        assert visit.page.locator("script").count() == 1
        assert visit.page.get_by_text("<script>window.hit=1</script>").count() > 5
        assert visit.messages == []


def test_each_network_manager_has_a_tab_and_the_way_back_stands_before_the_commands(browser, pages):
    with Visit(browser, pages["kept"], permissions=["clipboard-read", "clipboard-write"]) as visit:
        page = visit.page
        steps = page.locator("#RP101-fix1-1 > .steps > [role=tablist] > [role=tab]")
        assert steps.all_text_contents() == ["Look first", "Way back", "Apply", "Verify", "Undo", "Permanent"]
        steps.nth(1).click()
        assert page.get_by_text("systemd-run x").is_visible()
        steps.nth(5).click()
        assert page.get_by_text("netplan try").is_visible()
        page.get_by_role("tab", name="NetworkManager").click()
        assert not page.get_by_text("netplan try").is_visible()
        page.locator("#RP101-fix1-1-persist-2 button.copy").click()
        page.locator("#RP101-fix1-1-persist-2 button.copy", has_text="Copied").wait_for()
        assert page.evaluate("navigator.clipboard.readText()") == "nmcli device reapply eth0"


def test_fields_and_octets_of_a_frame_are_shown_on_demand(browser, pages):
    with Visit(browser, pages["classic"], java_script_enabled=False) as visit:
        page = visit.page
        dump = page.get_by_text("0000  02 00 00 00 11 04")
        assert not dump.is_visible()
        page.get_by_text("Decoded fields and octets").first.click()
        assert dump.is_visible()
        assert page.get_by_text("destination 02:00:00:00:11:04").first.is_visible()
