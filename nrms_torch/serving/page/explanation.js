// Why an article is ranked where it is: its words, and the clicks that carried it.

import { explain } from "./api.js";
import { bar, count, make, plain, signed, titleOf } from "./dom.js";

const SHOWN_ARTICLES = 5;
const LEAST_SHOWN = 5e-4; // a smaller number is written as 0.000
const LEGEND = {
  contribution: "Words by what they add to the score",
  weight: "Words by the attention that they get",
};

/** Ask why `article` has its score for `history`; gives the elements that say so. */
export async function explanationOf(history, article) {
  const ids = history.map((click) => click.article_id);
  const parts = await explain(ids, article.article_id);
  const clicked = new Map(history.map((click) => [click.article_id, click]));
  return [wordsOf(parts), clicksOf(parts, clicked)].flat().filter((part) => part !== null);
}

function wordsOf(parts) {
  if (!parts.title?.words.length) return null;
  return [
    make("h4", {}, LEGEND[parts.word_measure]),
    make("p", { class: "words" }, marked(parts.title.words)),
  ];
}

/** A title's words, each the more coloured the more it counts among them. */
function marked(words) {
  const highest = Math.max(...words.map(({ value }) => Math.abs(value)), 1e-12);
  return words.flatMap(({ word, value }) => {
    const mark = make("mark", { title: signed(value), class: value < 0 ? "against" : null }, word);
    mark.style.setProperty("--share", (Math.abs(value) / highest).toFixed(4));
    return [mark, " "];
  });
}

function clicksOf(parts, clicked) {
  const groups = grouped(parts.clicks);
  const rest = groups.slice(SHOWN_ARTICLES).flat();
  const lines = groups
    .slice(0, SHOWN_ARTICLES)
    .map((clicks) => [nameOf(clicks, clicked, parts.word_measure), total(clicks)]);
  if (rest.length) lines.push([count(rest.length, "other click"), total(rest)]);
  if (Math.abs(parts.padding) >= LEAST_SHOWN) lines.push(["Places without a click", parts.padding]);
  if (Math.abs(parts.common) >= LEAST_SHOWN) lines.push(["What every reader clicks", parts.common]);
  const highest = Math.max(...lines.map(([, value]) => Math.abs(value)), 1e-12);
  return [
    make("h4", {}, "Clicks by what they add to the score"),
    make(
      "ul",
      { class: "parts" },
      lines.map(([name, value]) =>
        make(
          "li",
          {},
          make("span", { class: "name" }, name),
          bar(value / highest),
          make("span", { class: "score" }, signed(value)),
        ),
      ),
    ),
    make("p", { class: "quiet sum" }, `Together the score, ${plain(parts.score)}.`),
  ];
}

/** Clicks on the same article together, those that add or take most first. */
function grouped(clicks) {
  const groups = new Map();
  for (const click of clicks) {
    groups.set(click.article_id, [...(groups.get(click.article_id) ?? []), click]);
  }
  return [...groups.values()].toSorted(
    (one, other) => Math.abs(total(other)) - Math.abs(total(one)),
  );
}

/** The title of clicks on one article; its words coloured where they add up to what one adds. */
function nameOf(clicks, clicked, measure) {
  const [click] = clicks;
  const times = clicks.length > 1 ? ` × ${clicks.length}` : "";
  if (measure === "contribution" && click.title?.words.length) {
    return [...marked(click.title.words), times];
  }
  const title = titleOf(clicked.get(click.article_id) ?? click);
  return `${title}${click.known ? "" : ", unknown to the model"}${times}`;
}

const total = (clicks) => clicks.reduce((sum, click) => sum + click.contribution, 0);
