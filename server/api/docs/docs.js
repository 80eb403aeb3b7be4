"use strict";
// Shows openapi.json as a plain page. Everything is put in as text.
(async function () {
  const root = document.getElementById("operations");
  const el = (name, text, ...children) => {
    const e = document.createElement(name);
    if (text) e.textContent = text;
    e.append(...children);
    return e;
  };
  let spec;
  try {
    spec = await (await fetch("/openapi.json")).json();
  } catch (err) {
    root.replaceChildren(el("p", "The description could not be read: " + err.message));
    return;
  }
  const resolve = (s) => (s && s.$ref ? spec.components.schemas[s.$ref.split("/").pop()] : s) || {};
  const nameOf = (s) => {
    if (!s) return "";
    if (s.$ref) return s.$ref.split("/").pop();
    if (s.anyOf) return s.anyOf.map(nameOf).join(" | ");
    if (s.items) return "list of " + nameOf(s.items);
    const type = Array.isArray(s.type) ? s.type.join(" | ") : s.type || "any";
    return s.enum ? s.enum.join(" | ") : type;
  };
  const members = (schema, depth) => {
    const s = resolve(schema);
    const table = el("table");
    for (const [name, p] of Object.entries(s.properties || {})) {
      const inner = resolve(p.items || p);
      const needed = (s.required || []).includes(name) ? "" : " (optional)";
      table.append(el("tr", "", el("td", "", el("code", name)), el("td", nameOf(p) + needed), el("td", p.description || inner.description || "")));
    }
    return table;
  };
  const groups = new Map();
  for (const [path, item] of Object.entries(spec.paths)) {
    for (const [method, op] of Object.entries(item)) {
      if (!op || !op.operationId) continue;
      const tag = (op.tags || ["other"])[0];
      if (!groups.has(tag)) groups.set(tag, []);
      const inside = el("div");
      inside.className = "inside";
      if (op.description) inside.append(el("p", op.description));
      if (op.parameters && op.parameters.length) {
        const table = el("table");
        for (const p of op.parameters) {
          table.append(el("tr", "", el("td", "", el("code", p.name)), el("td", p.in), el("td", p.description || "")));
        }
        inside.append(el("h3", "Parameters"), table);
      }
      for (const [type, media] of Object.entries((op.requestBody && op.requestBody.content) || {})) {
        inside.append(el("h3", "Request: " + type), members(media.schema));
      }
      for (const [status, response] of Object.entries(op.responses || {})) {
        for (const [type, media] of Object.entries(response.content || {})) {
          inside.append(el("h3", "Response " + status + ": " + type), el("p", response.description || ""), members(media.schema));
        }
      }
      groups.get(tag).push(el("details", "", el("summary", "", el("b", method.toUpperCase()), el("code", path), el("span", " " + (op.summary || ""))), inside));
    }
  }
  root.replaceChildren(...[...groups].flatMap(([tag, ops]) => [el("h2", tag), ...ops]));
})();
