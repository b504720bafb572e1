// Elements from texts. Texts become text nodes and attributes, never markup: there is no other way in this page.

/** @param children elements, texts, and nothing (null, false), which is left out. */
export function el(tag, attributes = {}, ...children) {
  const it = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) it.setAttribute(name, value === true ? '' : String(value));
  }
  it.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false && c !== ''));
  return it;
}

export function replace(parent, children) {
  parent.replaceChildren(...children);
}

export function setCount(section, count) {
  section.querySelector('.count').textContent = String(count);
}

const UNITS = [['d', 86400], ['h', 3600], ['m', 60], ['s', 1]];

/** As kubectl writes an age, one unit. */
export function age(since) {
  const seconds = Math.max(0, (Date.now() - Date.parse(since)) / 1000);
  const [unit, size] = UNITS.find(([, s]) => seconds >= 2 * s) ?? UNITS.at(-1);
  return `${Math.floor(seconds / size)}${unit}`;
}

/** A state as it is shown everywhere: a mark, a colour and the word. */
export function badge(state) {
  return el('span', { class: 'badge', 'data-state': state }, el('span', { class: 'mark', 'aria-hidden': 'true' }), state);
}

export function link(label, act) {
  const it = el('button', { type: 'button', class: 'link' }, label);
  it.addEventListener('click', act);
  return it;
}

/** A reason's word; what is nothing to worry about is told by its colour too. */
export function reason(word) {
  if (!word) return null;
  const tone = { Ready: 'reason fine', NoMatch: 'reason idle' }[word];
  return el('span', { class: tone ?? 'reason' }, word);
}
