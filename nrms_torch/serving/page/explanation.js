// Why an article is ranked where it is: its words, and the clicks that carried it.

import { explain } from "./api.js";
import { bar, count, make, plain, signed, titleOf } from "./dom.js";

const SHOWN_CLICKS = 5;
const LEGEND = {
  contribution: "Words by what they add to the score",
  weight: "Words by the attention that they get",
};

/** Ask why `article` has its score for `history`; gives the elements that say so. */
export async function explanationOf(history, article) {
  const ids = history.map((click) => click.article_id);
  const parts = await explain(ids, article.article_id);
  const clicked = new Map(history.map((click) => [click.article_id, click]));
  return [wordsOf(parts, article), clicksOf(parts, clicked)].flat().filter((part) => part !== null);
}

function wordsOf(parts, article) {
  if (!parts.title?.words.length) return null;
  return [
    make("h4", {}, LEGEND[parts.word_measure]),
    make("p", { class: "words", "aria-label": titleOf(article) }, marked(parts.title.words)),
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
  const clicks = parts.clicks.toSorted(
    (one, other) => Math.abs(other.contribution) - Math.abs(one.contribution),
  );
  const shown = clicks.slice(0, SHOWN_CLICKS);
  const rest = clicks.slice(SHOWN_CLICKS).map((click) => click.contribution);
  const lines = shown.map((click) => [nameOf(click, clicked, parts.word_measure), click.contribution]);
  if (rest.length) lines.push([count(rest.length, "other click"), total(rest)]);
  if (Math.abs(parts.padding) >= 5e-4) lines.push(["Places without a click", parts.padding]);
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

/** A click's title; with its words coloured where they add up to what the click adds. */
function nameOf(click, clicked, measure) {
  if (measure === "contribution" && click.title?.words.length) return marked(click.title.words);
  const article = clicked.get(click.article_id) ?? click;
  return click.known ? titleOf(article) : `${titleOf(article)}, unknown to the model`;
}

const total = (values) => values.reduce((sum, value) => sum + value, 0);
