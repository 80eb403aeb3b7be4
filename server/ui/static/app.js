"use strict";
// The whole script of both pages. Text from documents is only ever set as text.
(() => {
  const $ = (id) => document.getElementById(id);
  const el = (name, attrs = {}, ...children) => {
    const e = document.createElement(name);
    for (const [k, v] of Object.entries(attrs)) {
      if (k === "text") e.textContent = v;
      else if (k.startsWith("on")) e.addEventListener(k.slice(2), v);
      else if (v !== undefined && v !== null && v !== false) e.setAttribute(k, v === true ? "" : v);
    }
    e.append(...children);
    return e;
  };
  const path = (...parts) => "/api/v1/" + parts.map(encodeURIComponent).join("/");
  const plural = (n, word) => `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;
  const size = (n) => (n < 1e3 ? `${n} B` : n < 1e6 ? `${(n / 1e3).toFixed(0)} kB` : `${(n / 1e6).toFixed(1)} MB`);
  const remembered = (store, key, value) => {
    try { // a browser may forbid storage
      if (value === undefined) return store().getItem(key);
      store().setItem(key, value);
    } catch { /* then nothing is remembered */ }
    return null;
  };
  const inTab = (key, value) => remembered(() => sessionStorage, key, value);
  const inBrowser = (key, value) => remembered(() => localStorage, key, value);

  // ---- talking to the server

  const headers = (extra) => {
    const key = inTab("key");
    return { ...(key ? { Authorization: "Bearer " + key } : {}), ...extra };
  };

  class Problem extends Error {
    constructor(status, detail, id) { super(detail); this.status = status; this.id = id; }
  }

  // inBytes is a password in the form in which a header can carry it.
  const inBytes = (s) => String.fromCharCode(...new TextEncoder().encode(s));

  // send makes a request. Where a key is needed, it asks for one and tries again.
  async function send(method, url, { json, signal, extra } = {}) {
    for (;;) {
      let response;
      try {
        response = await fetch(url, {
          method, signal, body: json && JSON.stringify(json),
          headers: headers({ ...(json ? { "Content-Type": "application/json" } : {}), ...extra }),
        });
      } catch (err) {
        if (err.name === "AbortError") throw err;
        throw new Problem(0, "The server cannot be reached. Is it still running?");
      }
      if (response.ok) return response;
      if (response.status === 401) {
        await askForKey();
        continue;
      }
      const p = await response.json().catch(() => ({}));
      throw new Problem(response.status, p.detail || `The server answered ${response.status}.`, p.request_id);
    }
  }
  const get = async (url) => (await send("GET", url)).json();

  const askForKey = () => dialog({
    title: "This server needs a key", text: "It stays in this tab and is gone when you close it.", label: "API key", ok: "Go on", type: "password",
    run: (value) => { if (!value) throw new Error("Type the key you were given."); inTab("key", value); },
  });

  function banner(err, retry) {
    const b = $("banner");
    b.hidden = !err;
    b.replaceChildren();
    if (!err) return;
    b.append(el("span", { text: err.message + (err.status >= 500 && err.id ? ` (request ${err.id})` : "") }));
    if (retry) b.append(el("button", { type: "button", text: "Try again", onclick: () => { banner(null); retry(); } }));
  }

  // dialog asks for a confirmation or a value. run may throw to keep it open.
  function dialog({ title, text, label, ok, run, type = "text" }) {
    const d = $("dialog"), input = $("dialog-input");
    $("dialog-title").textContent = title;
    $("dialog-text").textContent = text;
    $("dialog-ok").textContent = ok;
    $("dialog-error").textContent = "";
    $("dialog-label").hidden = !label;
    $("dialog-label").firstElementChild.textContent = label || "";
    input.value = "";
    input.type = type;
    return new Promise((resolve, reject) => {
      const end = new AbortController();
      const done = (settle, value) => { end.abort(); d.close(); settle(value); };
      const cancelled = () => done(reject, new DOMException("cancelled", "AbortError"));
      $("dialog-form").addEventListener("submit", async (e) => {
        e.preventDefault();
        try {
          done(resolve, await run(input.value.trim()));
        } catch (err) {
          $("dialog-error").textContent = err.message;
        }
      }, { signal: end.signal });
      $("dialog-cancel").addEventListener("click", cancelled, { signal: end.signal });
      d.addEventListener("cancel", cancelled, { signal: end.signal });
      d.showModal();
    });
  }
  const quietly = (promise, retry) => promise.catch((err) => { if (err.name !== "AbortError") banner(err, retry); });

  // place says where in a document something stands.
  const place = (page, heading, title) => [page ? "page " + page : "", (heading || []).filter((h) => h !== title).join(" › ")].filter(Boolean).join(" · ");
  const passageURL = (collection, c) => `/ui/collections/${encodeURIComponent(collection)}/documents/${encodeURIComponent(c.document.id)}`
    + `?version=${c.version}&start=${c.span.start}&end=${c.span.end}`;

  // ---- the home page

  const FILES = "openai-files"; // holds what came through /v1/files until it is attached; not for asking
  let collection = "default", known = false, cursor = "", asking = null;

  async function home() {
    collection = new URLSearchParams(location.search).get("collection") || inBrowser("collection") || "default";
    $("collection").addEventListener("change", (e) => choose(e.target.value));
    $("new-collection").addEventListener("click", () => quietly(newCollection()));
    $("ask").addEventListener("submit", (e) => { e.preventDefault(); ask(); });
    $("question").addEventListener("keydown", (e) => {
      if (e.key === "Enter" && !e.shiftKey && !e.isComposing) { e.preventDefault(); $("ask").requestSubmit(); }
    });
    $("stop-button").addEventListener("click", () => asking && asking.abort());
    $("files").addEventListener("change", (e) => { upload([...e.target.files]); e.target.value = ""; });
    $("load-more").addEventListener("click", () => quietly(listDocuments(true)));
    dropTarget($("drop"));
    await refresh();
    restoreAnswer();
  }

  const refresh = () => quietly((async () => { await listCollections(); await listDocuments(false); await showJobs(); })(), refresh);

  async function listCollections() {
    const names = [];
    let next = "";
    do {
      const page = await get("/api/v1/collections?limit=1000" + (next && "&cursor=" + encodeURIComponent(next)));
      names.push(...page.collections.map((c) => c.name).filter((n) => n !== FILES));
      next = page.next_cursor;
    } while (next);
    known = names.includes(collection);
    if (!known && names.length && !new URLSearchParams(location.search).get("collection")) {
      collection = names.includes("default") ? "default" : names[0];
      known = true;
    }
    const all = known ? names : [...names, collection];
    $("collection").replaceChildren(...all.map((n) => el("option", { value: n, text: n, selected: n === collection })));
  }

  function choose(name) {
    if (asking) asking.abort();
    collection = name;
    inBrowser("collection", name);
    history.replaceState(null, "", "/ui/?collection=" + encodeURIComponent(name));
    $("result").hidden = true;
    $("status").textContent = "";
    banner(null);
    refresh();
  }

  async function newCollection() {
    const name = await dialog({
      title: "New collection", text: "A collection is searched as one. Letters, digits, dots, dashes and underscores make its name.", label: "Name", ok: "Create",
      run: async (value) => { await send("POST", "/api/v1/collections", { json: { name: value } }); return value; },
    });
    choose(name);
  }

  async function listDocuments(more) {
    const list = $("documents");
    if (!more) { cursor = ""; }
    let page = { documents: [], next_cursor: "" }, total = 0;
    if (known) {
      page = await get(path("collections", collection, "documents") + "?order=desc&limit=50" + (cursor && "&cursor=" + encodeURIComponent(cursor)));
      total = (await get(path("collections", collection))).documents;
    }
    if (!more) list.replaceChildren();
    list.append(...page.documents.map(documentRow));
    cursor = page.next_cursor;
    $("load-more").hidden = !cursor;
    $("count").textContent = total ? total.toLocaleString("en") : "";
    $("empty").hidden = list.children.length > 0;
    $("welcome").hidden = !$("result").hidden;
    $("ask-button").disabled = list.children.length === 0;
    $("question").placeholder = list.children.length ? "What would you like to know?" : "Add a document first, then ask about it.";
  }

  function documentRow(d) {
    const name = d.title || d.source || d.external_id;
    const facts = [d.pages ? plural(d.pages, "page") : "", plural(d.chunks, "chunk"), size(d.bytes), d.acl.length ? "restricted" : ""];
    const row = el("li", {},
      el("a", { text: name, href: `/ui/collections/${encodeURIComponent(collection)}/documents/${encodeURIComponent(d.id)}`, title: d.source || null }),
      d.state === "failed" ? el("span", { class: "hint fault", text: "Could not be read: " + (d.error || "no reason given") })
        : el("span", { class: "hint", text: facts.filter(Boolean).join(" · ") }),
      el("button", { type: "button", class: "remove", text: "Delete", "aria-label": "Delete " + name, onclick: () => quietly(remove(d, name)) }));
    return row;
  }

  async function remove(d, name) {
    await dialog({
      title: "Delete this document?", text: `“${name}” and everything found in it will be gone for good.`, ok: "Delete",
      run: () => send("DELETE", path("collections", collection, "documents", d.id)),
    });
    await listDocuments(false);
  }

  // ---- adding files

  function dropTarget(target) {
    const files = (e) => e.dataTransfer && [...e.dataTransfer.types].includes("Files");
    document.addEventListener("dragover", (e) => { if (files(e)) { e.preventDefault(); target.classList.add("over"); } });
    document.addEventListener("dragleave", (e) => { if (!e.relatedTarget) target.classList.remove("over"); });
    document.addEventListener("drop", (e) => {
      target.classList.remove("over");
      if (files(e)) { e.preventDefault(); upload([...e.dataTransfer.files]); }
    });
  }

  // One request takes so many files; more than that are several jobs.
  const BATCH_FILES = 100, BATCH_BYTES = 64e6;

  async function upload(files) {
    const into = collection;
    for (let at = 0; at < files.length;) {
      let bytes = 0, end = at;
      while (end < files.length && end - at < BATCH_FILES && (end === at || bytes + files[end].size <= BATCH_BYTES)) bytes += files[end++].size;
      await uploadBatch(into, files.slice(at, end));
      at = end;
    }
  }

  async function uploadBatch(into, files) {
    const name = files.length === 1 ? files[0].name : plural(files.length, "file");
    const bar = el("progress", { max: 1, value: 0, "aria-label": "Sending " + name });
    const card = $("uploads").appendChild(el("li", {}, el("b", { text: name }), " ", el("span", { class: "hint", text: "sending …" }), bar));
    try {
      const job = await sendFiles(into, files, (part) => { bar.value = part; });
      quietly(watch(into, job, card));
    } catch (err) {
      const dismiss = el("button", { type: "button", class: "quiet", text: "Dismiss", "aria-label": "Dismiss " + name, onclick: () => card.remove() });
      card.replaceChildren(el("b", { text: name }), " ", el("span", { class: "fault", text: err.message }), el("div", { class: "row" }, dismiss));
    }
  }

  // sendFiles uses XMLHttpRequest because fetch does not tell how far a body got.
  function sendFiles(into, files, progress) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      const form = new FormData();
      for (const file of files) form.append("file", file, file.name);
      request.open("POST", path("collections", into, "jobs"));
      for (const [k, v] of Object.entries(headers())) request.setRequestHeader(k, v);
      request.responseType = "json";
      request.upload.onprogress = (e) => progress(e.total ? e.loaded / e.total : 0);
      request.onerror = () => reject(new Error("The files could not be sent. Is the server still running?"));
      request.onload = () => {
        const body = request.response || {};
        if (request.status === 202) resolve(body);
        else reject(new Error(body.detail || `The server answered ${request.status}.`));
      };
      request.send(form);
    });
  }

  // ---- jobs: what is being added, here or elsewhere

  const OPEN = ["queued", "running"];
  let watched = new AbortController(); // ended when another collection is chosen

  // showJobs shows what is going on in a collection, and what went wrong lately.
  async function showJobs() {
    watched.abort();
    watched = new AbortController();
    const into = collection;
    $("uploads").replaceChildren();
    if (!known) return;
    const recent = (await get(path("collections", into, "jobs") + "?order=desc&limit=50")).jobs;
    const day = Date.now() - 24 * 3600e3;
    for (const job of recent.reverse()) {
      const trouble = job.state === "failed" || job.progress.failed > 0;
      if (OPEN.includes(job.state) || trouble && Date.parse(job.ended_at) > day) quietly(watch(into, job, $("uploads").appendChild(el("li"))));
    }
  }

  const duration = (s) => (s < 90 ? plural(Math.max(1, Math.round(s)), "second") : s < 5400 ? plural(Math.round(s / 60), "minute") : plural(Math.round(s / 3600), "hour"));
  const money = (p) => (p.currency ? `${p.cost.toFixed(p.cost < 1 ? 4 : 2)} ${p.currency}` : "");

  // watch keeps a card in step with its job until the job has ended.
  async function watch(into, job, card) {
    const signal = watched.signal, base = path("collections", into, "jobs", job.id);
    const faults = { seen: 0, items: [] };
    let listed = 0, next = 0;
    await showJob(card, base, job, faults, into);
    while (OPEN.includes(job.state)) {
      const response = await send("GET", base + "/events", { signal });
      for await (const { name, data } of events(response.body)) {
        if (name === "error") throw new Problem(data.status, data.detail, data.request_id);
        job = data;
        await showJob(card, base, job, faults, into);
        if (into === collection && job.progress.added > listed && Date.now() > next) {
          listed = job.progress.added;
          next = Date.now() + 3000;
          await refreshDocuments(); // what is there can be asked already
        }
      }
      if (OPEN.includes(job.state)) await new Promise((again) => setTimeout(again, 1000)); // the connection broke off
      if (signal.aborted) return;
    }
    const p = job.progress;
    $("added").textContent = `${job.name}: ${outcome(job)}`;
    if (job.state === "done" && p.failed === 0) setTimeout(() => card.remove(), 6000);
    if (into === collection) await refreshDocuments();
  }

  const refreshDocuments = async () => { await listCollections(); await listDocuments(false); };

  function outcome(job) {
    const p = job.progress;
    const parts = [
      [p.added, "added"], [p.updated, "updated"], [p.unchanged, "already there"], [p.deleted, "deleted"], [p.skipped, "without text"], [p.failed, "failed"],
    ].filter(([n]) => n > 0).map(([n, what]) => (p.items === 1 ? what : `${n.toLocaleString("en")} ${what}`));
    return [job.state === "cancelled" ? "cancelled" : "", ...parts].filter(Boolean).join(", ") || "nothing to do";
  }

  function jobFacts(job) {
    const p = job.progress;
    if (!OPEN.includes(job.state)) return outcome(job);
    const state = job.cancelling ? "ending …" : job.interrupted ? "interrupted" : job.state === "queued" ? (job.error ? "waiting to try again" : "waiting") : "";
    return [
      state, p.items > 1 || p.done ? `${p.done.toLocaleString("en")} of ${p.complete ? "" : "at least "}${p.items.toLocaleString("en")}` : "reading …",
      p.failed ? `${p.failed} failed` : "", p.pages ? plural(p.pages, "page") : "", p.chunks ? plural(p.chunks, "chunk") : "", p.bytes ? size(p.bytes) : "", money(p),
      p.seconds_left !== null && p.seconds_left > 2 ? `about ${duration(p.seconds_left)} left` : "",
    ].filter(Boolean).join(" · ");
  }

  async function showJob(card, base, job, faults, into) {
    const p = job.progress;
    // The counts may be a moment ahead of the verdicts.
    if (p.failed + p.skipped !== faults.seen || faults.items.length < Math.min(100, faults.seen)) {
      faults.seen = p.failed + p.skipped;
      faults.items = (await get(base + "/items?state=failed,skipped&limit=100")).items;
    }
    const act = (label, what) => el("button", { type: "button", class: "quiet", text: label, "aria-label": `${label}: ${job.name}`, onclick: () => quietly(once(what)) });
    // once has a click count once: what it asks for takes a moment to show.
    const once = async (what) => {
      const all = [...card.querySelectorAll("button")];
      for (const b of all) b.disabled = true;
      try { await what(); } finally { for (const b of all) b.disabled = false; }
    };
    const buttons = [];
    if (OPEN.includes(job.state)) {
      if (!job.cancelling) buttons.push(act("Cancel", () => send("POST", base + "/cancel", { json: {} })));
    } else {
      if (p.failed > 0 || job.state !== "done") {
        buttons.push(act("Try again", async () => { await watch(into, await (await send("POST", base + "/retry", { json: {} })).json(), card); }));
      }
      buttons.push(act("Dismiss", async () => { await send("DELETE", base); card.remove(); }));
    }
    const held = card.contains(document.activeElement) ? document.activeElement.textContent : "";
    card.replaceChildren(
      el("b", { text: job.name }), " ", el("span", { class: OPEN.includes(job.state) ? "hint" : p.failed || job.state === "failed" ? "fault" : "good", text: jobFacts(job) }),
      ...(OPEN.includes(job.state) ? [el("progress", { max: Math.max(1, p.items), value: job.state === "running" && !p.done ? undefined : p.done, "aria-label": "Adding " + job.name })] : []),
      ...(job.error ? [el("p", { class: "fault", text: job.error })] : []),
      ...(faults.items.length ? [el("ul", { class: "faults", "aria-label": "What could not be added" }, ...faults.items.map((it) => el("li", {}, el("b", { text: it.name }), ": ", reason(it))))] : []),
      ...(faults.seen > faults.items.length && faults.items.length ? [el("p", { class: "hint", text: `and ${faults.seen - faults.items.length} more` })] : []),
      el("div", { class: "row" }, ...buttons));
    if (held) for (const b of card.querySelectorAll("button")) if (b.textContent === held) b.focus(); // the keyboard stays where it was
  }

  // reason is why an item failed, without its name, which stands before it.
  const reason = (it) => { const why = it.error || "no reason given"; return why.startsWith(it.name + ": ") ? why.slice(it.name.length + 2) : why; };

  // ---- asking

  async function ask() {
    const question = $("question").value.trim();
    if (!question || $("ask-button").disabled) return;
    if (asking) asking.abort();
    const mine = asking = new AbortController();
    const into = collection, principals = $("principals").value.trim();
    startAnswer(question);
    let text = "", answer = null;
    try {
      const response = await send("POST", path("collections", into, "query"), {
        signal: mine.signal, extra: principals ? { "X-SmartRetriever-Principals": principals } : {},
        json: { question, stream: true, k: Number($("k").value) || 8, mode: $("mode").value },
      });
      for await (const { name, data } of events(response.body)) {
        if (name === "hits") busy(`Reading ${plural(data.hits.length, "passage")} …`);
        if (name === "delta") { text += data.text; $("answer").textContent = text; }
        if (name === "error") throw new Problem(data.status, data.detail, data.request_id);
        if (name === "answer") answer = data;
      }
      if (!answer) throw new Problem(0, "The answer broke off. Try again.");
      showAnswer(question, answer, into);
      inTab("answer", JSON.stringify({ question, answer, into }));
    } catch (err) {
      if (asking !== mine) return; // a newer question took over
      $("answer").setAttribute("aria-busy", "false");
      if (!text) $("result").hidden = true;
      idle(err.name === "AbortError" ? "Stopped." : "");
      if (err.name !== "AbortError") banner(err, ask);
    } finally {
      if (asking === mine) { asking = null; $("stop-button").hidden = true; $("ask-button").hidden = false; }
    }
  }

  const busy = (text) => { $("status").textContent = text; $("status").classList.add("busy"); };
  const idle = (text) => { $("status").textContent = text; $("status").classList.remove("busy"); };

  function startAnswer(question) {
    banner(null);
    busy("Searching …");
    $("welcome").hidden = true;
    for (const id of ["notice", "sources-part", "more"]) $(id).hidden = true;
    $("facts").textContent = "";
    $("asked").textContent = question;
    $("answer").textContent = "";
    $("answer").setAttribute("aria-busy", "true");
    $("result").hidden = false;
    $("stop-button").hidden = false;
    $("ask-button").hidden = true;
  }

  // events reads server-sent events from a response's body.
  async function* events(body) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      rest += value;
      const blocks = rest.split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        let name = "message", data = "";
        for (const line of block.split("\n")) {
          if (line.startsWith("event: ")) name = line.slice(7);
          if (line.startsWith("data: ")) data += line.slice(6);
        }
        if (data) yield { name, data: JSON.parse(data) };
      }
    }
  }

  function showAnswer(question, a, into) {
    idle("");
    $("asked").textContent = question;
    $("result").hidden = false;
    $("welcome").hidden = true;
    const cited = new Map(a.citations.map((c) => [c.number, c]));
    $("answer").replaceChildren(...a.answer.split(/(\[\d+\])/).map((part) => {
      const c = cited.get(Number((part.match(/^\[(\d+)\]$/) || [])[1]));
      if (!c) return part;
      const near = (on) => () => $("source-" + c.number)?.classList.toggle("near", on);
      return el("a", {
        class: "marker", href: passageURL(into, c), text: c.number, "aria-label": `Source ${c.number}: ${c.document.title}`,
        onmouseenter: near(true), onmouseleave: near(false), onfocus: near(true), onblur: near(false),
      });
    }));
    $("answer").setAttribute("aria-busy", "false");
    const notes = [];
    if (a.refused) notes.push("The documents do not seem to hold the answer. Other words may help, or a document that covers it.");
    if (a.degraded.length) notes.push("Answered without: " + a.degraded.join(", ") + ".");
    $("notice").textContent = notes.join(" ");
    $("notice").hidden = notes.length === 0;
    const sure = a.confidence >= .7 ? "high" : a.confidence >= .4 ? "medium" : "low";
    $("facts").textContent = [
      a.refused ? "" : `Confidence ${sure} (${a.confidence.toFixed(2)})`, plural(a.hits.length, "passage") + " read", `${Math.max(1, Math.round(a.trace.ms))} ms`,
      a.cached ? "from the cache" : "", a.usage.completion_tokens ? plural(a.usage.prompt_tokens + a.usage.completion_tokens, "token") : "", a.usage.model || "",
    ].filter(Boolean).join(" · ");
    $("sources").replaceChildren(...a.citations.map((c) => el("li", {}, el("a", { class: "source", id: "source-" + c.number, href: passageURL(into, c) },
      el("span", { class: "number", text: c.number }),
      el("span", {}, el("b", { text: c.document.title }), " ", el("span", { class: "place", text: place(c.page, c.heading, c.document.title) }), el("q", { text: c.quote }))))));
    $("sources-part").hidden = a.citations.length === 0;
    const cell = (n) => el("td", { class: "n", text: n });
    $("trace").replaceChildren(
      el("table", { class: "stages" }, el("tr", {}, ...["Step", "ms", "in", "out", ""].map((t) => el("th", { text: t, scope: "col" }))),
        ...a.trace.stages.map((s) => el("tr", {}, el("td", { text: s.name }), cell(s.ms.toFixed(1)), cell(s.in), cell(s.out), el("td", { text: s.cached ? "cached" : s.note || "" })))),
      el("h3", { text: "Passages, best first" }),
      el("ol", { class: "hits" }, ...a.hits.map((h) => el("li", {}, el("a", { href: passageURL(into, h), text: h.document.title }), " ",
        el("span", { class: "hint", text: place(h.page, h.heading, h.document.title) }), el("br"), h.text.length > 240 ? h.text.slice(0, 240) + " …" : h.text))));
    $("more").hidden = false;
  }

  // restoreAnswer shows the last answer again after the way back from a document.
  function restoreAnswer() {
    try {
      const last = JSON.parse(inTab("answer"));
      if (!last || last.into !== collection || !known) return;
      $("question").value = last.question;
      showAnswer(last.question, last.answer, last.into);
    } catch { /* an answer in the form of another version */ }
  }

  // ---- the document page

  const WINDOW = 400; // blocks shown around the passage; the rest on request

  async function reader() {
    const { collection: into, document: id } = document.body.dataset;
    const query = new URLSearchParams(location.search);
    const version = Number(query.get("version")) || 0, start = Number(query.get("start")), end = Number(query.get("end"));
    $("back").href = "/ui/?collection=" + encodeURIComponent(into);
    if (!query.has("start")) $("back").textContent = "Back to the documents";
    const base = path("collections", into, "documents", id);
    const doc = await get(base);
    const text = await get(base + "/text?version=" + version);
    const name = doc.title || text.title || doc.source;
    document.title = name + " · SmartRetriever";
    $("title").textContent = name;
    $("about").textContent = [doc.source !== name ? doc.source : "", doc.media_type, doc.pages ? plural(doc.pages, "page") : "", size(doc.bytes),
      "version " + (version || doc.version) + (version && version !== doc.version ? ` (the current one is ${doc.version})` : "")].filter(Boolean).join(" · ");
    $("original").hidden = false;
    $("original").href = base + "/original";
    $("original").addEventListener("click", (e) => { if (inTab("key")) { e.preventDefault(); quietly(download(base, name)); } });
    const passage = end > start ? { start, end } : null;
    showText(text, passage);
    const drawn = doc.media_type === "application/pdf" || doc.media_type.startsWith("image/");
    if (doc.pages && drawn && (!version || version === doc.version)) await pages(base, doc, name, text, passage);
  }

  // pages adds the view of the pages as they are printed. Where the passage's page
  // cannot be shown, the text stays, with its mark.
  async function pages(base, doc, name, text, passage) {
    const home = (text.blocks.find((b) => passage && b.page && b.span.start < passage.end && passage.start < b.span.end) || {}).page;
    const quoted = passage ? "&start=" + passage.start + "&end=" + passage.end : "";
    let number = home || 1, shown = 0, turning = 0, password = "";

    const view = (kind) => {
      $("paper").hidden = kind !== "page";
      $("text").hidden = kind === "page";
      $("view-page").setAttribute("aria-pressed", kind === "page");
      $("view-text").setAttribute("aria-pressed", kind === "text");
    };

    // show draws a page and its marks. It goes onto a canvas because a picture
    // by its address could not carry the key.
    async function show(n) {
      const mine = ++turning;
      const wide = $("paper").clientWidth || $("text").clientWidth || 800;
      const width = Math.min(2400, Math.ceil(Math.max(600, wide * (window.devicePixelRatio || 1)) / 200) * 200);
      const extra = password ? { "X-SmartRetriever-Document-Password": inBytes(password) } : {};
      const query = "?width=" + width + "&version=" + doc.version;
      const [picture, marks] = await Promise.all([
        send("GET", `${base}/pages/${n}${query}`, { extra }).then((r) => r.blob()).then((b) => createImageBitmap(b)),
        passage ? send("GET", `${base}/pages/${n}/marks${query}${quoted}`, { extra }).then((r) => r.json()) : { marks: [] },
      ]);
      if (mine !== turning) return; // turned on meanwhile
      number = shown = n;
      const canvas = $("picture");
      canvas.width = picture.width;
      canvas.height = picture.height;
      canvas.getContext("2d").drawImage(picture, 0, 0);
      canvas.setAttribute("aria-label", `Page ${n} of ${name}`);
      const percent = (part, whole) => (100 * part / whole).toFixed(3) + "%";
      $("marks").replaceChildren(...marks.marks.map((m) => {
        const e = el("div", { class: "mark" });
        e.style.left = percent(m.x, marks.width);
        e.style.top = percent(m.y, marks.height);
        e.style.width = percent(m.width, marks.width);
        e.style.height = percent(m.height, marks.height);
        return e;
      }));
      if (marks.marks.length) {
        $("marks").setAttribute("role", "mark");
        $("marks").setAttribute("aria-label", "The quoted words: " + new TextDecoder().decode(new TextEncoder().encode(text.content).subarray(passage.start, passage.end)));
      } else {
        $("marks").removeAttribute("role");
        $("marks").removeAttribute("aria-label");
      }
      $("number").textContent = `Page ${n} of ${doc.pages}` + (marks.marks.length ? ", with the quoted words marked" : "");
      $("previous").disabled = n <= 1;
      $("next").disabled = n >= doc.pages;
    }

    const turn = (n) => { if (n >= 1 && n <= doc.pages) quietly(show(n)); };
    const toPage = () => { const m = $("marks").firstElementChild; if (m) m.scrollIntoView({ block: "center" }); };
    const locked = (err) => err.status === 403;

    // open shows the page on request, and asks for the password of a locked file.
    async function open() {
      view("page");
      if (shown === number) return;
      try {
        await show(number);
      } catch (err) {
        view("text");
        if (!locked(err)) throw err;
        await dialog({
          title: "This document is locked", text: "Its pages are drawn from the original, which needs a password. It is not kept.", label: "Password", ok: "Show the page", type: "password",
          run: async (value) => { password = value; view("page"); try { await show(number); } catch (e) { view("text"); throw e; } },
        });
      }
    }

    $("view-page").addEventListener("click", () => quietly(open()));
    $("view-text").addEventListener("click", () => view("text"));
    $("previous").addEventListener("click", () => turn(number - 1));
    $("next").addEventListener("click", () => turn(number + 1));
    document.addEventListener("keydown", (e) => {
      if ($("paper").hidden || e.altKey || e.ctrlKey || e.metaKey || e.shiftKey || document.querySelector("dialog[open]")) return;
      if (e.key === "ArrowLeft") turn(number - 1);
      if (e.key === "ArrowRight") turn(number + 1);
    });
    $("jump").addEventListener("click", (e) => {
      if ($("paper").hidden) return;
      e.preventDefault();
      quietly((async () => { if (shown !== home) await show(home); toPage(); })());
    });
    $("views").hidden = false;
    if (!home) return;
    view("page");
    try {
      await show(home);
      toPage();
    } catch (err) {
      view("text");
      if (!locked(err)) $("views").hidden = true;
      const mark = $("passage-text");
      if (mark) toMark(mark);
    }
  }

  // download fetches the file by script where a link could not carry the key.
  async function download(base, name) {
    const response = await send("GET", base + "/original?direct=true"); // an address elsewhere is not for scripts of this page
    const named = /filename="?([^";]+)/.exec(response.headers.get("Content-Disposition") || "");
    const link = el("a", { href: URL.createObjectURL(await response.blob()), download: named ? named[1] : name });
    link.click();
    URL.revokeObjectURL(link.href);
  }

  function showText(text, passage) {
    const root = $("text");
    // Spans count bytes of UTF-8, strings in a browser count UTF-16.
    const bytes = new TextEncoder().encode(text.content), decoder = new TextDecoder();
    const cut = (from, to) => decoder.decode(bytes.subarray(from, to));
    const blocks = text.blocks.length ? text.blocks : [{ kind: "paragraph", level: 0, page: null, span: { start: 0, end: bytes.length } }];
    const overlaps = (b) => passage && b.span.start < passage.end && passage.start < b.span.end;
    const at = Math.max(0, blocks.findIndex(overlaps));
    let from = Math.max(0, at - WINDOW / 2), to = Math.min(blocks.length, from + WINDOW);

    // inline is the text of a span with the quoted part of it marked.
    const inline = (span, as = (s) => s) => {
      if (!overlaps({ span })) return [as(cut(span.start, span.end))];
      const a = Math.max(span.start, passage.start), z = Math.min(span.end, passage.end);
      return [as(cut(span.start, a)), el("mark", { text: as(cut(a, z)) }), as(cut(z, span.end))];
    };
    // table draws what stands in the text as lines of cells; null if that is not what stands there.
    const table = (span) => {
      const BACKSLASH = 92, BAR = 124, LINE = 10, BLANK = 32;
      const rows = [];
      for (let from = span.start; from < span.end;) {
        let to = bytes.indexOf(LINE, from);
        if (to < 0 || to > span.end) to = span.end;
        if (bytes[from] !== BAR) return null;
        const cells = [];
        for (let i = from + 1, start = i; i < to; i++) {
          if (bytes[i] === BACKSLASH) i++;
          else if (bytes[i] === BAR) {
            let end = i;
            while (start < end && bytes[start] === BLANK) start++;
            while (start < end && bytes[end - 1] === BLANK) end--;
            cells.push({ start, end });
            start = i + 1;
          }
        }
        rows.push(cells);
        from = to + 1;
      }
      if (rows.length < 2 || !rows[1].every((c) => /^:?-+:?$/.test(cut(c.start, c.end)))) return null;
      const said = (s) => s.replaceAll("\\|", "|");
      const row = (tag) => (cells) => el("tr", {}, ...cells.map((c) => el(tag, tag === "th" ? { scope: "col" } : {}, ...inline(c, said))));
      return el("div", { class: "table" }, el("table", {}, el("thead", {}, row("th")(rows[0])), el("tbody", {}, ...rows.slice(2).map(row("td")))));
    };
    const element = (b, i) => {
      const shape = {
        heading: ["h" + Math.min(6, (b.level || 1) + 1)], list_item: ["p", "item"], table: ["pre"], code: ["pre"], quote: ["blockquote"],
        caption: ["p", "aside"], footnote: ["p", "aside"], header: ["p", "aside"], footer: ["p", "aside"],
      }[b.kind] || ["p"];
      const e = b.kind === "table" && table(b.span) || el(shape[0], { class: shape[1] }, ...inline(b.span));
      const turned = b.page && (i === 0 || blocks[i - 1].page !== b.page);
      return turned ? [el("div", { class: "pagebreak", text: "Page " + b.page }), e] : [e];
    };
    const part = (a, z) => blocks.slice(a, z).flatMap((b, i) => element(b, a + i));
    const extend = (label, grow) => {
      const button = el("button", { type: "button", class: "quiet", text: label, onclick: () => { button.replaceWith(...grow()); } });
      return button;
    };
    const earlier = () => {
      const a = Math.max(0, from - WINDOW), z = from;
      from = a;
      return [...(a > 0 ? [extend("Show what comes before", earlier)] : []), ...part(a, z)];
    };
    const later = () => {
      const a = to, z = Math.min(blocks.length, to + WINDOW);
      to = z;
      return [...part(a, z), ...(z < blocks.length ? [extend("Show more", later)] : [])];
    };
    root.replaceChildren(...(from > 0 ? [extend("Show what comes before", earlier)] : []), ...part(from, to), ...(to < blocks.length ? [extend("Show more", later)] : []));
    root.setAttribute("aria-busy", "false");
    if (!bytes.length) root.append(el("p", { class: "hint", text: "This document holds no text." }));
    for (const w of text.warnings) root.prepend(el("p", { class: "notice", text: w }));

    const mark = root.querySelector("mark");
    if (!passage) return;
    $("passage").hidden = false;
    if (!mark) { $("where").textContent = "The quoted passage is not in this version of the document."; $("jump").hidden = true; return; }
    mark.id = "passage-text";
    mark.tabIndex = -1;
    const headings = [];
    for (const b of blocks.slice(0, at + 1)) {
      if (b.kind === "heading") headings.splice((b.level || 1) - 1, Infinity, cut(b.span.start, b.span.end).trim());
    }
    $("where").textContent = "Quoted: " + (place(blocks[at].page, headings.filter(Boolean), $("title").textContent) || "this document");
    $("jump").addEventListener("click", (e) => { e.preventDefault(); if (!root.hidden) toMark(mark); });
    toMark(mark);
  }

  function toMark(mark) {
    mark.scrollIntoView({ block: "center" });
    mark.focus({ preventScroll: true });
  }

  if (document.body.dataset.page === "home") quietly(home());
  else quietly(reader().catch((err) => {
    $("title").textContent = err.status === 404 ? "This document is gone" : "The document could not be opened";
    $("text").hidden = true;
    throw err;
  }), () => location.reload());
})();
