// The page's state, and what happens when it changes.

import { getModel, getReaders, lookUp, recommend } from "./api.js";
import { byId, count, hideKeepingFocus, tell, titleOf } from "./dom.js";
import { fitForm, startForm } from "./new_article.js";
import { showRanking } from "./ranking.js";
import { showHistory, showReaders } from "./readers.js";
import { startSearch } from "./search.js";

const STEP = 10;
const ALL = 2 ** 31; // more than a server has

const state = { model: null, readers: [], reader: null, history: [], shown: STEP, added: null };
let asked = 0;

/** Take a history, oldest click first, and the number of the reader whose it is, if any. */
function setHistory(history, reader = null) {
  state.history = history;
  state.reader = reader;
  state.shown = STEP;
  showReaders(state.readers, reader, (number) => setHistory(state.readers[number].history, number));
  showHistory(history, state.model.history_size, (place) =>
    setHistory(history.filter((_, other) => other !== place)),
  );
  rank();
}

const click = (article) => setHistory([...state.history, article]);

/** Ask for the ranking and show it, unless another has been asked for meanwhile. */
async function rank() {
  const mine = (asked += 1);
  const { history, added } = state;
  // Where an added article lands is only known from all of them; a clicked one lands nowhere.
  const lands = added && !history.some((article) => article.article_id === added.article_id);
  byId("ranking").setAttribute("aria-busy", "true");
  try {
    const k = lands ? ALL : state.shown;
    const { ranking, unknown } = await recommend(history.map((article) => article.article_id), k);
    const rows = chosen(ranking, added?.article_id);
    const articles = await lookUp(rows.map((row) => row.article_id));
    if (mine !== asked) return;
    const known = new Map(articles.map((article) => [article.article_id, article]));
    showRanking(
      rows.map(({ article_id, score, probability, place }) => ({
        article: known.get(article_id) ?? { article_id, title: "", category: "" },
        score,
        probability,
        place,
        isNew: article_id === added?.article_id,
      })),
      history,
      click,
    );
    sayWhatIsShown(ranking, unknown, added);
    // Neither clicked nor ranked: the server has another model by now, which lacks it.
    const isGone = lands && !rows.some((row) => row.article_id === added.article_id);
    if (isGone && state.added === added) state.added = null;
    tell(null);
  } catch (error) {
    if (mine === asked) tell(error);
  } finally {
    if (mine === asked) byId("ranking").removeAttribute("aria-busy");
  }
}

/** The best rows, and those around the article that was added, with their places. */
function chosen(ranking, added) {
  const rows = ranking.map((row, index) => ({ ...row, place: index + 1 }));
  const landed = rows.findIndex((row) => row.article_id === added);
  return rows.filter(
    ({ place }) => place <= state.shown || (landed >= 0 && Math.abs(place - 1 - landed) <= 1),
  );
}

function sayWhatIsShown(ranking, unknown, added) {
  const clicked = new Set(state.history.map((article) => article.article_id));
  const isClicked = clicked.has(added?.article_id);
  for (const id of unknown) clicked.delete(id);
  const choice = added && !isClicked ? ranking.length : state.model.articles - clicked.size;
  byId("ranking-note").textContent =
    `The best of ${count(choice, "article")} that the reader has not clicked. ` +
    "A title opens what its score is made of.";
  const titles = document.querySelectorAll("#ranking .title");
  hideKeepingFocus(byId("more"), state.shown >= choice, titles[state.shown - STEP]);
  const place = ranking.findIndex((row) => row.article_id === added?.article_id) + 1;
  byId("landed").textContent = isClicked
    ? `“${titleOf(added)}” is among the clicks.`
    : place
      ? `“${titleOf(added)}” lands at ${place.toLocaleString("en")} of ${choice.toLocaleString("en")}.`
      : "";
}

async function landed(article, answer) {
  state.added = article;
  state.model = await getModel();
  sayModel();
  await rank();
  if (answer.unknown_tokens) {
    byId("landed").append(` ${count(answer.unknown_tokens, "token")} unknown to the model left out.`);
  }
  const row = document.querySelector(".is-new");
  row?.scrollIntoView({ block: "nearest" });
}

function sayModel() {
  const { model } = state;
  byId("model").textContent = [
    model.reads_titles ? "NRMS, reads titles" : "NRMSDocVec, reads document vectors",
    count(model.articles, "article"),
    `model ${model.versions[0]}`,
  ].join(" · ");
}

async function start() {
  try {
    [state.model, state.readers] = await Promise.all([getModel(), getReaders()]);
  } catch (error) {
    tell(error);
    return;
  }
  sayModel();
  fitForm(state.model);
  startForm(landed);
  startSearch(click);
  byId("clear").addEventListener("click", () => setHistory([]));
  byId("more").addEventListener("click", () => {
    state.shown += STEP;
    rank();
  });
  if (state.readers.length) setHistory(state.readers[0].history, 0);
  else setHistory([]);
}

start();
