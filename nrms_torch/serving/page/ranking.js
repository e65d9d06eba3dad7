// The ranking: articles with scores, each with a button that says why and one that clicks it.

import { bar, byId, chip, make, percent, plain, replaceKeepingFocus, tell, titleOf } from "./dom.js";
import { explanationOf } from "./explanation.js";

/**
 * Show ranked `rows` of {article, score, probability, place, isNew}, best first;
 * places may be left out.
 *
 * `history` are the reader's clicks; `click` gets an article that the reader is to click on.
 */
export function showRanking(rows, history, click) {
  const highest = Math.max(...rows.map((row) => Math.abs(row.score)), 1e-9);
  const items = [];
  let before = 0;
  for (const row of rows) {
    if (row.place > before + 1) items.push(make("li", { class: "gap", "aria-hidden": "true" }, "⋯"));
    items.push(ranked(row, highest, history, click));
    before = row.place;
  }
  replaceKeepingFocus(byId("ranking"), items);
}

function ranked({ article, score, probability, place, isNew }, highest, history, click) {
  const why = make("div", { class: "why", id: `why-${place}`, hidden: true });
  const opener = make(
    "button",
    {
      type: "button",
      class: "title",
      "aria-expanded": "false",
      "aria-controls": why.id,
      onclick: () => toggle(opener, why, history, article),
    },
    titleOf(article),
  );
  const reading = make(
    "button",
    {
      type: "button",
      class: "read",
      title: "The reader clicks this",
      "aria-label": `Click ${titleOf(article)}`,
      onclick: () => click(article),
    },
    "+ click",
  );
  const about = [isNew ? make("span", { class: "new" }, "new") : null, chip(article.category)];
  const measure = [bar(score / highest), measureOf(score, probability)];
  return make(
    "li",
    { class: isNew ? "row is-new" : "row", value: place },
    make("span", { class: "place", "aria-hidden": "true" }, String(place)),
    make("div", { class: "what" }, opener, make("span", { class: "about" }, about)),
    make("span", { class: "measure" }, measure),
    reading,
    why,
  );
}

/** The chance of a click where the model has been calibrated, else the score itself. */
function measureOf(score, probability) {
  if (probability === null) return make("span", { class: "score" }, plain(score));
  const told = `The chance of a click where it is shown; the score is ${plain(score)}`;
  return make("span", { class: "score", title: told }, percent(probability));
}

async function toggle(opener, why, history, article) {
  const opening = why.hidden;
  opener.setAttribute("aria-expanded", String(opening));
  why.hidden = !opening;
  if (!opening || why.childElementCount) return;
  why.setAttribute("aria-busy", "true");
  try {
    why.replaceChildren(...(await explanationOf(history, article)));
    tell(null);
  } catch (error) {
    why.hidden = true;
    opener.setAttribute("aria-expanded", "false");
    tell(error);
  } finally {
    why.removeAttribute("aria-busy");
  }
}
