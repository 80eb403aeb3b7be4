"""Brings in documents of every format from a folder, a site, a Git repository and a
bucket, by one command each; changes them, syncs, asks, and opens every citation.

usage: documents.py URL WORK SCREENSHOTS

URL is a running server, whose data folder is WORK/data; the commands are run beside
it. S3_ENDPOINT, S3_ACCESS_KEY and S3_SECRET_KEY are those of a server of buckets.
"""

import functools
import hashlib
import hmac
import http.server
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

import folder
import page
from page import Page, api, browser, step

WORK = pathlib.Path(sys.argv[2]).resolve()
page.use(sys.argv[1], sys.argv[3])
ROOT = pathlib.Path(__file__).resolve().parent.parent
MESSAGE = ROOT.parent / "shared/data/documents/other/msg/docling-msg_with_attachment.msg"
ENDPOINT = os.environ["S3_ENDPOINT"]
COLLECTION = "/api/v1/collections/default"
squeeze = lambda s: "".join(s.split())
bare = lambda s: re.sub(r"[\s|\\:-]", "", s)  # a table's lines are drawn as a table


def command(*args, code=0):
    """Runs the program and returns the lines of JSON that it prints."""
    env = {**os.environ, "SMARTRETRIEVER_SOURCES_ALLOW": "127.0.0.1",
           "SMARTRETRIEVER_SOURCES_SECRETS": json.dumps([{"name": "s3-key", "value": os.environ["S3_ACCESS_KEY"]}, {"name": "s3-secret", "value": os.environ["S3_SECRET_KEY"]}])}
    r = subprocess.run([ROOT / "bin/smartretriever", *args, "--json", "--data", WORK / "data"], env=env, capture_output=True, text=True, timeout=300)
    assert r.returncode == code, f"{args}: exit code {r.returncode}, not {code}\n{r.stdout}{r.stderr}"
    return [json.loads(line) for line in r.stdout.splitlines()]


def run(*args):
    subprocess.run(args, check=True, capture_output=True, timeout=60)


class Place:
    """Somewhere that documents come from: how its files are written, and how it is added."""

    def __init__(self, name, facts, gone):
        self.name, self.facts, self.gone = name, dict(facts), gone
        self.files = WORK / name

    def write(self, changed=False, names=None):
        for name in names or self.facts:
            folder.write(self.files / name, self.facts[name], changed)
        self.publish()

    def change(self):
        """One is gone, and all others say something else, if they have something else to say."""
        (self.files / self.gone).unlink()
        self.lost = self.facts.pop(self.gone)
        self.changed = [n for n, fact in self.facts.items() if folder.answer(fact) != folder.answer(fact, True)]
        self.write(changed=True, names=self.changed)

    def publish(self):
        pass

    def is_from(self, external_id, name):
        return external_id.startswith(self.address(name))


class Folder(Place):
    source = "docs"
    args = ("--password", folder.PASSWORD)

    def publish(self):
        (self.files / "broken.pdf").write_bytes(b"%PDF-1.7\nthis is not the rest of a PDF")
        if MESSAGE.exists():
            shutil.copy(MESSAGE, self.files / "outlook.msg")

    def added(self):
        return str(self.files)

    def address(self, name):
        return str(self.files / name)


class Site(Place):
    source = "127.0.0.1"
    args = ("--settings", "requests_per_second: 1000")

    def publish(self):
        links = "".join(f'<a href="{n}">{n}</a> ' for n in self.facts)
        (self.files / "index.html").write_text(f"<!doctype html><html lang=en><head><title>Harbour</title></head><body><nav>{links}</nav><main><h1>Harbour</h1>"
                                               "<p>The harbour has three quays, and all of them are old.</p></main></body></html>")
        if not hasattr(self, "http"):
            class Handler(http.server.SimpleHTTPRequestHandler):
                def log_message(self, *_):
                    pass
            self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=self.files))
            threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def added(self):
        return f"site:http://127.0.0.1:{self.http.server_port}/"

    def address(self, name):
        return f"http://127.0.0.1:{self.http.server_port}/{name}"


class Repository(Place):
    source = "handbook"
    args = ("--name", source)

    def publish(self):
        git = lambda *args: run("git", "-C", self.files, "-c", "user.name=keeper", "-c", "user.email=keeper@ostholm.example", *args)
        if not (self.files / ".git").exists():
            git("init", "-q", "-b", "main")
        git("add", "-A")
        git("commit", "-q", "--allow-empty", "-m", "as it is")

    def added(self):
        return f"git+file://{self.files}"

    def address(self, name):
        return f"{self.source}:{name}"


class Bucket(Place):
    source = "archive"
    args = ("--name", source, "--settings", json.dumps({"endpoint": ENDPOINT, "region": "us-east-1", "access_key": "s3-key", "secret_key": "s3-secret"}))
    there = set()

    def send(self, method, key, body=b""):
        """A request that is signed as "Signing AWS requests" (Signature Version 4) says."""
        now, path = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()), "/acme" + urllib.parse.quote(key)
        headers = {"host": urllib.parse.urlsplit(ENDPOINT).netloc, "x-amz-content-sha256": hashlib.sha256(body).hexdigest(), "x-amz-date": now}
        names = ";".join(headers)
        canonical = "\n".join([method, path, "", *(f"{k}:{v}" for k, v in headers.items()), "", names, headers["x-amz-content-sha256"]])
        scope = f"{now[:8]}/us-east-1/s3/aws4_request"
        secret = ("AWS4" + os.environ["S3_SECRET_KEY"]).encode()
        for part in scope.split("/"):
            secret = hmac.digest(secret, part.encode(), "sha256")
        signature = hmac.digest(secret, "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()]).encode(), "sha256").hex()
        headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={os.environ['S3_ACCESS_KEY']}/{scope}, SignedHeaders={names}, Signature={signature}"
        urllib.request.urlopen(urllib.request.Request(ENDPOINT + path, method=method, data=body or None, headers=headers), timeout=30).close()

    def publish(self):
        if not self.there:
            self.send("PUT", "")
        for name in self.facts:
            self.send("PUT", "/" + name, (self.files / name).read_bytes())
        for name in self.there - set(self.facts):
            self.send("DELETE", "/" + name)
        self.there = set(self.facts)

    def added(self):
        return "s3://acme"

    def address(self, name):
        return f"{self.source}:{name}"


def add(places):
    step("a folder, a site, a repository and a bucket are added by one command each")
    for place in places:
        place.write()
        events = command("add", place.added(), *place.args, code=1 if isinstance(place, Folder) else 0)
        failed = {pathlib.Path(e["path"]).name: e["error"] for e in events if e["event"] == "document" and e.get("error")}
        expected = {"broken.pdf"} if isinstance(place, Folder) else set()
        assert set(failed) == expected, failed
        print("   ", place.name, {k: v for k, v in events[-1].items() if isinstance(v, int) and v})


def ask_all(p, places, changed):
    step("every document is asked, and every citation opened")
    shots = {"report.pdf", "scan.pdf", "sign.png", "letter.docx", "prices.xlsx", "contracts/insurance.pdf"}
    opened = {"page": 0, "text": 0}
    for place in places:
        for name, fact in place.facts.items():
            a = api("POST", COLLECTION + "/query", {"question": folder.question(fact)})
            said = folder.answer(fact, changed)
            where = f"{place.name}, {name}: {folder.question(fact)}"
            assert not a["refused"] and said in a["answer"].replace(",", ""), f"{where}: {a['answer']!r}, not {said}"
            assert a["citations"], where
            first = a["citations"][0]
            assert place.is_from(first["document"]["external_id"], name), f"{where}: cited is {first['document']['external_id']}"
            for c in a["citations"]:
                opened[open_citation(p, where, c)] += 1
            if name in shots and not changed:
                p.shot("citation-" + name.replace("/", "-"))
            if changed and folder.answer(fact) != said:  # what it said before is said no more
                assert all(folder.answer(fact) not in h["text"] for h in a["hits"] if place.is_from(h["document"]["external_id"], name)), where
    print("    opened:", opened["page"], "on the picture of the page,", opened["text"], "in the text")


def open_citation(p, where, c):
    """Follows a citation as the page does, and looks that the quote is marked there and in view."""
    doc = c["document"]
    p.open(f"/ui/collections/default/documents/{doc['id']}?version={c['version']}&start={c['span']['start']}&end={c['span']['end']}")
    doc = api("GET", COLLECTION + "/documents/" + doc["id"])
    drawn = doc["pages"] and (doc["media_type"] == "application/pdf" or doc["media_type"].startswith("image/"))
    locked = doc["source"].endswith("locked.pdf")
    if locked:  # the text is there; for the picture of the page it asks for the password
        p.expected.append("status of 403")
        p.until("the marked text: " + where, lambda: p.css("#text mark") and p.id("views").is_displayed() and p.id("text").is_displayed())
        p.id("view-page").click()
        p.until("the question for the password", lambda: p.id("dialog").is_displayed())
        p.id("dialog-input").send_keys(folder.PASSWORD)
        p.id("dialog-ok").click()
    if drawn:
        p.until("marks on the page: " + where, lambda: p.css("#marks .mark"))
        assert p.id("paper").is_displayed(), where
        assert squeeze(c["quote"]) in squeeze(p.id("marks").get_attribute("aria-label")), where
        if c.get("page"):
            assert p.id("number").text.startswith(f"Page {c['page']} "), f"{where}: page {c['page']} is cited, {p.id('number').text} shown"
        # Under each mark there is ink, and the marks are narrow: they are on the words.
        marks = p.d.execute_script("""
            const c = document.getElementById('picture'), g = c.getContext('2d'), s = c.getBoundingClientRect();
            return [...document.querySelectorAll('#marks .mark')].map((m) => {
              const b = m.getBoundingClientRect(), k = c.width / s.width;
              const d = g.getImageData((b.left - s.left) * k, (b.top - s.top) * k, Math.max(1, b.width * k), Math.max(1, b.height * k)).data;
              let dark = 0;
              for (let i = 0; i < d.length; i += 4) if (d[i] < 128) dark++;
              return {ink: dark / (d.length / 4), inside: b.left >= s.left - 2 && b.right <= s.right + 2 && b.top >= s.top - 2 && b.bottom <= s.bottom + 2, share: b.height / s.height};
            })""")
        assert all(m["ink"] > 0.02 and m["inside"] and m["share"] < 0.2 for m in marks), f"{where}: {marks}"
    else:
        p.until("the marked text: " + where, lambda: p.css("#text mark"))
        marked = "".join(m.get_attribute("textContent") for m in p.css("#text mark"))
        assert bare(marked) == bare(c["quote"]), f"{where}: marked {marked!r}, quoted {c['quote']!r}"
        top = p.d.execute_script("return document.querySelector('mark').getBoundingClientRect().top / innerHeight")
        assert 0 <= top < 1, f"{where}: the passage is not in view: {top}"
    p.check()
    return "page" if drawn else "text"


def sync(places):
    step("what has changed is brought in, and what is gone is forgotten")
    for place in places:
        place.change()
    states = ("added", "updated", "removed", "failed")
    counts = lambda: [e for e in command("sync", code=1) if e["event"] == "summary"]
    found = {}
    for e in counts():
        found[e["source"]] = tuple(e[s] for s in states)
        print("   ", e["source"], {k: v for k, v in e.items() if isinstance(v, int) and v})
    for place in places:
        failed = 1 if isinstance(place, Folder) else 0  # the broken file is still broken
        index = 1 if isinstance(place, Site) else 0     # the page with the links changes with them
        assert found[place.source] == (0, len(place.changed) + index, 1, failed), f"{place.source}: {found[place.source]}"
    for e in counts():
        assert not (e["added"] or e["updated"] or e["removed"] or e["embedded"]), f"a second sync is not free: {e}"
    step("what is gone answers no more")
    for place in places:
        hits = api("POST", COLLECTION + "/search", {"query": folder.question(place.lost), "k": 50})["hits"]
        assert hits and not any(place.is_from(h["document"]["external_id"], place.gone) for h in hits), place.gone
        assert not any(folder.answer(place.lost) in h["text"].split() for h in hits), place.gone


def main():
    places = [Folder("docs", folder.FILES, "tale.fb2"), Site("site", folder.SITE, "mill.html"),
              Repository("repository", folder.REPOSITORY, "docs/proxy.rst"), Bucket("bucket", folder.BUCKET, "tariffs 2026/pilot.xlsx")]
    add(places)
    with tempfile.TemporaryDirectory() as profile:
        d = browser(profile)
        try:
            p = Page(d)
            ask_all(p, places, False)
            sync(places)
            ask_all(p, places, True)
        finally:
            d.quit()
    print("every format from every place, cited at its place")


main()
