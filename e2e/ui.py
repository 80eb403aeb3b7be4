"""Drives the page in headless Chromium, as a person would, against a running server.

usage: ui.py URL SAMPLES SCREENSHOTS

Adds files, asks, follows a citation to the highlighted passage, deletes, and
looks at the states in which something is missing or wrong. A console error, a
request to anywhere else than the server, or an unlabelled control fails the run.
"""

import pathlib
import sys
import tempfile

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

import page
from page import Page, api, browser, step

SAMPLES = pathlib.Path(sys.argv[2]).resolve()
page.use(sys.argv[1], sys.argv[3])
QUESTION = "How does the heat pump kill legionella bacteria?"


def empty_state(p):
    step("an empty server says what to do")
    p.open("/")
    p.until("the welcome", lambda: p.id("welcome").is_displayed())
    assert not p.id("ask-button").is_enabled(), "there is nothing to ask"
    assert p.id("empty").is_displayed(), "the list must say that it is empty"
    p.check_labels()
    p.shot("empty")
    p.check()


def add_files(p):
    step("files are added, each with its own verdict")
    with tempfile.TemporaryDirectory() as folder:
        broken = pathlib.Path(folder, "broken.pdf")
        broken.write_bytes(b"%PDF-1.7\nthis is not the rest of a PDF")
        files = sorted(f for f in SAMPLES.iterdir() if f.suffix in (".pdf", ".md", ".docx", ".html") and f.name != "README.md") + [broken]
        p.id("files").send_keys("\n".join(str(f) for f in files))
        p.until("every verdict", lambda: len(p.css("#documents li")) == len(files) - 1)
        p.until("the fault of the broken file", lambda: "1 failed" in p.id("uploads").text and "broken.pdf: the PDF is damaged" in p.id("uploads").text)
    assert p.id("count").text == str(len(files) - 1)
    p.shot("files")
    def job():
        return api("GET", "/api/v1/collections/default/jobs?order=desc&limit=1")["jobs"][0]
    before = job()["updated_at"]
    p.press("#uploads button", "Try again")
    p.until("another try", lambda: job()["state"] == "done" and job()["updated_at"] != before)
    p.until("the same verdict again", lambda: "4 added, 1 failed" in p.id("uploads").text)
    p.press("#uploads button", "Dismiss")
    p.until("it to be gone", lambda: "broken.pdf" not in p.id("uploads").text)
    p.check()


def ask_and_follow(p):
    step("a question is answered with citations")
    p.ask(QUESTION, by_key=True)
    assert "62 degrees" in p.id("answer").text, p.id("answer").text
    markers, sources = p.css("#answer .marker"), p.css("#sources .source")
    assert markers and len(sources) >= 1, "no citations"
    assert p.id("answer").get_attribute("aria-busy") == "false"
    p.until("the upload lines to go", lambda: not p.css("#uploads li"), 20)
    p.d.execute_script("document.activeElement.blur(); window.scrollTo(0, 0)")
    p.check_labels()
    p.shot("answer")
    quote = sources[0].find_element(By.TAG_NAME, "q").get_attribute("textContent")
    place = sources[0].find_element(By.CLASS_NAME, "place").text

    step("a click on the citation leads to the page, with the quoted words marked")
    markers[0].click()
    p.until("the marked page", lambda: p.css("#marks .mark"))
    assert p.id("paper").is_displayed() and not p.id("text").is_displayed()
    box = p.d.execute_script("""
        const s = document.getElementById('sheet').getBoundingClientRect();
        return [...document.querySelectorAll('#marks .mark')].map((m) => m.getBoundingClientRect())
          .map((m) => ({in: m.left >= s.left - 2 && m.right <= s.right + 2 && m.top >= s.top - 2 && m.bottom <= s.bottom + 2, top: m.top / innerHeight, wide: m.width}))""")
    assert all(b["in"] and b["wide"] > 5 for b in box) and 0 < box[0]["top"] < 1, box
    ink = p.d.execute_script("""
        const c = document.getElementById('picture');
        const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
        let dark = 0;
        for (let i = 0; i < d.length; i += 4) if (d[i] < 128) dark++;
        return dark / (d.length / 4)""")
    assert 0.005 < ink < 0.5, f"the page is blank or black: {ink}"
    assert "quoted words" in p.id("number").text
    squeeze = lambda s: "".join(s.split())
    assert squeeze(quote) in squeeze(p.id("marks").get_attribute("aria-label"))
    assert p.id("picture").get_attribute("aria-label").startswith("Page ")
    p.check_labels()
    p.shot("page")

    step("pages turn by button and by key")
    first = p.id("number").text.split(",")[0]
    other, back = ("previous", Keys.ARROW_RIGHT) if p.id("next").get_attribute("disabled") else ("next", Keys.ARROW_LEFT)
    p.id(other).click()
    p.until("another page", lambda: not p.id("number").text.startswith(first))
    p.d.find_element(By.TAG_NAME, "body").send_keys(back)
    p.until("the page again", lambda: p.id("number").text.startswith(first))

    step("the text view has the passage too")
    p.id("view-text").click()
    p.id("jump").click()
    marked = "".join(m.get_attribute("textContent") for m in p.css("#text mark"))
    assert squeeze(marked) == squeeze(quote), f"marked {marked!r}, quoted {quote!r}"
    top = p.d.execute_script("return document.querySelector('mark').getBoundingClientRect().top / innerHeight")
    assert 0 < top < 1, f"the passage is not in view: {top}"
    assert "page" not in place or place.split(" · ")[0] in p.id("where").text, (place, p.id("where").text)
    p.check_labels()
    p.shot("passage")

    step("the way back still shows the answer")
    p.id("back").click()
    p.until("the answer again", lambda: p.css("#answer .marker"))
    assert p.id("asked").text == QUESTION
    p.check()


def hostile_text(p):
    step("markup in a document stays text")
    before = len(p.css("#documents li"))
    with tempfile.TemporaryDirectory() as folder:
        hostile = pathlib.Path(folder, "hostile.md")
        hostile.write_text("# <img src=x onerror=alert(1)>\n\nThe zebra password is <script>alert('zebra')</script> & <b>bold</b>.\n")
        p.id("files").send_keys(str(hostile))
        p.until("the document", lambda: len(p.css("#documents li")) == before + 1)
    p.ask("What is the zebra password?")
    p.css("#sources .source")[0].click() if p.css("#sources .source") else p.open(
        "/ui/collections/default/documents/" + api("POST", "/api/v1/collections/default/search", {"query": "zebra password", "k": 1})["hits"][0]["document"]["id"])
    p.until("the document", lambda: "zebra" in p.id("text").text)
    assert not p.css("#text script") and not p.css("#text img") and not p.css("#text b")
    p.id("back").click()
    p.until("the documents", lambda: p.css("#documents li"))
    p.check()


def no_answer(p):
    step("a question that the documents do not answer")
    p.ask("Who won the football world cup in 1954?")
    assert p.id("notice").is_displayed() and p.id("notice").text
    p.shot("no-answer")
    p.check()


def remove(p):
    step("a document is deleted after a question, and not without")
    before = len(p.css("#documents li"))
    row = next(li for li in p.css("#documents li") if "onerror" in li.text)
    row.find_element(By.CLASS_NAME, "remove").click()
    p.until("the question", lambda: p.id("dialog").is_displayed())
    p.shot("delete")
    p.id("dialog-cancel").click()
    assert len(p.css("#documents li")) == before
    row.find_element(By.CLASS_NAME, "remove").click()
    p.id("dialog-ok").click()
    p.until("the row to go", lambda: len(p.css("#documents li")) == before - 1)
    p.check()


def collections(p):
    step("a new collection is empty, a bad name is refused in words")
    p.id("new-collection").click()
    p.id("dialog-input").send_keys("no/slashes please")
    p.id("dialog-ok").click()
    p.until("the reason", lambda: p.id("dialog-error").text)
    p.expected += ["status of 400", "status of 422"]
    p.id("dialog-input").clear()
    p.id("dialog-input").send_keys("second")
    p.id("dialog-ok").click()
    p.until("the empty collection", lambda: p.id("empty").is_displayed())
    assert "collection=second" in p.d.current_url
    p.check()


def jobs(p):
    step("many files at once: progress, failures with their reasons, and cancelling")
    p.open("/ui/?collection=archive")
    p.until("the page", lambda: p.id("drop").is_displayed())
    with tempfile.TemporaryDirectory() as folder:
        words = "pump valve filter reading service pressure station signal engineer winter schedule report".split()
        files = []
        for i in range(40):
            f = pathlib.Path(folder, f"service-report-{i + 1:02}.md")
            f.write_text(f"# Service report {i + 1}\n\n" + "\n\n".join(
                "The " + " ".join(words[(i * 7 + j * k) % len(words)] for k in range(1, 60)) + "." for j in range(1, 9)))
            files.append(f)
        broken = pathlib.Path(folder, "broken-scan.pdf")
        broken.write_bytes(b"%PDF-1.7\nthis is not the rest of a PDF")
        odd = pathlib.Path(folder, "old-letter.doc")
        odd.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "WordDocument".encode("utf-16-le"))
        # What fails comes first, so that it stands there while the rest is being added.
        p.id("files").send_keys("\n".join(str(f) for f in [broken, odd, *files]))
        p.until("some to be done and others not", lambda: " of 42" in p.id("uploads").text and "2 failed" in p.id("uploads").text and "broken-scan.pdf: the PDF is damaged" in p.id("uploads").text
                and int(p.id("count").text or 0) > 0)
        p.shot("adding")
        p.until("the end", lambda: "40 added, 2 failed" in p.id("uploads").text)
        text = p.id("uploads").text
        assert "broken-scan.pdf: the PDF is damaged" in text and "old-letter.doc: Old Word files (DOC) are not supported" in text, text
        p.d.refresh()
        p.until("the failures to be there again", lambda: "40 added, 2 failed" in p.id("uploads").text)
        for f in files:
            f.write_text(f.read_text() + "\n\nOne more line.")
        p.id("files").send_keys("\n".join(str(f) for f in files))
        p.press("#uploads button", "Cancel")
        p.until("the end", lambda: "cancelled" in p.id("uploads").text or "40 updated" in p.id("uploads").text)
    p.check()


def gone(p):
    step("a document that is gone says so")
    p.expected.append("status of 404")
    p.open("/ui/collections/default/documents/0190a000-0000-7000-8000-000000000000?version=1&start=0&end=5")
    p.until("the message", lambda: "gone" in p.id("title").text)
    assert p.id("banner").is_displayed()
    p.shot("gone")
    p.check()


def other_looks():
    for name, options in {"dark": {"dark": True}, "phone": {"phone": True}}.items():
        step(f"the same on: {name}")
        with tempfile.TemporaryDirectory() as profile:
            d = browser(profile, **options)
            try:
                p = Page(d)
                p.open("/ui/?collection=default")
                p.until("the documents", lambda: p.css("#documents li"))
                p.ask(QUESTION)
                wide = d.execute_script("return document.documentElement.scrollWidth - innerWidth")
                assert wide <= 0, f"the page is {wide} px wider than the window"
                d.execute_script("document.activeElement.blur(); window.scrollTo(0, 0)")
                p.shot("answer-" + name)
                p.css("#answer .marker")[0].click()
                p.until("the marked page", lambda: p.css("#marks .mark"))
                p.shot("page-" + name)
                p.id("view-text").click()
                p.id("jump").click()
                p.until("the passage", lambda: p.css("#text mark"))
                wide = d.execute_script("return document.documentElement.scrollWidth - innerWidth")
                assert wide <= 0, f"the document is {wide} px wider than the window"
                p.shot("passage-" + name)
                p.check()
            finally:
                d.quit()


def main():
    with tempfile.TemporaryDirectory() as profile:
        d = browser(profile)
        try:
            p = Page(d)
            for test in (empty_state, add_files, ask_and_follow, hostile_text, no_answer, remove, collections, jobs, gone):
                test(p)
            step("the API page")
            p.open("/docs")
            p.until("the operations", lambda: len(p.css("details")) > 10)
            p.shot("docs")
            p.check()
        finally:
            d.quit()
    other_looks()
    print("the page works")


main()
