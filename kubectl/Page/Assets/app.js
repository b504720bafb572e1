// What the page shows of what it is told. Nothing is decided here: states, reasons and sentences are those of kubectl hostdev.
import { branchesOf, countsOf, nodeItem, textOf } from '/nodes.js';
import { el, replace, setCount } from '/elements.js';
import { folded, hasTrouble, policyCard, problemCards, waitingCards } from '/cards.js';
import { TreeKeys } from '/tree.js';

const SILENCE = 15000; // the server says something every 5 s
const FEW_NODES = 6; // so many are open at first
const MOST_OPENED = 30; // by a filter
const FIRST_CARDS = 5; // the rest is folded

const $ = (selector) => document.querySelector(selector);
const entries = new Map();
const open = new Set(); // keys of items, while nothing is filtered
const flipped = new Set(); // keys of items that are not as the filter has them
const dirty = new Set();
const states = new Set();
const items = new Map(); // by the node's key, its item
let words = [];
let text = '';
let scheduled = false;
let isFirst = true;
let opened = 0;

const isFiltered = () => text !== '' || states.size > 0;
const keysOf = (prefix) => [...entries.keys()].filter((k) => k.startsWith(prefix)).sort();
const valuesOf = (prefix) => keysOf(prefix).map((k) => entries.get(k));

// --- what is told ---------------------------------------------------------------------------------------------------------------

let source;
let lastHeard = 0;
let revision = 0;

function link(state, sentence) {
  const it = $('#link');
  if (it.dataset.state === state) return;
  it.dataset.state = state;
  it.textContent = sentence;
  document.documentElement.dataset.link = state;
}

function connect() {
  source?.close();
  source = new EventSource(`/events?since=${revision}`);
  lastHeard = performance.now();
  source.addEventListener('changes', (event) => {
    lastHeard = performance.now();
    revision = Number(event.lastEventId) || revision;
    take(JSON.parse(event.data));
    link('live', 'live');
  });
  source.addEventListener('beat', () => {
    lastHeard = performance.now();
    link('live', 'live');
  });
  source.addEventListener('error', () => {
    if (source.readyState === EventSource.CLOSED) link('ended', 'ended: start kubectl hostdev ui again');
    else link('away', 'connection lost, trying again');
  });
}

function take(told) {
  if (told.whole) {
    for (const key of entries.keys()) dirty.add(key);
    entries.clear();
  }
  for (const [key, value] of Object.entries(told.entries)) {
    if (value === null) entries.delete(key);
    else entries.set(key, value);
    dirty.add(key);
    if (value !== null && key.startsWith('node/')) {
      value.counts = countsOf(value);
      value.text = textOf(value);
    }
  }
  if (told.last && isFirst) {
    isFirst = false;
    const nodes = keysOf('node/');
    if (nodes.length <= FEW_NODES) for (const key of nodes) open.add(key);
    for (const key of nodes) dirty.add(key);
  }
  schedule();
}

function schedule() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => {
    scheduled = false;
    render();
  });
}

// --- what is shown --------------------------------------------------------------------------------------------------------------

const tree = new TreeKeys($('#nodes'), (item, isOpen) => toggle(item.dataset.key, isOpen));

function toggle(key, isOpen) {
  const now = isItemOpen(key, key.startsWith('node/') ? matchOf(key) : null);
  if (now === isOpen) return;
  const set = isFiltered() ? flipped : open;
  if (set.has(key)) set.delete(key);
  else set.add(key);
  dirty.add(nodeKeyOf(key));
  render();
}

const nodeKeyOf = (key) => key.split('\n')[0];

/** null where nothing of the node is asked for, else what of its branches is. */
function matchOf(key) {
  const node = entries.get(key);
  if (!node) return null;
  const isNamed = text === '' || node.node.toLowerCase().includes(text) || node.text.includes(text);
  if (isNamed && states.size === 0) return { branches: branchesOf(node, null), byDevice: false };
  const wanted = (device) => (isNamed || device.text.includes(text)) && (states.size === 0 || states.has(device.state));
  const branches = branchesOf(node, wanted);
  return branches.length === 0 ? null : { branches, byDevice: true };
}

function isItemOpen(key, match) {
  if (!isFiltered()) return open.has(key);
  const isOpenByFilter = match?.byDevice ? match.isOpened !== false : open.has(key);
  return isOpenByFilter !== flipped.has(key);
}

function render() {
  const began = performance.now();
  const kinds = new Set([...dirty].map((k) => k.split('/')[0]));
  const all = kinds.has('filter');
  if (kinds.has('about')) renderAbout();
  if (kinds.has('notice')) renderNotices();
  if (kinds.has('node') || all) renderStates();
  if (kinds.has('node') || kinds.has('policy') || kinds.has('pod')) renderSide();
  if (kinds.has('node') || all) renderNodes(all);
  dirty.clear();
  document.documentElement.dataset.rendered = String(Math.round(performance.now() - began));
}

function renderAbout() {
  const about = entries.get('about');
  if (!about) return;
  words = about.states;
  $('#cluster').textContent = about.cluster;
  $('#cluster').title = `kubectl-hostdev ${about.version}`;
}

function renderNotices() {
  replace($('#notices'), valuesOf('notice/').map((n) => el('p', { class: 'notice' }, n.sentence)));
}

function renderStates() {
  const counts = {};
  for (const node of valuesOf('node/')) {
    for (const [state, count] of Object.entries(node.counts)) counts[state] = (counts[state] ?? 0) + count;
  }
  const buttons = $('#states');
  for (const { state, meaning } of words) {
    let button = buttons.querySelector(`[data-state="${state}"]`);
    if (!button) {
      button = el('button', { type: 'button', class: 'chip', 'data-state': state, title: meaning },
        el('span', { class: 'mark', 'aria-hidden': 'true' }), el('span', { class: 'word' }, state), el('b', {}));
      button.addEventListener('click', () => {
        if (states.has(state)) states.delete(state);
        else states.add(state);
        filter();
      });
      buttons.append(button);
    }
    const count = counts[state] ?? 0;
    button.querySelector('b').textContent = String(count);
    button.setAttribute('aria-pressed', String(states.has(state)));
    button.classList.toggle('empty', count === 0);
  }
}

function renderSide() {
  const nodes = valuesOf('node/');
  const policies = valuesOf('policy/');
  list('#problems', problemCards(nodes, policies, goTo));
  list('#waiting', waitingCards(nodes, policies, valuesOf('pod/'), goTo));
  list('#policies', policies.map(policyCard));
}

function list(selector, cards) {
  const section = $(selector);
  const details = [...section.querySelectorAll('details[open]')].map((d) => d.dataset.key);
  replace(section.querySelector('ul'), folded(cards, FIRST_CARDS));
  for (const key of details) {
    const again = [...section.querySelectorAll('details')].find((d) => d.dataset.key === key);
    if (again) again.open = true;
  }
  setCount(section, cards.length);
  section.classList.toggle('empty', cards.length === 0);
}

function renderNodes(isAll) {
  const root = $('#nodes');
  const focused = document.activeElement?.closest?.('#nodes [role=treeitem]')?.dataset.key;
  const marked = tree.current?.dataset.key;
  for (const key of isAll ? items.keys() : [...dirty].filter((k) => k.startsWith('node/'))) {
    if (!entries.has(key)) {
      items.get(key)?.remove();
      items.delete(key);
    }
  }
  // Those first that somebody has to look at; then by name.
  const keys = keysOf('node/').sort((a, b) => hasTrouble(entries.get(b)) - hasTrouble(entries.get(a)));
  let there = 0;
  let at = root.firstElementChild;
  opened = 0;
  for (const key of keys) {
    const isStale = isAll || dirty.has(key) || !items.has(key);
    let item = items.get(key);
    if (isStale) {
      const match = matchOf(key);
      if (match && match.byDevice && ++opened > MOST_OPENED) match.isOpened = false;
      const fresh = match && nodeItem(entries.get(key), key, match, isItemOpen(key, match), (k) => isDeviceOpen(k));
      if (item && fresh) {
        if (at === item) at = fresh;
        item.replaceWith(fresh);
      } else if (item) {
        if (at === item) at = item.nextElementSibling;
        item.remove();
      }
      item = fresh ?? null;
      if (item) items.set(key, item);
      else items.set(key, null);
    }
    if (!item) continue;
    there++;
    if (at === item) at = item.nextElementSibling;
    else root.insertBefore(item, at);
  }
  setCount($('#all'), there === keys.length ? there : `${there} of ${keys.length}`);
  const none = $('#all > .none');
  none.hidden = there > 0 || isFirst;
  none.textContent = isFiltered() ? 'No node has anything of that.' : 'No node runs an agent that has reported.';
  $('#fold').textContent = open.size > 0 ? 'Close all' : 'Open all';
  $('#fold').hidden = isFiltered();
  const find = (key) => key && [...root.querySelectorAll('[role=treeitem]')].find((i) => i.dataset.key === key);
  if (marked) tree.mark(find(marked));
  if (focused) (find(focused) ?? find(nodeKeyOf(focused)))?.focus({ preventScroll: true });
  tree.settle();
}

const isDeviceOpen = (key) => (isFiltered() ? flipped.has(key) : open.has(key));

/** From a sentence to what it speaks of. */
function goTo(node, device) {
  const key = `node/${node}`;
  if (isFiltered()) {
    $('#search').value = '';
    text = '';
    states.clear();
    dirty.add('filter');
  }
  open.add(key);
  if (device) open.add(`${key}\n${device}`);
  dirty.add(key);
  render();
  const wanted = device ? `${key}\n${device}` : key;
  const item = [...document.querySelectorAll('#nodes [role=treeitem]')].find((i) => i.dataset.key === wanted) ?? items.get(key);
  if (!item) return;
  tree.focus(item);
  item.scrollIntoView({ block: 'center' });
}

// --- what is done ---------------------------------------------------------------------------------------------------------------

function filter() {
  text = $('#search').value.trim().toLowerCase();
  flipped.clear();
  dirty.add('filter');
  schedule();
}

$('#search').addEventListener('input', filter);
$('#search').addEventListener('keydown', (event) => {
  if (event.key === 'Escape') {
    $('#search').value = '';
    states.clear();
    filter();
  } else if (event.key === 'ArrowDown') {
    tree.focus(tree.current);
  } else {
    return;
  }
  event.preventDefault();
});
document.addEventListener('keydown', (event) => {
  if (event.key !== '/' || event.ctrlKey || event.altKey || event.metaKey || event.target === $('#search')) return;
  $('#search').focus();
  $('#search').select();
  event.preventDefault();
});
$('#nodes').addEventListener('click', (event) => {
  const row = event.target.closest('.row');
  const item = row?.closest('[role=treeitem]');
  if (!item || String(getSelection()).length > 0) return;
  const isOpen = item.getAttribute('aria-expanded');
  const key = item.dataset.key;
  tree.mark(item);
  item.focus({ preventScroll: true });
  if (isOpen !== null) toggle(key, isOpen === 'false');
});
$('#fold').addEventListener('click', () => {
  const nodes = keysOf('node/');
  if (open.size > 0) open.clear();
  else for (const key of nodes) open.add(key);
  for (const key of nodes) dirty.add(key);
  render();
});

const themes = ['auto', 'light', 'dark'];
const stored = () => {
  try { return localStorage.getItem('theme'); } catch { return null; }
};
function theme(name) {
  const it = themes.includes(name) ? name : 'auto';
  document.documentElement.dataset.theme = it;
  $('#theme').textContent = it;
  $('#theme').setAttribute('aria-label', `Colours: ${it}. Change them`);
  try { localStorage.setItem('theme', it); } catch { /* a browser that keeps nothing */ }
}
$('#theme').addEventListener('click', () => theme(themes[(themes.indexOf(document.documentElement.dataset.theme) + 1) % themes.length]));
theme(stored());

if (location.search) history.replaceState(null, '', '/'); // the token was good once, and need not stand there
connect();
setInterval(() => {
  if (source.readyState !== EventSource.CLOSED && performance.now() - lastHeard > SILENCE) {
    link('away', 'connection lost, trying again');
    connect();
  }
}, 1000);
