"""A headless Chromium, driven as a person would, for the end-to-end tests.

Set server and shots before use: where the server listens, and the folder that
screenshots go to. A console error, a request to anywhere else than the server,
and an unlabelled control are faults that Page's checks raise.
"""

import json
import pathlib
import urllib.request

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

server = ""
shots = pathlib.Path()


def use(url, folder):
    global server, shots
    server, shots = url.rstrip("/"), pathlib.Path(folder).resolve()
    shots.mkdir(parents=True, exist_ok=True)


def browser(profile, dark=False, phone=False):
    o = webdriver.ChromeOptions()
    o.binary_location = "/usr/bin/chromium"
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps",
                 "--disable-features=OptimizationHints,MediaRouter,Translate", "--hide-scrollbars", "--lang=en",
                 f"--user-data-dir={profile}", "--window-size=1280,860", "--force-device-scale-factor=1"):
        o.add_argument(flag)
    if dark:
        o.add_argument("--force-dark-mode")
    if phone:
        o.add_experimental_option("mobileEmulation", {"deviceMetrics": {"width": 390, "height": 844, "pixelRatio": 2}})
    o.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    d = webdriver.Chrome(options=o, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    d.set_page_load_timeout(60)
    if dark:
        d.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]})
    return d


class Page:
    def __init__(self, driver):
        self.d = driver
        self.expected = []  # parts of console messages that belong to the test

    def id(self, name):
        return self.d.find_element(By.ID, name)

    def css(self, selector):
        return self.d.find_elements(By.CSS_SELECTOR, selector)

    def until(self, what, condition, seconds=90):
        try:
            return WebDriverWait(self.d, seconds, poll_frequency=0.1).until(lambda _: condition())
        except Exception:
            self.shot("failed")
            raise AssertionError(f"waited in vain for: {what}")

    def open(self, path):
        self.d.get(server + path)

    def press(self, selector, label):
        """Clicks a button that may be drawn anew at any moment."""
        self.until("the button " + label, lambda: self.d.execute_script(
            "const b = [...document.querySelectorAll(arguments[0])].find((b) => b.textContent === arguments[1] && !b.disabled); if (b) b.click(); return !!b", selector, label))

    def shot(self, name):
        self.d.save_screenshot(str(shots / (name + ".png")))

    def ask(self, question, by_key=False):
        box = self.id("question")
        box.clear()
        box.send_keys(question)
        if by_key:
            box.send_keys(Keys.ENTER)
        else:
            self.id("ask-button").click()
        self.until("an answer", lambda: self.id("facts").text)

    def check(self):
        """Fails on console errors and on requests that leave the server."""
        for entry in self.d.get_log("browser"):
            if entry["level"] in ("SEVERE", "WARNING") and not any(e in entry["message"] for e in self.expected):
                raise AssertionError(f"console: {entry['message']}")
        for entry in self.d.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] != "Network.requestWillBeSent":
                continue
            url = message["params"]["request"]["url"]
            if not url.startswith((server + "/", "data:", "chrome:", "about:", "blob:" + server)) :
                raise AssertionError(f"a request left the server: {url}")

    def check_labels(self):
        """Every control has a name that a screen reader can say."""
        unnamed = self.d.execute_script("""
            return [...document.querySelectorAll('button, a, input, select, textarea')].filter((e) => {
              if (!e.checkVisibility()) return false;
              const name = e.getAttribute('aria-label') || (e.labels && [...e.labels].map((l) => l.textContent).join('')) || e.textContent;
              return !name.trim();
            }).map((e) => e.outerHTML)""")
        assert not unnamed, f"controls without a name: {unnamed}"


def api(method, path, body=None):
    r = urllib.request.Request(server + path, method=method, data=json.dumps(body).encode() if body is not None else None,
                               headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(r) as response:
        data = response.read()
        return json.loads(data) if data else None


def step(text):
    print("  " + text, flush=True)
