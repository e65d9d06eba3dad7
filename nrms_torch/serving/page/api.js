// The server's routes as functions; every failure is a Problem with one line to show.

const RETRIES = 20;
let key = null;

/** What the server refused, and why, in one line; status 0 where it did not answer. */
export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** Send this API key from now on. */
export function useKey(given) {
  key = given;
}

export const getModel = () => ask("v2/models/nrms");

export const getReaders = async () => (await ask("readers")).readers;

/** Find articles by a text in their title, and the one that has it as its id. */
export async function findArticles(text, limit) {
  const searched = ask(`articles?${new URLSearchParams({ search: text, limit })}`);
  const isId = text !== "" && !text.includes(" ");
  const [byId, byTitle] = await Promise.all([isId ? lookUp([text]) : [], searched]);
  const first = new Set(byId.map((article) => article.article_id));
  return [...byId, ...byTitle.articles.filter((article) => !first.has(article.article_id))];
}

/** Give title and category of articles by their ids; unknown ones are left out. */
export async function lookUp(ids) {
  if (!ids.length) return [];
  const query = new URLSearchParams([["limit", ids.length], ...ids.map((id) => ["article_id", id])]);
  return (await ask(`articles?${query}`)).articles;
}

/** Rank all articles for a history of ids, oldest click first: the k best. */
export const recommend = (history, k) => ask("recommend", { history, candidates: null, k });

export const explain = (history, candidate) => ask("explain", { history, candidate });

export const addArticle = (article) => ask("articles", { articles: [article] });

async function ask(path, body) {
  const options = { headers: { Accept: "application/json" } };
  if (body !== undefined) {
    options.method = "POST";
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
    if (key !== null) options.headers["X-API-Key"] = key;
  }
  for (let tried = 0; ; tried += 1) {
    const response = await fetch(path, options).catch(() => {
      throw new Problem(0, "The server does not answer.");
    });
    if (response.ok) return response.json();
    if (response.status !== 503 || tried === RETRIES) throw await problemOf(response);
    // Still loading its model, or busy: it says when to come again.
    const seconds = Number(response.headers.get("Retry-After")) || 1;
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  }
}

async function problemOf(response) {
  const problem = await response.json().catch(() => ({}));
  return new Problem(response.status, problem.detail || `${response.status} ${response.statusText}`);
}
