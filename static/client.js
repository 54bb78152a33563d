// Asks the server, one thing at a time, and hands its answers to the state. An answer that is no
// good throws: the turn then counts as a failure, and the page tries again.

import { FEWEST_EARLIER, FIRST_RECORDS, MOST_EARLIER } from "./amounts.js";
import { cell } from "./columns.js";
import { byId } from "./dom.js";
import { current, dispatch, set } from "./page.js";
import { nameOperator, operatorToken } from "./settings.js";
import { headOf, isViewer, sameRun, shownRecord } from "./store.js";

const ANSWER_MS = 10000; // an answer that takes longer counts as none
const OK = 200;
const CONFLICT = 409; // the run that was asked about is gone

const memory = {
  token: operatorToken(), // of the operator of a shared run
  turn: Promise.resolve(), // one request at a time: an answer is joined before the next is asked for
  known: "", // run and change of the alarms and requests that were asked for
  fetching: null, // sequence of the past record that was asked for
};

async function request(path, options) {
  const headers = memory.token
    ? { Authorization: `Bearer ${memory.token}` }
    : {};
  const signal = AbortSignal.timeout(ANSWER_MS);
  const answer = await fetch(path, {
    cache: "no-store",
    headers,
    signal,
    ...options,
  });
  return { status: answer.status, body: await answer.json() };
}

function post(path, fields) {
  const body = fields && JSON.stringify(fields);
  return request(path, { method: "POST", body });
}

async function bodyOf(asking) {
  const { status, body } = await asking;
  if (status !== OK) throw new Error(body.error);
  return body;
}

// Do one thing at a time with the server, in order, and remember whether it answered.
export function inTurn(work) {
  memory.turn = memory.turn.then(work).catch(() => {
    memory.fetching = null; // it may be asked for again
    dispatch("failed");
  });
  return memory.turn;
}

// ---- The run

// Ask for what the page begins with, and take the run as it is.
export async function begin() {
  const status = askWhole(); // both at once: neither waits for the other
  status.catch(() => {}); // where the first fails, this one is not missed
  const [role, model] = await Promise.all([
    bodyOf(request("/api/role")),
    bodyOf(request("/api/model")),
  ]);
  set(role);
  dispatch("model", { model });
  await load(status);
}

function askWhole() {
  return bodyOf(request(`/api/status?newest=${FIRST_RECORDS}`));
}

// Take the run as the server has it: at the start, after a reset by anybody, after a restart.
async function load(asking = askWhole()) {
  const answer = await asking;
  dispatch("loaded", { answer });
  loadEarlier(answer.run);
}

// Ask for the events after the newest one here, until there is nothing left that another page
// made. A shared run goes on by the server's pace: its pages ask for what is there, and its
// viewers for no more than that.
export async function poll(count = current().shared ? 0 : 1) {
  const wanted = isViewer(current()) ? 0 : count;
  const [ask, path] = wanted
    ? [post, `/api/next?count=${wanted}`]
    : [request, "/api/status?"];
  let more = true;
  while (more) {
    const state = current();
    const { status, body } = await ask(
      `${path}&after=${headOf(state)}&run=${state.run}`,
    );
    const isAnother =
      status === CONFLICT || (status === OK && !sameRun(state, body));
    if (isAnother) return load();
    if (status !== OK) throw new Error(body.error);
    dispatch("records", { answer: body });
    more = body.head > headOf(current());
  }
  return null;
}

// Ask whether the server is back, and runs what is shown here; a page that is paused takes no
// more than that.
export async function look() {
  const answer = await bodyOf(request("/api/status?newest=0"));
  if (sameRun(current(), answer)) dispatch("records", { answer });
  else await load();
}

// Begin the run anew, with a seed or, where none is given, with the same one.
export async function reset(seed) {
  const query = seed === "" ? "" : `?seed=${encodeURIComponent(seed)}`;
  const { status, body } = await post(`/api/reset${query}`);
  set({ notice: status === OK ? "" : body.error });
  if (status === OK) dispatch("loaded", { answer: body });
}

export function sendPace(speed) {
  return post("/api/pace", { speed });
}

// ---- What came before

// Fill in the part of the run before what was loaded, a piece at a time, behind the live polls.
function loadEarlier(run) {
  inTurn(async () => {
    if (current().run === run && (await fetchEarlier())) loadEarlier(run);
  });
}

// Fetch one piece of the run before the first sample here; return whether one came. Pieces grow
// with what is here.
export async function fetchEarlier() {
  const { columns, oldest } = current();
  const { first, length } = columns;
  if (first <= oldest) return false;
  const rows = Math.min(MOST_EARLIER, Math.max(FEWEST_EARLIER, 2 * length));
  const from = Math.max(oldest, first - rows);
  const { status, body } = await request(
    `/api/series?from=${from}&rows=${first - from}`,
  );
  if (status === OK) dispatch("earlier", { series: body });
  return current().columns.first < first;
}

// The page shows a past sample whole: ask for its record where it is not here; once, where the
// server has it no longer, and not while the server is gone.
export function fetchShown() {
  const state = current();
  const sequence = state.cursor;
  if (sequence === null || shownRecord(state)) return;
  if (state.failures || memory.fetching === sequence) return;
  if (cell(state.columns, "present", sequence) !== 1) return; // there never was one here
  memory.fetching = sequence;
  inTurn(() => fetchRecord(sequence));
}

async function fetchRecord(sequence) {
  const { status, body } = await request(`/api/record?sequence=${sequence}`);
  if (status !== OK) return set({ notice: body.error });
  memory.fetching = null;
  if (!sameRun(current(), body)) return load();
  return dispatch("fetched", { record: body.record });
}

// ---- Alarms, requests, the audit trail

// Ask for alarms and requests where something about them has changed, and for new entries of the
// audit trail where it is open.
export function fetchPeople() {
  const { run, summary, failures } = current();
  const change = `${run} ${summary?.change}`;
  if (!run || failures || change === memory.known) return;
  memory.known = change;
  inTurn(async () => {
    const [alarms, holds] = await Promise.all([
      request("/api/alarms"),
      request("/api/holds"),
    ]);
    if (alarms.status === OK && holds.status === OK) {
      set({ people: { ...alarms.body, ...holds.body } });
    }
    await fetchEntries();
  });
}

// Ask for the entries of the audit trail after the newest one here, until there is none.
export async function fetchEntries() {
  let more = byId("audit").open;
  while (more) {
    const after = current().entries.at(-1)?.number ?? 0;
    const { status, body } = await request(`/api/audit?after_entry=${after}`);
    more = status === OK && body.entries.length > 0;
    if (more) dispatch("entries", { entries: body.entries });
  }
}

// Hand an order to the server. Its answer closes the form that it came from, or says there why it
// was not done; where this form is gone by then, what is on the page is left alone.
export function send(path, fields, form = null) {
  nameOperator(fields.operator);
  inTurn(async () => {
    const { run } = current();
    const { status, body } = await post(path, {
      ...fields,
      run,
      request_id: requestName(run),
    });
    const isOpen = form?.isOpen();
    if (status !== OK && isOpen) return form.refuse(body.error);
    if (status !== OK) return set({ notice: body.error });
    if (isOpen) form.close();
    set({ notice: body.text ?? "" });
    memory.known = ""; // alarms and requests are asked for anew, whatever the summary says
    return look();
  });
}

// Return a name that no other request has: a body that comes twice is then done once.
function requestName(run) {
  const random = Math.random().toString(36).slice(2);
  return `${run}.${random}`;
}
